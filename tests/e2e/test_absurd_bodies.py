"""Bodies that are doubled, deep, long or huge, in both dialects, on every wire: one reading, and nothing falls."""

import json
from typing import Any

import orjson
import pytest

from tests.e2e.dialects import BOTH, CHAT, MESSAGES, WIRES, Dialect, Told
from tests.e2e.edge import Edge
from tests.support.street import Street
from tests.support.upstream_log import mark, since

pytestmark = pytest.mark.street

each_dialect = pytest.mark.parametrize("dialect", BOTH, ids=str)
each_wire = pytest.mark.parametrize("wire", WIRES)
MIB = 1 << 20
INVALID = Told(status=400, type="invalid_request_error")
HI = {"role": "user", "content": "hi"}


# --- one reading --------------------------------------------------------------------------------------------------


def doubled(dialect: Dialect, route: str, *, stream: bool) -> bytes:
    """Every object of a request with a member twice: FIRST is what must not be read, SECOND is what must."""
    schema = (
        '{"type":"string","type":"object","properties":{"FIRST":{"type":"string"}},"properties":'
        '{"SECOND":{"type":"string","type":"integer","description":"FIRST","description":"SECOND"}},'
        '"required":["FIRST"],"required":["SECOND"]}'
    )
    text = '{"type":"text","text":"FIRST","text":"Repeat this line exactly: SECOND"}'
    message = f'{{"role":"assistant","role":"user","content":"FIRST","content":[{text}]}}'
    flag = "true" if stream else "false"
    if dialect is CHAT:
        function = (
            '{"name":"FIRST","name":"SECOND","description":"FIRST","description":"SECOND",'
            f'"parameters":{{}},"parameters":{schema}}}'
        )
        tool = f'{{"type":"custom","type":"function","function":{{"name":"FIRST"}},"function":{function}}}'
    else:
        tool = (
            '{"name":"FIRST","name":"SECOND","description":"FIRST","description":"SECOND",'
            f'"input_schema":{{}},"input_schema":{schema}}}'
        )
    limit = "max_completion_tokens" if dialect is CHAT else "max_tokens"
    return (
        f'{{"model":"no/FIRST","model":"{route}","stream":{"false" if stream else "true"},"stream":{flag},'
        f'"{limit}":3,"{limit}":400,"messages":[{{"role":"user","content":"FIRST"}}],"messages":[{message}],'
        f'"tools":[],"tools":[{tool}],"allow_fallbacks":true,"allow_fallbacks":false}}'
    ).encode()


@each_dialect
@each_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_member_that_stands_twice_is_read_one_way_by_everybody(
    edge: Edge, street: Street, dialect: Dialect, wire: str, stream: bool
) -> None:
    before = await mark(street)
    reply = await dialect.send(edge, doubled(dialect, WIRES[wire], stream=stream))
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    assert b"SECOND" in reply.body
    (entry,) = await since(street, before)
    assert "FIRST" not in entry["body"] + entry["path"]
    assert "allow_fallbacks" not in entry["body"]
    seen = orjson.loads(entry["body"])
    assert orjson.dumps(seen).count(b'"') == entry["body"].count('"'), "a member still stands twice"
    assert "400" in entry["body"]


# --- absurd sizes -------------------------------------------------------------------------------------------------


def deep(levels: int) -> Any:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def with_schema(dialect: Dialect, route: str, schema: Any) -> dict[str, Any]:
    tool = (
        {"type": "function", "function": {"name": "look", "parameters": schema}}
        if dialect is CHAT
        else {"name": "look", "input_schema": schema}
    )
    return dialect.body(route, "Repeat this line exactly: still here", tools=[tool])


@each_dialect
@each_wire
async def test_a_body_that_is_too_deep_is_refused_and_one_that_is_deep_is_not(
    edge: Edge, dialect: Dialect, wire: str
) -> None:
    """Two levels of JSON for each of the schema's. Around the limit some wires nest a body deeper than it came."""
    for levels in (20, *range(110, 128), 200, 400):
        reply = await dialect.send(edge, json.dumps(with_schema(dialect, WIRES[wire], deep(levels))).encode())
        if reply.status != 200:
            assert dialect.told(reply) == INVALID, levels
        assert reply.status == 200 or levels >= 110
        assert reply.status == 400 or levels < 128


@each_dialect
async def test_json_that_no_parser_should_follow_is_refused(edge: Edge, dialect: Dialect) -> None:
    for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
        body = b'{"model":"m","max_tokens":5,"messages":' + opened * 100_000 + b"1" + closed * 100_000 + b"}"
        assert dialect.told(await dialect.send(edge, body)) == INVALID


@each_dialect
async def test_more_messages_than_the_dialect_has_are_refused(edge: Edge, dialect: Dialect) -> None:
    reply = await dialect.send(edge, dialect.body(WIRES["Anthropic"], [HI] * 100_001))
    assert dialect.told(reply) == INVALID
    assert "messages" in reply.body.decode()


async def test_a_hundred_thousand_messages_are_answered_and_the_street_goes_on(edge: Edge) -> None:
    for wire in ("Anthropic", "Gemini"):
        reply = await MESSAGES.send(edge, MESSAGES.body(WIRES[wire], [HI] * 100_000))
        assert reply.status in {200, 400, 413}, reply.body[:300]
    assert (await MESSAGES.send(edge, MESSAGES.body(WIRES["Anthropic"], "hi"))).status == 200


@each_dialect
@each_wire
async def test_a_giant_schema_passes_or_is_refused_and_nothing_falls(edge: Edge, dialect: Dialect, wire: str) -> None:
    schema = {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "description": "x" * 90} for n in range(9000)},
    }
    reply = await dialect.send(edge, with_schema(dialect, WIRES[wire], schema))
    assert reply.status in {200, 400, 413}, reply.body[:300]
    if reply.status != 200:
        dialect.told(reply)


@each_dialect
async def test_33_mib_are_too_large_in_the_dialects_own_words(edge: Edge, dialect: Dialect) -> None:
    reply = await dialect.send(edge, dialect.body(WIRES["Anthropic"], "x" * (33 * MIB)))
    if dialect is CHAT:
        assert dialect.told(reply) == Told(status=413, type="invalid_request_error", code="request_too_large")
    else:
        assert dialect.told(reply) == Told(status=413, type="request_too_large")
