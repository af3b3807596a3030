"""Every provider answers both dialects, whole and streamed, through the sandbox that speaks the providers' formats."""

from typing import Any

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Surface
from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.dialects.sse import EventSplitter
from services.sandbox.app import listening as sandbox
from services.sandbox.settings import SandboxSettings
from tests.integration.worker.rig import (
    ANTHROPIC_MESSAGES,
    AZURE,
    BEDROCK_OPUS,
    CLAUDE,
    COUNT,
    GEMINI,
    HAIKU,
    MISTRAL,
    OPENAI,
    OPENAI_CHAT,
    QWEN,
    VERTEX_CLAUDE,
    Got,
    working,
)

ROUTES = [AZURE, OPENAI, QWEN, CLAUDE, HAIKU, BEDROCK_OPUS, MISTRAL, GEMINI, VERTEX_CLAUDE]
DIALECTS = [OPENAI_CHAT, ANTHROPIC_MESSAGES]
CLAUDES = {CLAUDE, HAIKU, BEDROCK_OPUS, VERTEX_CLAUDE}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: dict[Dialect, list[dict[str, Any]]] = {
    OPENAI_CHAT: [{"type": "function", "function": {"name": "weather", "description": "w", "parameters": SCHEMA}}],
    ANTHROPIC_MESSAGES: [{"name": "weather", "description": "w", "input_schema": SCHEMA}],
}


def asking(text: str, **more: object) -> bytes:
    return orjson.dumps({"messages": [{"role": "user", "content": text}], **more})


def events(data: bytes) -> list[dict[str, Any]]:
    splitter = EventSplitter()
    found = splitter.feed(data)
    assert not splitter.pending
    return [orjson.loads(event.data) for event in found if event.data != b"[DONE]"]


def said(got: Got, dialect: Dialect, stream: bool) -> str:
    """The text of an answer, in whichever of the four shapes it came."""
    if dialect == OPENAI_CHAT and stream:
        deltas = [choice["delta"] for event in events(got.data) for choice in event["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)
    if dialect == OPENAI_CHAT:
        return str(orjson.loads(got.data)["choices"][0]["message"]["content"])
    if stream:
        return "".join(event.get("delta", {}).get("text", "") for event in events(got.data))
    return "".join(block["text"] for block in orjson.loads(got.data)["content"] if block["type"] == "text")


def called(got: Got, dialect: Dialect, stream: bool) -> tuple[str, dict[str, Any], str]:
    """Name, arguments and the reason to stop."""
    if dialect == OPENAI_CHAT and stream:
        choices = [choice for event in events(got.data) for choice in event["choices"]]
        calls = [call for choice in choices for call in choice["delta"].get("tool_calls") or []]
        written = "".join(call["function"].get("arguments", "") for call in calls)
        return calls[0]["function"]["name"], orjson.loads(written), choices[-1]["finish_reason"]
    if dialect == OPENAI_CHAT:
        choice = orjson.loads(got.data)["choices"][0]
        function = choice["message"]["tool_calls"][0]["function"]
        return function["name"], orjson.loads(function["arguments"]), choice["finish_reason"]
    if stream:
        every = events(got.data)
        start = next(e["content_block"] for e in every if e.get("content_block", {}).get("type") == "tool_use")
        written = "".join(e.get("delta", {}).get("partial_json", "") for e in every)
        reason = next(e["delta"]["stop_reason"] for e in every if e["type"] == "message_delta")
        return start["name"], orjson.loads(written), reason
    answer = orjson.loads(got.data)
    use = next(block for block in answer["content"] if block["type"] == "tool_use")
    return use["name"], use["input"], answer["stop_reason"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("route", ROUTES)
async def test_words_and_calls_arrive_on_every_route_in_every_dialect(
    route: str, dialect: Dialect, stream: bool
) -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        plain = await (await rig.ask(route, stream=stream, dialect=dialect, body=asking("count to five"))).over()
        finished = await rig.only_finished()
        body = asking("please use the tool weather", tools=TOOLS[dialect])
        call = await (await rig.ask(route, stream=stream, dialect=dialect, body=body)).over()
    assert plain.error is None
    assert said(plain, dialect, stream) == "1, 2, 3, 4, 5"
    assert plain.data.endswith(b"data: [DONE]\n\n") is (stream and dialect == OPENAI_CHAT)
    assert (b"event: message_stop" in plain.data) is (stream and dialect == ANTHROPIC_MESSAGES)
    assert finished.outcome == Outcome.OUTCOME_COMPLETED
    assert (finished.usage.input > 0, finished.usage.output > 0, finished.usage.estimated) == (True, True, False)
    assert finished.output_bytes > 0
    assert call.error is None
    name, arguments, reason = called(call, dialect, stream)
    assert (name, set(arguments)) == ("weather", {"city"})
    assert reason == ("tool_calls" if dialect == OPENAI_CHAT else "tool_use")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("route", ROUTES)
async def test_the_inference_surface_names_what_was_asked_for_in_every_dialect(
    route: str, dialect: Dialect, stream: bool
) -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        got = await (await rig.ask(route, stream=stream, dialect=dialect, surface=Surface.SURFACE_INFERENCE)).over()
    every = events(got.data) if stream else [orjson.loads(got.data)]
    named = [e["message"]["model"] if "message" in e else e["model"] for e in every if "model" in e or "message" in e]
    assert named
    assert set(named) == {route}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "fault", ["status=500", "status=429 retry_after=2", "garbage", "cut_after=0", "chunks=5 cut_after=2", "status=403"]
)
async def test_every_fault_on_every_wire_is_one_error_and_one_finished(
    fault: str, route: str, dialect: Dialect, stream: bool
) -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        body = asking(f"[[sandbox {fault}]] hi")
        got = await (await rig.ask(route, stream=stream, dialect=dialect, body=body)).over()
        finished = await rig.only_finished()
    assert got.error is not None
    assert not got.has("end")
    assert b"[DONE]" not in got.data
    assert b"message_stop" not in got.data
    assert finished.outcome == (Outcome.OUTCOME_CUT if got.has("head") else Outcome.OUTCOME_FAILED)
    assert finished.error_code != "internal"


@pytest.mark.parametrize("route", ROUTES)
async def test_tokens_are_counted_on_every_route_and_an_estimate_says_so(route: str) -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        body = asking("count these few words of mine, please")
        got = await (await rig.ask(route, dialect=ANTHROPIC_MESSAGES, operation=COUNT, body=body)).over()
        await rig.settled()
        facts = [fact.WhichOneof("kind") for fact in rig.facts()]
        costs = [finished.cost_nano for finished in rig.finished()]
    assert got.error is None
    counted = orjson.loads(got.data)
    assert list(counted) == ["input_tokens"]
    assert 5 <= counted["input_tokens"] <= 30
    (head,) = (frame.head for frame in got.frames if frame.HasField("head"))
    dialled = route not in {AZURE, OPENAI, QWEN}
    assert (head.status, head.stream, head.estimated) == (200, False, route not in CLAUDES | {GEMINI})
    assert (head.route.route_id, head.attempts) == ((route, 1) if dialled else ("", 0)), "a place that nothing went to"
    assert facts == (["egress", "finished"] if dialled else [])
    assert set(costs) <= {0}
