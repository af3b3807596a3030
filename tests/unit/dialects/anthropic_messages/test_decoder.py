"""Anthropic's streams as providers send them: what each event becomes, and what never does harm."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import Overloaded, UpstreamError
from libs.dialects.anthropic_messages.decoder import StreamDecoder
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


def start(at: int, **block: object) -> dict[str, Any]:
    return {"type": "content_block_start", "index": at, "content_block": block}


def delta(at: int, type_: str, **members: object) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": at, "delta": {"type": type_, **members}}


def stop(at: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": at}


def end(reason: object = "end_turn", **usage: object) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


def begin(**usage: object) -> dict[str, Any]:
    return {"type": "message_start", "message": {"usage": usage}}


def decode(*payloads: dict[str, Any]) -> tuple[StreamDecoder, list[Event]]:
    decoder = StreamDecoder()
    return decoder, [event for payload in payloads for event in decoder.feed("", payload)]


TEXT = start(0, type="text", text="")
CALL = start(2, type="tool_use", id="toolu_1", name="f", input={})


def test_words_thoughts_and_calls_become_events() -> None:
    decoder, events = decode(
        {"type": "ping"},
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "signature_delta", signature="Eq=="),
        stop(0),
        start(1, type="redacted_thinking", data="abc="),
        stop(1),
        CALL,
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"x":"é"}'),
        stop(2),
        start(3, type="text", text=""),
        delta(3, "text_delta", text="hi"),
        delta(3, "citations_delta", citation={}),
        stop(3),
        end("tool_use", output_tokens=5),
        {"type": "message_stop"},
    )
    assert events == [
        ReasoningDelta(index=0, text="hm"),
        ReasoningDelta(index=0, signature="Eq=="),
        BlockStop(index=0),
        ReasoningDelta(index=1, redacted="abc="),
        BlockStop(index=1),
        ToolCallStart(index=2, id="toolu_1", name="f"),
        ToolCallDelta(index=2, json=""),
        ToolCallDelta(index=2, json='{"x":"é"}'),
        BlockStop(index=2),
        TextDelta(index=3, text="hi"),
        BlockStop(index=3),
        UsageEvent(usage=Usage(output=5)),
        Stop(reason=StopReason.TOOL_USE),
    ]
    assert (decoder.started, decoder.finished, decoder.error) == (True, True, None)
    assert decoder.output_bytes == 2 + len('{"x":"é"}'.encode()) + 2


def test_counts_are_cumulative_member_by_member_and_never_added() -> None:
    decoder, events = decode(
        begin(input_tokens=10, cache_read_input_tokens=100, output_tokens=1),
        end(None, output_tokens=3),
        end(input_tokens=12, output_tokens=9),
    )
    assert events[:2] == [
        UsageEvent(usage=Usage(input=10, cache_read=100, output=1)),
        UsageEvent(usage=Usage(input=10, cache_read=100, output=3)),
    ]
    assert events[2:] == [UsageEvent(usage=Usage(input=12, cache_read=100, output=9)), Stop(reason=StopReason.END)]
    assert decoder.usage == Usage(input=12, cache_read=100, output=9)


def test_a_cut_stream_keeps_the_counts_it_had_and_is_not_finished() -> None:
    decoder, _ = decode(begin(input_tokens=10, output_tokens=1), TEXT, delta(0, "text_delta", text="a"))
    assert decoder.usage == Usage(input=10, output=1)
    assert decoder.started
    assert not decoder.finished


@pytest.mark.parametrize(
    "payload", [begin(), {"type": "ping"}, TEXT, delta(0, "text_delta", text=""), {"type": "new"}, end()]
)
def test_nothing_has_started_before_the_model_says_something(payload: dict[str, Any]) -> None:
    assert not decode(TEXT, payload)[0].started


@pytest.mark.parametrize(
    "payload", [CALL, start(0, type="redacted_thinking", data="x"), start(0, type="text", text="a")]
)
def test_a_call_a_hidden_thought_and_a_block_that_opens_with_words_are_something(payload: dict[str, Any]) -> None:
    assert decode(payload)[0].started


def test_an_end_with_calls_means_to_have_them_made() -> None:
    assert decode(CALL, stop(2), end("end_turn"))[1][-1] == Stop(reason=StopReason.TOOL_USE)
    assert decode(CALL, end("max_tokens"))[1][-1] == Stop(reason=StopReason.MAX_TOKENS)


def test_the_stop_is_told_once_and_its_sequence_with_it() -> None:
    last = end("stop_sequence")
    last["delta"]["stop_sequence"] = "END"
    assert decode(last, end())[1] == [Stop(reason=StopReason.STOP_SEQUENCE, stop_sequence="END")]


def test_arguments_that_stand_in_the_start_are_given_once() -> None:
    given_ = start(2, type="tool_use", id="a", name="f", input={"x": 1})
    whole = decode(given_, stop(2))[1]
    assert whole[1:] == [ToolCallDelta(index=2, json='{"x":1}'), BlockStop(index=2)]
    pieces = decode(given_, delta(2, "input_json_delta", partial_json='{"x":1}'), stop(2))[1]
    assert pieces[1:] == whole[1:]


def test_blocks_of_anthropics_own_tools_are_passed_over_with_all_that_is_in_them() -> None:
    decoder, events = decode(
        start(0, type="server_tool_use", id="srv_1", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"query":"x"}'),
        stop(0),
        start(1, type="web_search_tool_result", tool_use_id="srv_1", content=[]),
        stop(1),
        delta(5, "text_delta", text="of no block"),
        end("pause_turn"),
    )
    assert events == [Stop(reason=StopReason.END)]
    assert not decoder.started


def test_an_error_in_mid_stream_is_the_last_event() -> None:
    decoder, events = decode(
        TEXT,
        delta(0, "text_delta", text="a"),
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        delta(0, "text_delta", text="b"),
    )
    assert isinstance(decoder.error, Overloaded)
    assert events[1:] == [Failure(error=decoder.error)]
    assert not decoder.finished


@pytest.mark.parametrize(
    "payload",
    [end("new_reason"), end(["end_turn"]), start(0, type="tool_use", name="f"), start(0, type="tool_use", id="")],
)
def test_what_cannot_be_passed_off_as_an_answer_is_a_failure(payload: dict[str, Any]) -> None:
    decoder, events = decode(payload)
    assert isinstance(decoder.error, UpstreamError)
    assert events[-1] == Failure(error=decoder.error)


def test_arguments_nested_beyond_reason_are_a_failure() -> None:
    deep: object = {}
    for _ in range(300):
        deep = {"a": deep}
    assert isinstance(decode(start(0, type="tool_use", id="a", name="f", input=deep))[0].error, UpstreamError)


def test_blocks_that_are_opened_without_end_are_an_error_and_not_memory() -> None:
    decoder, _ = decode(*(start(at, type="text", text="") for at in range(2000)))
    assert isinstance(decoder.error, UpstreamError)


def test_the_name_of_the_event_serves_where_the_payload_has_no_type() -> None:
    decoder = StreamDecoder()
    decoder.feed("content_block_start", {"index": 0, "content_block": {"type": "text", "text": "a"}})
    assert decoder.started


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(
    "message_start content_block_start content_block_delta content_block_stop message_delta error text tool_use "
    "thinking redacted_thinking text_delta input_json_delta thinking_delta signature_delta end_turn".split()
)
NAMES = st.sampled_from(
    "type index delta content_block message usage text thinking signature data partial_json id name input stop_reason "
    "error input_tokens output_tokens iterations cache_creation".split()
)
PAYLOAD = st.dictionaries(
    NAMES, st.recursive(JSON | KINDS, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=6)
)


@given(st.lists(st.tuples(KINDS | st.text(max_size=3), PAYLOAD), max_size=6))
def test_arbitrary_json_raises_nothing(events: list[tuple[str, dict[str, Any]]]) -> None:
    decoder = StreamDecoder()
    for kind, payload in events:
        before = decoder.error
        told = decoder.feed(kind, payload)
        assert before is None or told == []


def test_what_comes_after_the_end_is_not_said() -> None:
    decoder, events = decode(
        TEXT, delta(0, "text_delta", text="a"), stop(0), end(), TEXT, CALL, stop(0), end(output_tokens=3)
    )
    assert events[-2:] == [Stop(reason=StopReason.END), UsageEvent(usage=Usage(output=3))]
    assert decoder.finished
