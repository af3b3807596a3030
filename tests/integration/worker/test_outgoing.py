"""What leaves for each provider, byte for byte as it meets it, and what comes back where the dialect is the same."""

from typing import Any

import orjson
import pytest

from libs.contracts.errors import (
    NorthernError,
    Overloaded,
    ProviderRateLimited,
    RouteUnavailable,
    StreamBroken,
)
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.sandbox.eventstream import exception_frame, frame, headers_of
from services.worker.providers.anthropic.wire import AnthropicProvider
from tests.integration.worker import claude
from tests.integration.worker.claude import FRAMES, SSE, STOP, WHOLE, saying, streaming
from tests.integration.worker.outgoing import sent
from tests.integration.worker.rig import (
    ANTHROPIC_MESSAGES,
    BEDROCK_OPUS,
    CLAUDE,
    GEMINI,
    HAIKU,
    KEY,
    MISTRAL,
    OPENAI_CHAT,
    VERTEX_CLAUDE,
    dialling,
    working,
)
from tests.integration.worker.upstream import listening, path, whole

ASKED: dict[str, Any] = {
    "max_tokens": 99,
    "system": [{"type": "text", "text": "é", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    "unknown": {"deep": [1, None]},
}
OURS = orjson.dumps(ASKED)
NEWEST = "2026-10-21"
DIRECT = "/v1/messages"


# --- Anthropic ------------------------------------------------------------------------------------------------------


async def test_anthropics_callers_get_their_own_value_sent_with_their_version_and_betas() -> None:
    call = await sent(
        CLAUDE,
        saying(claude.MESSAGE),
        dialect=ANTHROPIC_MESSAGES,
        body=OURS,
        anthropic_version=NEWEST,
        anthropic_beta="context-1m-2025-08-07, new-thing",
    )
    assert path(call) == DIRECT
    assert orjson.loads(call.body) == {"model": "claude-haiku-4-5-20251001", **ASKED}
    assert call.headers["x-api-key"] == KEY
    assert "authorization" not in call.headers
    assert call.headers["anthropic-version"] == NEWEST
    assert call.headers["anthropic-beta"] == "context-1m-2025-08-07,new-thing"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_names_no_version_and_one_of_another_dialect_get_the_old_one(stream: bool) -> None:
    plan = streaming(SSE) if stream else saying(claude.MESSAGE)
    for dialect in (ANTHROPIC_MESSAGES, OPENAI_CHAT):
        call = await sent(CLAUDE, plan, dialect=dialect, stream=stream)
        assert call.headers["anthropic-version"] == "2023-06-01"
        assert "anthropic-beta" not in call.headers
        assert orjson.loads(call.body).get("stream", False) is stream
    call = await sent(CLAUDE, plan, stream=stream, anthropic_version=NEWEST, anthropic_beta="x")
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in call.headers


async def test_a_token_is_sent_as_a_bearer_where_there_is_no_key() -> None:
    environ = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": KEY}
    call = await sent(CLAUDE, saying(claude.MESSAGE), environ=environ)
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in call.headers
    assert KEY not in repr(AnthropicProvider(KEY))


@pytest.mark.parametrize("nonsense", ["2023-06-01\r\nX-Evil: 1", "é", "a" * 9000])
async def test_a_header_that_is_none_is_not_sent_on(nonsense: str) -> None:
    call = await sent(
        CLAUDE,
        saying(claude.MESSAGE),
        dialect=ANTHROPIC_MESSAGES,
        anthropic_version=nonsense,
        anthropic_beta=nonsense,
    )
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in call.headers
    assert "x-evil" not in call.headers


@pytest.mark.parametrize("size", [0, 1, 7, 100])
async def test_an_anthropic_stream_comes_back_as_it_was_written_and_ends_once_it_is_on_record(size: int) -> None:
    async with listening(streaming(SSE, size=size)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(CLAUDE, stream=True, dialect=ANTHROPIC_MESSAGES)).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.data == b"".join(SSE)
    assert got.frames[-1].data.endswith(STOP)
    assert not any(STOP in each.data for each in got.frames[:-1])
    assert (finished.usage.input, finished.usage.output, finished.usage.estimated) == (9, 7, False)
    assert finished.outcome == Outcome.OUTCOME_COMPLETED
    assert finished.endpoint.provider_request_id == "req_7"


async def test_a_whole_anthropic_answer_comes_back_byte_for_byte() -> None:
    async with listening(saying(claude.MESSAGE)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(CLAUDE, dialect=ANTHROPIC_MESSAGES)).over()
        finished = await rig.only_finished()
    assert got.data == WHOLE
    assert (finished.usage.input, finished.usage.output, finished.output_bytes) == (9, 2, len("hello"))


async def test_claude_code_hears_the_model_under_the_name_it_asked_for_and_else_the_same_bytes() -> None:
    async with listening(saying(claude.MESSAGE)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (
            await rig.ask(CLAUDE, dialect=ANTHROPIC_MESSAGES, anthropic_beta="claude-code-20250219,x-1")
        ).over()
    assert got.data == WHOLE.replace(orjson.dumps(claude.MESSAGE["model"]), orjson.dumps(CLAUDE))
    assert got.data != WHOLE


# --- Bedrock --------------------------------------------------------------------------------------------------------

OLD = "bedrock-2023-05-31"


@pytest.mark.parametrize(
    ("route", "dialect", "asked", "version"),
    [
        (HAIKU, ANTHROPIC_MESSAGES, "", OLD),
        (HAIKU, ANTHROPIC_MESSAGES, NEWEST, OLD),
        (HAIKU, OPENAI_CHAT, NEWEST, OLD),
        (BEDROCK_OPUS, ANTHROPIC_MESSAGES, NEWEST, NEWEST),
        (BEDROCK_OPUS, ANTHROPIC_MESSAGES, "2026-10-22", OLD),
        (BEDROCK_OPUS, ANTHROPIC_MESSAGES, "", OLD),
        (BEDROCK_OPUS, OPENAI_CHAT, NEWEST, OLD),
    ],
)
async def test_claude_on_bedrock_is_told_the_version_that_its_model_knows(
    route: str, dialect: Dialect, asked: str, version: str
) -> None:
    call = await sent(route, saying(claude.MESSAGE), dialect=dialect, anthropic_version=asked)
    assert orjson.loads(call.body)["anthropic_version"] == version


async def test_claude_on_bedrock_gets_the_callers_own_value_and_his_betas_in_the_body() -> None:
    call = await sent(HAIKU, saying(claude.MESSAGE), dialect=ANTHROPIC_MESSAGES, body=OURS, anthropic_beta="a-1,b-2")
    assert path(call) == "/model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke"
    assert orjson.loads(call.body) == {"anthropic_version": OLD, "anthropic_beta": ["a-1", "b-2"], **ASKED}
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert "anthropic-beta" not in call.headers


_ASKED = (
    "oauth-2025-04-20, context-1m-2025-08-07,prompt-caching-scope-2026-01-05,advanced-tool-use-2025-11-20,"
    "thinking-token-count-2026-05-13"
)


@pytest.mark.parametrize(("route", "cloud"), [(HAIKU, True), (VERTEX_CLAUDE, True), (CLAUDE, False)])
async def test_betas_that_a_cloud_would_refuse_stay_behind_and_are_named(route: str, cloud: bool) -> None:
    plan = saying(claude.MESSAGE)
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(route, dialect=ANTHROPIC_MESSAGES, body=OURS, anthropic_beta=_ASKED)).over()
    (call,) = upstream.calls
    named = call.headers.get("anthropic-beta", "").split(",")
    sent = orjson.loads(call.body).get("anthropic_beta", named)
    kept = ["context-1m-2025-08-07", "tool-search-tool-2025-10-19"]
    assert sent == (kept if cloud else [each.strip() for each in _ASKED.split(",")])
    names = ("oauth-2025-04-20", "prompt-caching-scope-2026-01-05", "thinking-token-count-2026-05-13")
    gone = [f"anthropic-beta.{name}" for name in names]
    (head,) = (each.head for each in got.frames if each.HasField("head"))
    assert list(head.dropped_params) == (gone if cloud else [])


async def test_a_cloud_gets_no_mark_that_it_would_refuse() -> None:
    body = orjson.dumps({**ASKED, "cache_control": {"type": "ephemeral", "scope": "global"}})
    for route in (HAIKU, VERTEX_CLAUDE):
        call = await sent(route, saying(claude.MESSAGE), dialect=ANTHROPIC_MESSAGES, body=body)
        assert b'"scope"' not in call.body
        assert "cache_control" not in orjson.loads(call.body)
        assert call.body.count(b'"cache_control":{"type":"ephemeral"}') == 2


async def test_a_caller_who_speaks_bedrocks_members_himself_does_not_get_them_twice() -> None:
    body = orjson.dumps({"anthropic_version": OLD, "anthropic_beta": ["mine"], **ASKED})
    call = await sent(HAIKU, saying(claude.MESSAGE), dialect=ANTHROPIC_MESSAGES, body=body)
    assert call.body.count(b'"anthropic_version"') == 1
    assert orjson.loads(call.body)["anthropic_beta"] == ["mine"]


@pytest.mark.parametrize("dialect", [ANTHROPIC_MESSAGES, OPENAI_CHAT])
async def test_neither_model_nor_stream_stand_in_a_body_for_bedrock(dialect: Dialect) -> None:
    call = await sent(HAIKU, streaming(FRAMES), dialect=dialect, stream=True)
    assert path(call).endswith("/invoke-with-response-stream")
    assert not {"model", "stream"} & set(orjson.loads(call.body))


@pytest.mark.parametrize("size", [0, 1, 13, 100])
async def test_frames_of_aws_come_out_as_anthropics_events(size: int) -> None:
    async with listening(streaming(FRAMES, size=size)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(HAIKU, stream=True, dialect=ANTHROPIC_MESSAGES)).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.data == b"".join(SSE)
    assert (finished.usage.input, finished.usage.output, finished.usage.estimated) == (9, 7, False)


@pytest.mark.parametrize("dialect", [ANTHROPIC_MESSAGES, OPENAI_CHAT])
@pytest.mark.parametrize(
    "parts",
    [
        FRAMES[:5],
        [*FRAMES[:5], FRAMES[5][:-3]],
        [*FRAMES[:5], claude.framed({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})],
        [*FRAMES[:5], exception_frame("throttling")],
        [*FRAMES[:5], frame(claude.CHUNK, b'{"bytes":"e30"}')],
        [*FRAMES[:5], frame(claude.CHUNK, b'{"bytes":"bm9uc2Vuc2U="}')],
        [*FRAMES[:5], b"\x00" * 20],
    ],
    ids=["ended early", "half a frame", "error event", "exception", "no base64", "no JSON", "no frame"],
)
async def test_a_stream_of_frames_that_breaks_is_an_explicit_error(parts: list[bytes], dialect: Dialect) -> None:
    async with listening(streaming(parts)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(HAIKU, stream=True, dialect=dialect)).over()
        finished = await rig.only_finished()
    assert type(got.error) is StreamBroken
    assert " two" in got.data.decode()
    assert not got.has("end")
    assert finished.outcome == Outcome.OUTCOME_CUT


@pytest.mark.parametrize("dialect", [ANTHROPIC_MESSAGES, OPENAI_CHAT])
@pytest.mark.parametrize(("name", "kind"), [("throttling", ProviderRateLimited), ("serviceUnavailable", Overloaded)])
async def test_an_exception_before_any_content_is_the_error_that_it_names(
    name: str, kind: type[NorthernError], dialect: Dialect
) -> None:
    async with listening(streaming([exception_frame(name)])) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(HAIKU, stream=True, dialect=dialect)).over()
    assert got.error is not None
    assert got.error.code == kind.code
    assert not got.has("head")


async def test_a_converse_stream_that_breaks_in_its_last_frame_is_not_taken_for_complete() -> None:
    def converse(kind: str, payload: bytes) -> bytes:
        return frame(headers_of({":event-type": kind, ":message-type": "event"}), payload)

    parts = [
        converse("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"one"}}'),
        converse("messageStop", b'{"stopReason":"end_turn"}'),
        converse("metadata", b'{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}'),
    ]
    for cut in (-1, -40):
        plan = streaming([*parts[:-1], parts[-1][:cut]])
        async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
            got = await (await rig.ask(MISTRAL, stream=True)).over()
        assert type(got.error) is StreamBroken


CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
}


async def test_every_other_model_on_bedrock_is_spoken_to_in_converse() -> None:
    for dialect in (OPENAI_CHAT, ANTHROPIC_MESSAGES):
        call = await sent(MISTRAL, saying(CONVERSED), dialect=dialect)
        assert path(call) == "/model/mistral.mistral-large-2402-v1%3A0/converse"
        assert orjson.loads(call.body)["messages"] == [{"role": "user", "content": [{"text": "hi"}]}]


@pytest.mark.parametrize(
    ("route", "choice"), [(MISTRAL, {"any": {}}), ("bedrock/ca.amazon.nova-lite-v1:0-ca", {"tool": {"name": "f"}})]
)
async def test_a_tool_is_forced_on_bedrock_in_the_way_that_its_model_takes(route: str, choice: dict[str, Any]) -> None:
    forced = {"type": "function", "function": {"name": "f"}}
    asked = {"messages": [{"role": "user", "content": "hi"}], "tools": [forced], "tool_choice": forced}
    call = await sent(route, saying(CONVERSED), body=orjson.dumps(asked))
    assert orjson.loads(call.body)["toolConfig"]["toolChoice"] == choice


@pytest.mark.parametrize(("route", "turns"), [(MISTRAL, 5), ("bedrock/ca.amazon.nova-lite-v1:0-ca", 3)])
async def test_results_stand_alone_on_bedrock_where_the_model_wants_them_so(route: str, turns: int) -> None:
    call_: dict[str, Any] = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    failed = {"type": "tool_result", "tool_use_id": "a", "content": "no", "is_error": True}
    asked = {
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [call_]},
            {"role": "user", "content": [failed, {"type": "text", "text": "and now?"}]},
        ],
    }
    call = await sent(route, saying(CONVERSED), dialect=ANTHROPIC_MESSAGES, body=orjson.dumps(asked))
    messages = orjson.loads(call.body)["messages"]
    assert len(messages) == turns
    assert messages[2]["content"][0]["toolResult"]["status"] == "error"
    assert messages[-1]["content"][-1] == {"text": "and now?"}


# --- Vertex ---------------------------------------------------------------------------------------------------------

GENERATED = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
}


@pytest.mark.parametrize("dialect", [ANTHROPIC_MESSAGES, OPENAI_CHAT])
@pytest.mark.parametrize("stream", [False, True])
async def test_gemini_is_called_in_the_location_of_its_egress(dialect: Dialect, stream: bool) -> None:
    plan = streaming([b"data: " + orjson.dumps(GENERATED) + b"\r\n\r\n"]) if stream else saying(GENERATED)
    call = await sent(GEMINI, plan, dialect=dialect, stream=stream)
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    place = "/v1/projects/maple/locations/northamerica-northeast1"
    assert path(call) == f"{place}/publishers/google/models/gemini-2.5-flash:{verb}"
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert orjson.loads(call.body)["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]


@pytest.mark.parametrize("stream", [False, True])
async def test_claude_on_vertex_gets_its_model_in_the_path_and_its_version_in_the_body(stream: bool) -> None:
    plan = streaming(SSE) if stream else saying(claude.MESSAGE)
    call = await sent(
        VERTEX_CLAUDE,
        plan,
        dialect=ANTHROPIC_MESSAGES,
        body=OURS,
        stream=stream,
        anthropic_beta="a-1",
        anthropic_version=NEWEST,
    )
    verb = "streamRawPredict" if stream else "rawPredict"
    place = "/v1/projects/maple/locations/us"
    assert path(call) == f"{place}/publishers/anthropic/models/claude-haiku-4-5@20251001:{verb}"
    given = {"stream": True} if stream else {}
    assert orjson.loads(call.body) == {"anthropic_version": "vertex-2023-10-16", **given, **ASKED}
    assert call.headers["anthropic-beta"] == "a-1"


async def test_without_a_project_nothing_is_sent_to_google() -> None:
    async with listening(whole) as upstream:
        environ = dialling(upstream.url) | {"GOOGLE_CLOUD_PROJECT": ""}
        async with working(environ) as rig:
            got = await (await rig.ask(GEMINI)).over()
            assert rig.facts() == []
    assert isinstance(got.error, RouteUnavailable)
    assert "GOOGLE_CLOUD_PROJECT" in got.error.message
    assert upstream.calls == []


@pytest.mark.parametrize(
    "event",
    [b'data: {"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}\n\n', b"data: [1,2]\n\n", b"data: {\n\n"],
)
async def test_a_gemini_stream_that_breaks_is_an_explicit_error(event: bytes) -> None:
    said = {"candidates": [{"content": {"role": "model", "parts": [{"text": "one"}]}}]}
    plan = streaming([b"data: " + orjson.dumps(said) + b"\n\n", event])
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(GEMINI, stream=True, dialect=ANTHROPIC_MESSAGES)).over()
    assert type(got.error) is StreamBroken
    assert b"one" in got.data
