"""Whatever JSON a caller sends is answered with an error of ours or sent on as the same value."""

from dataclasses import replace
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest, NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Surface
from services.ingress import domain
from tests.unit.ingress.asking import ALL, CHAT, COUNT, MESSAGES

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
        "system",
        "output_config",
        "output_format",
        *domain.OURS,
    ]
)
ANY_BODY = st.dictionaries(KNOWN | st.text(), VALUES, max_size=8)
ROLES = st.sampled_from(["user", "system", "assistant"])
# Blocks as Anthropic and OpenAI have them, with anything where something else belongs, one within another.
BLOCK_MEMBERS = st.sampled_from(["type", "text", "source", "content", "data", "url", "image_url", "format"])
TYPES = st.sampled_from(["text", "image", "image_url", "tool_result", "document", "url", "https://a.b/c", "data:x"])
BLOCKS = st.recursive(
    SCALARS | TYPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BLOCK_MEMBERS, inner | TYPES, max_size=5),
    max_leaves=20,
)
MESSAGE = st.fixed_dictionaries({"role": ROLES}, optional={"content": VALUES | BLOCKS, "name": VALUES})
FAIR_BODY = st.builds(
    lambda extra, messages, system: {**extra, "model": "m", "messages": messages, "system": system, "max_tokens": 1},
    st.dictionaries(st.text().filter(lambda name: name not in domain.OURS), VALUES, max_size=6),
    st.lists(MESSAGE, min_size=1, max_size=5),
    BLOCKS,
)
HEADERS = st.dictionaries(
    st.sampled_from([*domain.HEADER_FORMS.values(), "anthropic-version", "anthropic-beta"]), st.text(), max_size=4
)
CALLS = st.builds(
    replace,
    st.sampled_from([CHAT, MESSAGES, COUNT]),
    surface=st.sampled_from([Surface.SURFACE_GATEWAY, Surface.SURFACE_INFERENCE]),
)


@settings(max_examples=100)
@given(raw=st.binary() | VALUES.map(orjson.dumps))
def test_whatever_bytes_arrive_are_an_object_or_an_error_of_ours(raw: bytes) -> None:
    try:
        assert isinstance(domain.parse(raw), dict)
    except InvalidRequest as error:
        assert len(error.message) < 200  # noqa: PT017 - whether it raises is what varies


@settings(max_examples=300)
@given(body=ANY_BODY | FAIR_BODY, headers=HEADERS, call=CALLS)
def test_whatever_object_is_asked_nothing_but_our_own_errors_is_raised(
    body: dict[str, Any], headers: dict[str, str], call: domain.Call
) -> None:
    try:
        asked = domain.read(domain.parse(orjson.dumps(body)), headers, ALL, call)
    except NorthernError as error:
        error.message.encode()
        return
    assert asked.shape.model == body["model"]
    assert asked.shape.image_links <= asked.shape.images


@settings(max_examples=100)
@given(headers=HEADERS, betas=st.lists(st.text(), max_size=3))
def test_versions_are_printable_or_refused(headers: dict[str, str], betas: list[str]) -> None:
    try:
        found = domain.versions(headers, betas)
    except InvalidRequest as error:
        assert error.param.startswith("anthropic-")  # noqa: PT017 - whether it raises is what varies
        return
    assert all(text.isascii() and (text.isprintable()) for text in found)


@settings(max_examples=200)
@given(body=FAIR_BODY, call=CALLS)
def test_what_is_sent_on_is_the_value_that_was_checked(body: dict[str, Any], call: domain.Call) -> None:
    for name in ("stream", "stream_options", "max_completion_tokens", "temperature"):
        body.pop(name, None)
    asked = domain.read(domain.parse(orjson.dumps(body)), {}, ALL, call)
    kept = {name: value for name, value in body.items() if name != "model"}
    assert orjson.loads(asked.body) == kept
    assert list(orjson.loads(asked.body)) == list(kept)  # in the caller's order


@settings(max_examples=100)
@given(body=FAIR_BODY, first=FAIR_BODY, call=CALLS)
def test_of_members_given_twice_the_last_is_what_is_checked_and_sent(
    body: dict[str, Any], first: dict[str, Any], call: domain.Call
) -> None:
    for each in (body, first):
        for name in ("stream", "stream_options", "max_completion_tokens", "temperature"):
            each.pop(name, None)
    # Both texts as one object: whatever the second has again stands twice.
    twice = orjson.dumps(first)[:-1] + b"," + orjson.dumps(body)[1:]
    asked = domain.read(domain.parse(twice), {}, ALL, call)
    wanted = {name: value for name, value in {**first, **body}.items() if name != "model"}
    assert orjson.loads(asked.body) == wanted
    alone = domain.read(domain.parse(orjson.dumps(body)), {}, ALL, call)
    assert asked.shape.last_user_turn == alone.shape.last_user_turn
    assert asked.shape.images == alone.shape.images
