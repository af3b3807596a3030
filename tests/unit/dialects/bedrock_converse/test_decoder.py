"""ConverseStream's events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import (
    NorthernError,
    Overloaded,
    ProviderRateLimited,
    ProviderRefused,
    UpstreamError,
    UpstreamTimeout,
)
from libs.dialects.bedrock_converse import decoder as module
from libs.dialects.bedrock_converse.decoder import StreamDecoder
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


def delta(at: int, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": at, "delta": given, "p": "abcd"}


STREAM = [
    ("messageStart", {"role": "assistant"}),
    delta(0, {"reasoningContent": {"text": "hm"}}),
    delta(0, {"reasoningContent": {"signature": "s"}}),
    delta(0, {"reasoningContent": {"signature": "t"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    delta(1, {"text": "a"}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}),
    delta(2, {"toolUse": {"input": '{"x":1}'}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {}}),
]


def test_a_stream_is_decoded_event_by_event_and_usage_comes_after_the_stop() -> None:
    decoder = StreamDecoder()
    events: list[Event] = []
    for at, (kind, payload) in enumerate(STREAM):
        events += decoder.feed(kind, payload)
        assert decoder.started is (at > 0)
        assert decoder.finished is (at >= 10)
    assert events == [
        ReasoningDelta(index=0, text="hm"),
        ReasoningDelta(index=0, signature="ni1.b.st"),
        BlockStop(index=0),
        TextDelta(index=1, text="a"),
        BlockStop(index=1),
        ToolCallStart(index=2, id="t", name="f"),
        ToolCallDelta(index=2, json='{"x":1}'),
        BlockStop(index=2),
        Stop(reason=StopReason.TOOL_USE),
        UsageEvent(usage=Usage(input=1, output=2)),
    ]
    assert decoder.done
    assert decoder.usage == Usage(input=1, output=2)
    assert decoder.output_bytes == len('hma{"x":1}')


def test_a_stream_cut_before_its_stop_is_not_finished() -> None:
    decoder = StreamDecoder()
    for kind, payload in STREAM[:-2]:
        decoder.feed(kind, payload)
    assert not decoder.finished
    assert decoder.error is None


@pytest.mark.parametrize(
    ("kind", "payload", "error"),
    [
        ("throttlingException", {"message": "slow"}, ProviderRateLimited),
        ("serviceUnavailableException", {}, Overloaded),
        ("modelTimeoutException", {}, UpstreamTimeout),
        ("modelStreamErrorException", {"originalMessage": "x", "originalStatusCode": 400}, UpstreamError),
        ("internalServerException", {}, UpstreamError),
        ("validationException", {"message": "bad"}, ProviderRefused),
        ("somethingNewException", {}, UpstreamError),
        ("InternalError", {}, UpstreamError),
        ("messageStop", {"stopReason": "malformed_tool_use"}, UpstreamError),
    ],
)
def test_an_exception_in_mid_stream_is_a_failure_and_the_end(
    kind: str, payload: dict[str, Any], error: type[NorthernError]
) -> None:
    decoder = StreamDecoder()
    events = decoder.feed(kind, payload)
    assert [type(event) for event in events] == [Failure]
    assert type(decoder.error) is error
    assert not decoder.finished
    assert decoder.feed("messageStop", {"stopReason": "end_turn"}) == []


KINDS = st.sampled_from([kind for kind, _ in STREAM] + ["", "throttlingException"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["delta", "text", "toolUse", "start", "input", "usage", "stopReason", "contentBlockIndex",
                 "toolUseId", "name", "reasoningContent", "inputTokens", "cacheDetails"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)  # fmt: skip


@given(
    st.lists(
        st.tuples(KINDS, st.dictionaries(st.sampled_from(["delta", "start", "usage", "contentBlockIndex"]), VALUES))
    )
)
def test_arbitrary_payloads_raise_nothing(frames: list[tuple[str, dict[str, Any]]]) -> None:
    decoder = StreamDecoder()
    for kind, payload in frames:
        failed = decoder.error is not None
        events = decoder.feed(kind, payload)
        assert not (failed and events)
        assert (decoder.error is not None) is (failed or any(isinstance(event, Failure) for event in events))


def decoded(decoder: StreamDecoder, *frames: tuple[str, dict[str, Any]]) -> list[Event]:
    return [event for kind, payload in frames for event in decoder.feed(kind, payload)]


def test_claudes_signatures_stand_as_they_come() -> None:
    events = decoded(StreamDecoder(claude=True), *STREAM)
    assert events[1] == ReasoningDelta(index=0, signature="st")


def test_a_block_that_the_provider_leaves_open_is_closed_before_the_stop() -> None:
    frames = [frame for frame in STREAM if frame[0] != "contentBlockStop"]
    events = decoded(StreamDecoder(), *frames)
    at = events.index(Stop(reason=StopReason.TOOL_USE))
    closing = [ReasoningDelta(index=0, signature="ni1.b.st"), *(BlockStop(index=each) for each in range(3))]
    assert events[at - 4 : at] == closing


def test_a_call_behind_end_turn_is_tool_use_all_the_same() -> None:
    start = ("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}})
    stop = ("messageStop", {"stopReason": "end_turn"})
    assert decoded(StreamDecoder(), start, stop)[-1] == Stop(reason=StopReason.TOOL_USE)
    assert decoded(StreamDecoder(), stop)[-1] == Stop(reason=StopReason.END)


def test_a_redacted_thought_is_marked_with_its_family() -> None:
    events = decoded(StreamDecoder(), delta(0, {"reasoningContent": {"redactedContent": "cmVk"}}))
    assert events == [ReasoningDelta(index=0, redacted="ni1.b.cmVk")]


def test_the_stop_sequence_is_told_where_the_model_tells_it() -> None:
    stop = {"stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "END"}}
    assert decoded(StreamDecoder(), ("messageStop", stop)) == [
        Stop(reason=StopReason.STOP_SEQUENCE, stop_sequence="END")
    ]


@pytest.mark.parametrize(
    "frame",
    [
        delta(0, {"toolUse": {"input": "{"}}),
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"name": "f"}}}),
    ],
)
def test_a_call_that_nobody_could_answer_is_a_failure_and_not_lost(frame: tuple[str, dict[str, Any]]) -> None:
    decoder = StreamDecoder()
    assert [type(event) for event in decoded(decoder, frame)] == [Failure]
    assert isinstance(decoder.error, UpstreamError)


def test_a_signature_without_end_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIGNATURE_LIMIT", 3)
    decoder = StreamDecoder()
    decoded(decoder, *[delta(0, {"reasoningContent": {"signature": "ss"}})] * 2)
    assert isinstance(decoder.error, UpstreamError)


def test_what_comes_after_the_stop_is_not_said_and_the_stop_is_told_once() -> None:
    decoder = StreamDecoder()
    late = [("messageStop", {"stopReason": "end_turn"}), delta(0, {"text": "late"}), *STREAM[7:]]
    events = [event for frame in [delta(0, {"text": "a"}), *late] for event in decoder.feed(*frame)]
    usage = UsageEvent(usage=Usage(input=1, output=2))
    assert events == [TextDelta(index=0, text="a"), BlockStop(index=0), Stop(reason=StopReason.END), usage]
