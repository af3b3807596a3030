"""Streams written for Anthropic's callers: the official SDK accumulates them, and our own decoder reads them back."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import anthropic
import httpx2
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.errors import UpstreamError
from libs.dialects.anthropic_messages.decoder import StreamDecoder
from libs.dialects.anthropic_messages.stream import PING, StreamEncoder
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    Logprobs,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)
from libs.dialects.sse import EventSplitter

USAGE = Usage(input=5, cache_read=1, cache_write_5m=2, cache_write_1h=3, output=7, reasoning=4)


def encoder() -> StreamEncoder:
    return StreamEncoder("msg_1", 1, "the-model", include_usage=True)


def encode(*events: Event) -> bytes:
    stream = encoder()
    return b"".join(stream.encode([event]) for event in events) + stream.done()


def sent(data: bytes) -> list[dict[str, Any]]:
    """The payloads; each event's name is its type."""
    events = EventSplitter().feed(data)
    payloads: list[dict[str, Any]] = [orjson.loads(event.data) for event in events]
    assert [payload["type"] for payload in payloads] == [event.event for event in events]
    return payloads


def accumulated(data: bytes) -> anthropic.types.Message:
    """What the official SDK makes of the stream."""
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    with (
        httpx2.Client(transport=httpx2.MockTransport(lambda _: answer)) as http,
        anthropic.Anthropic(api_key="k", base_url="http://sdk", max_retries=0, http_client=http) as client,
        client.messages.stream(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}]) as stream,
    ):
        return stream.get_final_message()


def content(data: bytes) -> list[dict[str, Any]]:
    return [block.model_dump(exclude_none=True) for block in accumulated(data).content]


def well_formed(payloads: list[dict[str, Any]]) -> None:
    """One message, numbers without gaps, one block at a time, each closed before the next and before the end."""
    kinds = [payload["type"] for payload in payloads]
    assert kinds[:2] == ["message_start", "ping"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
    open_, last = None, -1
    for payload in payloads[2:-2]:
        match payload["type"]:
            case "content_block_start":
                assert open_ is None
                assert payload["index"] == last + 1
                open_ = last = payload["index"]
            case "content_block_delta":
                assert payload["index"] == open_
            case kind:
                assert kind == "content_block_stop"
                assert payload["index"] == open_
                open_ = None
    assert open_ is None


CALLS = (
    ToolCallStart(index=7, id="toolu_1", name="f"),
    ToolCallDelta(index=7, json=""),
    ToolCallDelta(index=7, json='{"x":'),
    ToolCallDelta(index=7, json='"é"}'),
    BlockStop(index=7),
)


def test_a_stream_is_what_anthropic_would_send_to_the_byte() -> None:
    assert encode(TextDelta(index=0, text="é"), Stop(reason=StopReason.END), UsageEvent(usage=Usage(output=1))) == (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message",'
        b'"role":"assistant","model":"the-model","content":[],"stop_reason":null,"stop_sequence":null,'
        b'"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,'
        b'"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":0}}}\n\n'
        b'event: ping\ndata: {"type": "ping"}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"\xc3\xa9"}}\n\n'
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
        b'"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,'
        b'"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )


def test_the_sdk_accumulates_thoughts_words_and_calls() -> None:
    data = encode(
        ReasoningDelta(index=0, text="h"),
        ReasoningDelta(index=0, text="m"),
        ReasoningDelta(index=0, signature="Eq+"),
        ReasoningDelta(index=0, signature="/=="),
        BlockStop(index=0),
        ReasoningDelta(index=1, redacted="abc="),
        BlockStop(index=1),
        TextDelta(index=3, text="so "),
        TextDelta(index=3, text="é"),
        BlockStop(index=3),
        *CALLS,
        Stop(reason=StopReason.TOOL_USE),
        UsageEvent(usage=USAGE),
    )
    well_formed(sent(data))
    message = accumulated(data)
    assert content(data) == [
        {"type": "thinking", "thinking": "hm", "signature": "Eq+/=="},
        {"type": "redacted_thinking", "data": "abc="},
        {"type": "text", "text": "so é"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": "é"}},
    ]
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (5, 1, 5)
    assert usage.output_tokens == 7
    assert usage.output_tokens_details is not None
    assert usage.output_tokens_details.thinking_tokens == 4


def test_a_tool_without_arguments_gives_an_empty_object() -> None:
    for events in ([BlockStop(index=0)], [ToolCallDelta(index=0, json=""), BlockStop(index=0)], []):
        data = encode(ToolCallStart(index=0, id="a", name="f"), *events, Stop(reason=StopReason.TOOL_USE))
        assert content(data) == [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]
        fragments = [p["delta"]["partial_json"] for p in sent(data) if p["type"] == "content_block_delta"]
        assert fragments == ["{}"]  # a client that parses what it collected finds an object


def test_a_block_is_closed_before_the_next_though_the_provider_never_says_so() -> None:
    data = encode(
        ReasoningDelta(index=0, text="hm", signature="s"),
        TextDelta(index=1, text="a"),
        ToolCallStart(index=2, id="a", name="f"),
        ToolCallDelta(index=2, json="{}"),
        Stop(reason=StopReason.END),
    )
    well_formed(sent(data))
    assert [block["type"] for block in content(data)] == ["thinking", "text", "tool_use"]
    assert content(data)[0]["signature"] == "s"


def test_numbers_have_no_gaps_whatever_the_providers() -> None:
    data = encode(TextDelta(index=4, text="a"), BlockStop(index=4), *CALLS, Stop(reason=StopReason.END))
    starts = [p["index"] for p in sent(data) if p["type"] == "content_block_start"]
    assert starts == [0, 1]
    well_formed(sent(data))


def test_calls_that_come_interleaved_lose_no_arguments() -> None:
    data = encode(
        ToolCallStart(index=0, id="a", name="f"),
        ToolCallStart(index=1, id="b", name="g"),
        ToolCallStart(index=2, id="c", name="h"),
        ToolCallDelta(index=2, json='{"z":'),
        ToolCallDelta(index=0, json='{"x":'),
        ToolCallDelta(index=1, json='{"y":2}'),
        TextDelta(index=3, text="words"),
        ToolCallDelta(index=2, json="3}"),
        ToolCallDelta(index=0, json="1}"),
        BlockStop(index=1),
        BlockStop(index=0),
        Stop(reason=StopReason.TOOL_USE),
    )
    well_formed(sent(data))
    calls = [(block["id"], block["input"]) for block in content(data) if block["type"] == "tool_use"]
    assert calls == [("a", {"x": 1}), ("b", {"y": 2}), ("c", {"z": 3})]
    assert {"type": "text", "text": "words"} in content(data)


@pytest.mark.parametrize("reason", [StopReason.END, StopReason.TOOL_USE])
def test_calls_end_with_tool_use_and_words_never_do(reason: StopReason) -> None:
    assert accumulated(encode(*CALLS, Stop(reason=reason))).stop_reason == "tool_use"
    assert accumulated(encode(TextDelta(index=0, text="a"), Stop(reason=reason))).stop_reason == "end_turn"


def test_the_stop_sequence_that_matched_is_named_and_a_refusal_explained() -> None:
    stopped = accumulated(encode(Stop(reason=StopReason.STOP_SEQUENCE, stop_sequence="END")))
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "END")
    refused = accumulated(encode(Stop(reason=StopReason.CONTENT_FILTER)))
    assert refused.stop_reason == "refusal"
    assert refused.stop_details is not None


@pytest.mark.parametrize("late", [True, False])
def test_the_last_usage_counts_once_whether_it_comes_before_the_stop_or_after(late: bool) -> None:
    early = [UsageEvent(usage=Usage(input=9, output=1)), UsageEvent(usage=Usage(input=5, output=2))]
    stop = [Stop(reason=StopReason.END)]
    last = [UsageEvent(usage=USAGE)]
    data = encode(*early, TextDelta(index=0, text="a"), *(stop + last if late else last + stop))
    start, *_, delta, _ = sent(data)
    assert start["message"]["usage"]["input_tokens"] == 5
    assert delta["usage"]["input_tokens"] == 5
    assert delta["usage"]["output_tokens"] == 7
    assert accumulated(data).usage.output_tokens == 7


def test_nothing_of_the_end_is_sent_before_it_is_on_record() -> None:
    stream = encoder()
    data = stream.encode([TextDelta(index=0, text="a"), Stop(reason=StopReason.END), UsageEvent(usage=USAGE)])
    assert b"message_delta" not in data
    assert b"message_stop" not in data
    assert data.endswith(b'{"type":"content_block_stop","index":0}\n\n')
    assert [payload["type"] for payload in sent(stream.done())] == ["message_delta", "message_stop"]


def test_what_says_nothing_sends_nothing_and_an_empty_answer_is_a_message_all_the_same() -> None:
    stream = encoder()
    silent: list[Event] = [
        TextDelta(index=0, text=""),
        ReasoningDelta(index=0),
        BlockStop(index=0),
        ToolCallDelta(index=0, json="{}"),
        UsageEvent(usage=USAGE),
        Logprobs(tokens=()),
        Failure(error=UpstreamError("x")),
    ]
    assert stream.encode(silent) == b""
    data = stream.done()
    well_formed(sent(data))
    assert accumulated(data).content == []
    assert PING in data


def test_a_signature_without_a_thought_keeps_its_place() -> None:
    data = encode(ReasoningDelta(index=0, signature="s="), TextDelta(index=1, text="a"))
    assert content(data)[0] == {"type": "thinking", "thinking": "", "signature": "s="}


def test_another_familys_signature_stands_ahead_of_its_block_and_never_behind_the_last_one() -> None:
    """A program that shows the last block shows words, and a call's signature is back with the call."""
    data = encode(
        TextDelta(index=0, text="I look."),
        BlockStop(index=0),
        ReasoningDelta(index=1, redacted="ni1.g.c.one"),
        BlockStop(index=1),
        ToolCallStart(index=2, id="toolu_1", name="look"),
        BlockStop(index=2),
        TextDelta(index=3, text="Seen."),
        BlockStop(index=3),
        ReasoningDelta(index=4, redacted="ni1.g.t.two"),
        BlockStop(index=4),
        Stop(reason=StopReason.END),
    )
    well_formed(sent(data))
    blocks = content(data)
    assert [block["type"] for block in blocks] == ["text", "redacted_thinking", "tool_use", "text"]
    assert blocks[1]["data"] == "ni1.g.c.one"


def test_a_claudes_redacted_thought_stays_where_it_was() -> None:
    data = encode(TextDelta(index=0, text="so"), ReasoningDelta(index=1, redacted="abc="), Stop(reason=StopReason.END))
    assert [block["type"] for block in content(data)] == ["text", "redacted_thinking"]


def test_an_id_that_anthropic_would_not_take_back_is_mapped() -> None:
    (call,) = content(encode(ToolCallStart(index=0, id="functions.f:0", name="f"), BlockStop(index=0)))
    assert call["id"].startswith("call_")


# --- there and back -----------------------------------------------------------------------------------------------

SAID = st.text(min_size=1, max_size=6)
WORDS = st.tuples(st.just("text"), st.lists(SAID, min_size=1, max_size=3), st.just(""))
THOUGHT = st.tuples(st.just("thinking"), st.lists(SAID, min_size=1, max_size=3), SAID | st.just(""))
HIDDEN = st.tuples(st.just("redacted"), st.just([""]), SAID)
CALLED = st.tuples(st.just("call"), st.sampled_from([[], ["{}"], ['{"a', '":', '"\\u00e9"}']]), SAID)
BLOCKS = st.lists(st.tuples(WORDS | THOUGHT | HIDDEN | CALLED, st.booleans()), max_size=5)


def events_of(blocks: list[tuple[tuple[str, list[str], str], bool]]) -> list[Event]:
    events: list[Event] = []
    for at, ((kind, pieces, more), stops) in enumerate(blocks):
        index = at * 3
        match kind:
            case "text":
                events += [TextDelta(index=index, text=piece) for piece in pieces]
            case "thinking":
                events += [ReasoningDelta(index=index, text=piece) for piece in pieces]
                events.append(ReasoningDelta(index=index, signature=more))
            case "redacted":
                events.append(ReasoningDelta(index=index, redacted=more))
            case _:
                events.append(ToolCallStart(index=index, id=f"id-{at}", name=more))
                events += [ToolCallDelta(index=index, json=piece) for piece in pieces]
        if stops:
            events.append(BlockStop(index=index))
    return events


def meaning(events: Iterable[Event]) -> list[list[str]]:
    """Blocks in order, each with its kind and all that was said in it."""
    blocks: dict[int, list[str]] = {}
    for event in events:
        match event:
            case TextDelta():
                blocks.setdefault(event.index, ["text", ""])[1] += event.text
            case ReasoningDelta(redacted=""):
                block = blocks.setdefault(event.index, ["thinking", "", ""])
                block[1] += event.text
                block[2] += event.signature
            case ReasoningDelta():
                blocks[event.index] = ["redacted", event.redacted]
            case ToolCallStart():
                blocks[event.index] = ["call", event.id, event.name, ""]
            case ToolCallDelta():
                blocks[event.index][3] += event.json
            case _:
                pass
    return [[*block[:-1], block[-1] or "{}"] if block[0] == "call" else block for block in blocks.values()]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    return [data[a:b] for a, b in pairwise(marks)]


@given(BLOCKS, st.lists(st.integers(0, 10_000), max_size=20))
def test_there_and_back_through_any_cut_the_meaning_is_the_same(
    blocks: list[tuple[tuple[str, list[str], str], bool]], at: list[int]
) -> None:
    events = events_of(blocks)
    data = encode(*events, Stop(reason=StopReason.END), UsageEvent(usage=USAGE))
    well_formed(sent(data))
    splitter, decoder = EventSplitter(), StreamDecoder()
    back: list[Event] = []
    for piece in cut(data, at):
        for event in splitter.feed(piece):
            back += decoder.feed(event.event, orjson.loads(event.data))
    assert meaning(back) == meaning(events)
    called = any(block[0][0] == "call" for block in blocks)
    assert back[-1] == Stop(reason=StopReason.TOOL_USE if called else StopReason.END)
    assert decoder.usage == USAGE
    assert decoder.finished
    assert decoder.started is bool(meaning(events))


@settings(max_examples=25)
@given(BLOCKS)
def test_the_sdk_reads_what_was_meant(blocks: list[tuple[tuple[str, list[str], str], bool]]) -> None:
    read = content(encode(*events_of(blocks), Stop(reason=StopReason.END)))
    expected = []
    for kind, *said in meaning(events_of(blocks)):
        match kind:
            case "text":
                expected.append({"type": "text", "text": said[0]})
            case "thinking":
                expected.append({"type": "thinking", "thinking": said[0], "signature": said[1]})
            case "redacted":
                expected.append({"type": "redacted_thinking", "data": said[0]})
            case _:
                given_ = orjson.loads(said[2])
                expected.append({"type": "tool_use", "id": said[0], "name": said[1], "input": given_})
    assert read == expected
