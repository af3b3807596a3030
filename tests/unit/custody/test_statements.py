"""What of a fact goes on record: everything, in plain values, the same bytes each time."""

from collections.abc import Callable

import orjson
import pytest

from libs.contracts.northern.v1.facts_pb2 import Fact
from services.custody.statements import canonical, statement

Make = Callable[..., Fact]


def fields_of(message: object) -> set[str]:
    return {f.name for f in message.DESCRIPTOR.fields}  # type: ignore[attr-defined]  # every protobuf message has one


@pytest.mark.parametrize("kind", ["egress", "finished", "delivered", "refused"])
def test_every_field_of_the_contract_is_in_the_statement(fact: Make, kind: str) -> None:
    made = fact(kind)
    said = statement(made)
    assert fields_of(getattr(made, kind)) == said.keys() - {"v", "kind", "request_id", "tenant", "at_ms"}
    if kind in ("egress", "finished"):
        assert fields_of(getattr(made, kind).route) == said["route"].keys()
    if kind == "finished":
        assert fields_of(made.finished.usage) == said["usage"].keys()
        assert fields_of(made.finished.endpoint) == said["endpoint"].keys()


def test_hashes_are_hex_enums_are_names_and_nothing_is_a_float(fact: Make) -> None:
    said = statement(fact("egress"))
    assert said["salt"] == "01" * 32
    assert (said["dialect"], said["surface"], said["operation"]) == ("openai_chat", "gateway", "generate")
    assert statement(fact("finished"))["outcome"] == "completed"
    assert statement(fact("delivered"))["delivery"] == "complete"
    for kind in ("egress", "finished", "delivered", "refused"):
        assert b"." not in orjson.dumps([v for v in statement(fact(kind)).values() if not isinstance(v, str | dict)])


def test_a_number_this_version_does_not_know_is_kept_as_a_number(fact: Make) -> None:
    made = fact("finished")
    made.finished.MergeFromString(b"\x18\x2a")  # outcome: 42
    assert statement(made)["outcome"] == "42"


def test_canonical_bytes_have_their_names_in_order_and_no_spaces(fact: Make) -> None:
    made = canonical(statement(fact("delivered")))
    assert made == canonical(dict(reversed(statement(fact("delivered")).items())))
    assert list(orjson.loads(made)) == sorted(orjson.loads(made))
    assert b" " not in made


def test_a_fact_without_a_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        statement(Fact(request_id="0" * 16))
