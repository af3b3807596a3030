"""What an act keeps of an answer: what may be done and by whom; of anything else not a byte, however much there is."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from libs.auth.acts import administered
from libs.contracts.northern.v1.facts_pb2 import Admin


def admin(**more: object) -> Admin:
    common = {"act_id": "a", "at_ms": 1, "verb": "v", "tenant": "t", "actor": "u", "standing": "owner"}
    return administered(**{**common, "actor_tenant": "t", **more}).admin  # type: ignore[arg-type]


def test_names_of_members_are_kept_and_their_values_are_not() -> None:
    said = admin(members={"api_key": "canary", "role": "owner"}, answer={"api_key": "canary", "role": "owner"})
    assert list(said.members) == ["api_key", "role"]
    assert orjson.loads(said.detail) == {"role": "owner"}
    assert b"canary" not in said.SerializeToString()


@given(st.dictionaries(st.sampled_from(["key", "token", "secret", "url", "name", "email", "invite"]), st.text()))
def test_nothing_that_could_be_a_secret_is_told(answer: dict[str, str]) -> None:
    assert admin(answer=answer).detail == "{}"


def test_a_flood_stays_small() -> None:
    said = admin(members=[f"m{n}" * 40 for n in range(999)], answer={"model_pool": ["x" * 99] * 99})
    assert len(said.members) == 32
    assert max(len(name) for name in said.members) == 64
    assert said.detail == "{}"
