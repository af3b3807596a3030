"""Whatever JSON a caller sends is answered with an error of ours or sent on as the same value."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest, NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Surface
from services.ingress import domain
from tests.unit.ingress.asking import ALL

# Whole numbers beyond 64 bits have no exact form in most readers of JSON; orjson makes floats of them.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
KNOWN = st.sampled_from(
    [
        "model",
        "messages",
        "stream",
        "stream_options",
        "temperature",
        "max_tokens",
        "max_completion_tokens",
        "tools",
        "response_format",
        *domain.OURS,
    ]
)
ANY_BODY = st.dictionaries(KNOWN | st.text(), VALUES, max_size=8)
ROLES = st.sampled_from(["user", "system", "assistant"])
MESSAGE = st.fixed_dictionaries({"role": ROLES}, optional={"content": VALUES, "name": VALUES})
FAIR_BODY = st.builds(
    lambda extra, messages: {**extra, "model": "m", "messages": messages},
    st.dictionaries(st.text().filter(lambda name: name not in domain.OURS), VALUES, max_size=6),
    st.lists(MESSAGE, min_size=1, max_size=5),
)
HEADERS = st.dictionaries(st.sampled_from(list(domain.HEADER_FORMS.values())), st.text(), max_size=4)
SURFACES = st.sampled_from([Surface.SURFACE_GATEWAY, Surface.SURFACE_INFERENCE])


@settings(max_examples=100, deadline=None)
@given(raw=st.binary() | VALUES.map(orjson.dumps))
def test_whatever_bytes_arrive_are_an_object_or_an_error_of_ours(raw: bytes) -> None:
    try:
        assert isinstance(domain.parse(raw), dict)
    except InvalidRequest as error:
        assert len(error.message) < 200  # noqa: PT017 - whether it raises is what varies


@settings(max_examples=150, deadline=None)
@given(body=ANY_BODY | FAIR_BODY, headers=HEADERS, surface=SURFACES)
def test_whatever_object_is_asked_nothing_but_our_own_errors_is_raised(
    body: dict[str, Any], headers: dict[str, str], surface: Surface
) -> None:
    try:
        asked = domain.read(domain.parse(orjson.dumps(body)), headers, ALL, surface)
    except NorthernError as error:
        error.message.encode()
        return
    assert asked.shape.model == body["model"]


@settings(max_examples=100, deadline=None)
@given(body=FAIR_BODY)
def test_what_is_sent_on_is_the_value_that_was_checked(body: dict[str, Any]) -> None:
    for name in ("stream", "stream_options", "max_tokens", "max_completion_tokens"):
        body.pop(name, None)
    asked = domain.read(domain.parse(orjson.dumps(body)), {}, ALL, Surface.SURFACE_GATEWAY)
    kept = {name: value for name, value in body.items() if name != "model"}
    assert orjson.loads(asked.body) == kept
    assert list(orjson.loads(asked.body)) == list(kept)  # in the caller's order
