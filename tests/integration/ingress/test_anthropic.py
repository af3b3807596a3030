"""Anthropic's API at the edge: what the worker receives, what the client gets, and what is kept alive meanwhile."""

import asyncio

import orjson
import pytest

from libs.bus.outflow import Outflow
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Operation, Surface
from libs.contracts.northern.v1.facts_pb2 import Delivery
from libs.contracts.northern.v1.frames_pb2 import Head
from services.ingress.inference.relay import PING
from tests.integration.ingress.edge import (
    CLAUDE,
    END,
    KEY,
    MESSAGES,
    ROUTE_FACTS,
    edge,
    get,
    head,
    message,
    post,
)
from tests.integration.ingress.scripts import COUNTED, DELTA, MESSAGE, START, STOP, matches, speak_anthropic

COMMENT = b": keep-alive\n\n"

# --- what goes in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/v1/messages", "/v1/v1/messages", "/api/v1/inference/messages", "/api/v1/inference/v1/messages"],
)
@pytest.mark.parametrize("query", ["", "?beta=true", "?beta=true&x=%ff&&="])
async def test_every_alias_and_any_query_is_a_message_on_its_own_surface(path: str, query: str) -> None:
    async with edge(speak_anthropic) as street:
        reply = await street.say(message(path=path + query))
        (envelope,) = street.envelopes
    assert (reply.status, reply.body) == (200, MESSAGE)
    assert envelope.dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES
    assert envelope.operation == Operation.OPERATION_GENERATE
    inference = "inference" in path
    assert envelope.surface == (Surface.SURFACE_INFERENCE if inference else Surface.SURFACE_GATEWAY)


async def test_the_seeds_call_by_x_api_key_is_answered_with_the_custody_headers() -> None:
    raw = b'{"model": "claude-haiku-4-5-20251015", "max_tokens": 30, "messages": [{"role": "user", "content": "hi"}]}'
    head_ = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\nanthropic-version: 2023-06-01\r\n"
    async with edge(speak_anthropic) as street:
        reply = await street.say(head_.encode() + b"Content-Length: %d\r\n\r\n" % len(raw) + raw)
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    assert (reply.status, reply.body) == (200, MESSAGE)
    assert reply.headers["request-id"] == reply.headers["x-ni-request-id"] == envelope.request_id
    assert reply.headers["x-ni-custody-path"] == "NI-CA -> Azure-CA"
    assert "x-ni-estimated" not in reply.headers
    assert (envelope.shape.model, envelope.shape.max_tokens) == ("claude-haiku-4-5-20251015", 30)
    assert (envelope.anthropic_version, envelope.anthropic_beta) == ("2023-06-01", "")
    assert (delivered.delivery, delivered.output_bytes) == (Delivery.DELIVERY_COMPLETE, 7)
    assert matches(delivered, reply, envelope)


async def test_claude_codes_request_is_taken_as_it_comes() -> None:
    async with edge(speak_anthropic) as street:
        reply = await street.say(
            message(
                "anthropic-version: 2026-10-21",
                "anthropic-beta: claude-code-20250219,context-1m-2025-08-07",
                "anthropic-beta: interleaved-thinking-2025-05-14",
                path="/v1/messages?beta=true",
                model="claude-sonnet-4-5-20250929[1m]",
                stream=True,
                system=[{"type": "text", "text": "You are", "cache_control": {"type": "ephemeral"}}],
                privacy_tier="managed_canadian_cloud",
            )
        )
        (envelope,) = street.envelopes
    assert (reply.status, reply.body) == (200, START + DELTA + STOP)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert envelope.shape.model == "claude-sonnet-4-5-20250929[1m]"
    assert envelope.shape.stream
    assert envelope.anthropic_version == "2026-10-21"
    assert envelope.anthropic_beta == ("claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14")
    assert envelope.policy.tier == "managed_canadian_cloud"
    assert list(orjson.loads(envelope.body)) == ["max_tokens", "messages", "system"]


async def test_a_chat_does_not_carry_anthropics_headers() -> None:
    async with edge(speak_anthropic) as street:
        raw = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
        await street.say(post(raw, "anthropic-version: 2023-06-01", "anthropic-beta: b"))
        (envelope,) = street.envelopes
    assert (envelope.anthropic_version, envelope.anthropic_beta) == ("", "")


RAW = (
    b'{"model":"a","model":"%(model)s","max_tokens":1,"max_tokens":9,"stream":true,"stream":false,'
    b'"residency":["US"],"residency":["CA"],"messages":[{"role":"user","content":"a"}],'
    b'"messages":[{"role":"system","role":"user","content":[{"type":"text","text":"a","text":"b"},'
    b'{"type":"x","content":[{"text":"c","text":"d"},[{"e":1,"e":{"f":1,"f":2}}]]}]}],'
    b'"tools":[{"name":"n","name":"m","input_schema":{"properties":{"p":1,"p":2}}}]}'
) % {b"model": CLAUDE.encode()}
CHECKED = {
    "max_tokens": 9,
    "messages": [
        {
            "role": "user",
            "content": [{"type": "text", "text": "b"}, {"type": "x", "content": [{"text": "d"}, [{"e": {"f": 2}}]]}],
        }
    ],
    "tools": [{"name": "m", "input_schema": {"properties": {"p": 2}}}],
}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_the_worker_receives_the_one_reading_that_was_checked_whatever_stood_twice(path: str) -> None:
    stream = {} if path == MESSAGES else {"stream": False}  # OpenAI's `stream` stays where it is
    async with edge(speak_anthropic) as street:
        assert (await street.say(post(RAW, path=path))).status == 200
        (envelope,) = street.envelopes
    wanted = {"max_tokens": 9, **stream, **CHECKED}
    assert orjson.loads(envelope.body) == wanted
    assert len(envelope.body) == len(orjson.dumps(wanted))  # nothing stands in it twice
    assert (envelope.shape.model, envelope.shape.max_tokens, envelope.shape.stream) == (CLAUDE, 9, False)
    assert (list(envelope.policy.residency), envelope.shape.last_user_turn) == (["CA"], "b")


async def test_a_large_body_with_a_link_is_pulled_and_the_link_is_known_before() -> None:
    pulled = b""

    async def pull(envelope: Envelope, out: Outflow) -> None:
        nonlocal pulled
        pulled = await out.pull(envelope.body_ref.subject, envelope.body_ref.size)
        await speak_anthropic(envelope, out)

    carried = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * (2 << 20)}}
    linked = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    said = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [carried, linked]}]}]
    async with edge(pull) as street:
        assert (await street.say(message(messages=said))).status == 200
        (envelope,) = street.envelopes
    assert (envelope.shape.images, envelope.shape.image_links) == (2, 1)
    assert orjson.loads(pulled)["messages"] == said


# --- a count of tokens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/v1/messages/count_tokens?beta=true"])
async def test_a_count_is_an_operation_of_its_own_and_needs_no_limit(path: str) -> None:
    async with edge(speak_anthropic) as street:
        reply = await street.say(message(path=path, max_tokens=...))
        (envelope,) = street.envelopes
        assert (await street.delivered()).size == len(COUNTED)
    assert (reply.status, reply.body) == (200, COUNTED)
    assert envelope.operation == Operation.OPERATION_COUNT_TOKENS
    assert not envelope.shape.stream


@pytest.mark.parametrize("attempts", [0, 1])
async def test_an_estimate_says_so_and_has_a_delivered_only_where_somebody_was_dialled(attempts: int) -> None:
    async def estimate(envelope: Envelope, out: Outflow) -> None:
        said = Head(status=200, route=ROUTE_FACTS, attempts=attempts, estimated=True)
        await out.send(head=said, data=COUNTED, end=END)

    async with edge(estimate) as street:
        reply = await street.say(message(path="/v1/messages/count_tokens", max_tokens=...))
        await asyncio.sleep(0.05)
        assert len(street.all_delivered()) == attempts
    assert reply.headers["x-ni-estimated"] == "true"


# --- silence ----------------------------------------------------------------------------------------------------------


async def test_silence_within_a_stream_is_covered_by_pings() -> None:
    async def slow(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=START)
        await asyncio.sleep(0.9)
        await out.send(data=DELTA + STOP, end=END)

    async with edge(slow, keep_alive_s=0.2) as street:
        reply = await street.say(message(stream=True))
        assert matches(await street.delivered(), reply, street.envelopes[0])
    assert 1 <= reply.body.count(PING) <= 4
    assert reply.body.replace(PING, b"") == START + DELTA + STOP
    assert PING == b'event: ping\ndata: {"type": "ping"}\n\n'


async def test_no_ping_comes_before_the_first_event_and_none_tears_an_event_apart() -> None:
    async def slow(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True))
        await asyncio.sleep(0.5)
        await out.send(data=START + DELTA[:20])
        await asyncio.sleep(0.7)
        await out.send(data=DELTA[20:] + STOP, end=END)

    async with edge(slow, keep_alive_s=0.2) as street:
        reply = await street.say(message(stream=True))
    assert reply.body.startswith(COMMENT)
    assert PING not in reply.body
    assert reply.body.replace(COMMENT, b"") == START + DELTA + STOP


# --- beside messages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/api/v1/inference"])
async def test_a_base_url_is_there_for_who_looks(path: str) -> None:
    async with edge(speak_anthropic) as street:
        wire = await street.open()
        await wire.send(get(path, method="HEAD", key=""))
        status, headers = await wire.headers()
        assert (status, headers["content-type"]) == (200, "application/json")
        await wire.send(get(path, key=""))  # no body came with the first answer: this one's begins right here
        assert orjson.loads((await wire.reply()).body)["service"] == "northern-inference"


async def test_models_are_listed_in_the_dialect_of_the_client() -> None:
    async with edge(speak_anthropic) as street:
        openai = orjson.loads((await street.say(get("/v1/models"))).body)
        for path in ("/v1/models", "/v1/v1/models?limit=5", "/v1/models?beta=true"):
            found = orjson.loads((await street.say(get(path, "anthropic-version: 2023-06-01"))).body)
            ids = [each["id"] for each in found["data"]]
            assert ids == [each["id"] for each in openai["data"]]
            assert (found["has_more"], found["first_id"], found["last_id"]) == (False, ids[0], ids[-1])
            for each in found["data"]:
                assert each["type"] == "model"
                assert {"id", "display_name", "created_at"} <= set(each)
                assert each["created_at"].endswith("Z")
        one = orjson.loads((await street.say(get(f"/v1/models/{ids[0]}", "anthropic-version: x"))).body)
    assert openai["object"] == "list"
    assert one == found["data"][0]
