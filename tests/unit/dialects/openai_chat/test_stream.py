"""OpenAI's stream as the caller gets it."""

from typing import Any

import orjson
from openai.types.chat import ChatCompletionChunk

from libs.contracts.errors import UpstreamError
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)
from libs.dialects.openai_chat.errors import stream_error
from libs.dialects.openai_chat.stream import StreamEncoder

EVENTS: list[Event] = [
    ReasoningDelta(index=0, text="hm"),
    ReasoningDelta(index=0, signature="s"),
    BlockStop(index=0),
    TextDelta(index=1, text="one "),
    BlockStop(index=1),
    ToolCallStart(index=2, id="a", name="f"),
    ToolCallDelta(index=2, json=""),
    ToolCallDelta(index=2, json='{"x"'),
    ToolCallDelta(index=2, json=":1}"),
    BlockStop(index=2),
    ToolCallStart(index=3, id="b", name="g"),
    BlockStop(index=3),
    ToolCallStart(index=4, id="c", name="h"),
    Stop(reason=StopReason.TOOL_USE),
    UsageEvent(usage=Usage(input=3, output=4)),
]


def chunks(data: bytes) -> list[dict[str, Any]]:
    found = [orjson.loads(event.removeprefix(b"data: ")) for event in data.split(b"\n\n") if event]
    for each in found:
        ChatCompletionChunk.model_validate(each)
    return found


def test_a_stream_begins_with_the_role_and_numbers_tools_by_themselves() -> None:
    out = chunks(StreamEncoder("i", 1, "m", include_usage=False).encode(EVENTS))
    assert out[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    arguments: dict[int, str] = {}
    for each in out:
        for tool in each["choices"][0]["delta"].get("tool_calls", []):
            arguments[tool["index"]] = arguments.get(tool["index"], "") + tool["function"]["arguments"]
    assert arguments == {0: '{"x":1}', 1: "{}", 2: "{}"}
    assert out[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert all("usage" not in each for each in out)


def test_usage_is_one_last_chunk_and_null_on_the_others_if_asked() -> None:
    late: list[Event] = [EVENTS[-1], *EVENTS[:-1]]
    for events in (EVENTS, late, [*EVENTS, EVENTS[-1]]):
        encoder = StreamEncoder("i", 1, "m", include_usage=True)
        out = chunks(encoder.encode(events) + encoder.done().removesuffix(b"data: [DONE]\n\n"))
        assert out[-1]["choices"] == []
        assert out[-1]["usage"]["total_tokens"] == 7
        assert all(each["usage"] is None for each in out[:-1])


def test_an_empty_answer_still_has_role_and_finish_reason() -> None:
    out = chunks(StreamEncoder("i", 1, "m", include_usage=False).encode([Stop(reason=StopReason.END)]))
    assert [each["choices"][0]["finish_reason"] for each in out] == [None, "stop"]


def test_a_failure_writes_nothing_and_the_end_is_written_apart() -> None:
    encoder = StreamEncoder("i", 1, "m", include_usage=False)
    assert encoder.encode([Failure(error=UpstreamError("x"))]) == b""
    assert encoder.done() == b"data: [DONE]\n\n"
    assert orjson.loads(stream_error("m", "server_error", "upstream_error")[6:])["error"]["code"] == "upstream_error"


def test_a_signature_in_pieces_is_one_entry_with_the_whole_thought() -> None:
    events: list[Event] = [
        ReasoningDelta(index=0, text="h"),
        ReasoningDelta(index=0, text="m", signature="Eq"),
        ReasoningDelta(index=0, signature="QB"),
        TextDelta(index=1, text="a"),
        Stop(reason=StopReason.END),
    ]
    out = chunks(StreamEncoder("i", 1, "m", include_usage=False).encode(events))
    told = [each["choices"][0]["delta"]["reasoning_details"] for each in out if "reasoning_details" in str(each)]
    entry = {"type": "reasoning.text", "index": 0, "format": "northern-v1", "text": "hm", "signature": "EqQB"}
    assert told == [[entry]]


def test_a_signature_whose_call_never_came_is_told_at_the_end() -> None:
    events: list[Event] = [ReasoningDelta(index=0, redacted="ni1.g.c.c2ln"), Stop(reason=StopReason.MAX_TOKENS)]
    out = chunks(StreamEncoder("i", 1, "m", include_usage=False).encode(events))
    assert out[1]["choices"][0]["delta"]["reasoning_details"][0]["data"] == "ni1.g.c.c2ln"
    assert out[2]["choices"][0]["finish_reason"] == "length"
