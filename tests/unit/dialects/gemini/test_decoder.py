"""Streams of Gemini: every payload a response of its own."""

from typing import Any

import orjson
import pytest
from google.genai import types
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
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    Logprobs,
    Reasoning,
    ReasoningDelta,
    Stop,
    StopReason,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)
from libs.dialects.gemini.answer import read_answer
from libs.dialects.gemini.decoder import StreamDecoder
from tests.unit.dialects.gemini.answers import Block, call, folded, response
from tests.unit.dialects.gemini.test_answer import JSON, MEMBERS


def chunk(*parts: dict[str, Any], usage: dict[str, Any] | None = None, **candidate: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    told = {"usageMetadata": usage} if usage else {}
    body = {"candidates": [{"content": content, **candidate}], "responseId": "r1", **told}
    types.GenerateContentResponse.model_validate_json(orjson.dumps(body))
    return body


def decoded(*payloads: Any) -> tuple[StreamDecoder, list[Event]]:
    decoder = StreamDecoder()
    return decoder, [event for payload in payloads for event in decoder.feed("", payload)]


def test_thoughts_text_and_calls_are_blocks_of_their_own() -> None:
    decoder, events = decoded(
        chunk({"text": "h", "thought": True}),
        chunk({"text": "m", "thought": True}, {"text": "a"}),
        chunk({"text": "b"}),
        chunk({**call(args={"x": 1}), "thoughtSignature": "AAAA"}, call("g")),
        chunk({"text": "c"}, finishReason="STOP", usage={"promptTokenCount": 4, "candidatesTokenCount": 2}),
    )
    first, second = (event.id for event in events if isinstance(event, ToolCallStart))
    assert first != second
    assert events == [
        ReasoningDelta(index=0, text="h"),
        ReasoningDelta(index=0, text="m"),
        BlockStop(index=0),
        TextDelta(index=1, text="a"),
        TextDelta(index=1, text="b"),
        BlockStop(index=1),
        ReasoningDelta(index=2, redacted="ni1.g.c.AAAA"),
        BlockStop(index=2),
        ToolCallStart(index=3, id=first, name="f"),
        ToolCallDelta(index=3, json='{"x":1}'),
        BlockStop(index=3),
        ToolCallStart(index=4, id=second, name="g"),
        ToolCallDelta(index=4, json="{}"),
        BlockStop(index=4),
        TextDelta(index=5, text="c"),
        BlockStop(index=5),
        Stop(reason=StopReason.TOOL_USE),
        UsageEvent(usage=Usage(input=4, output=2)),
    ]
    assert decoder.started
    assert decoder.finished
    assert decoder.output_bytes == len('hmabc{"x":1}{}')


def test_nothing_has_started_before_there_is_output_nor_ended_before_the_reason() -> None:
    decoder = StreamDecoder()
    seen = []
    for payload in (chunk(), chunk({"text": ""}), chunk({"text": "a"}), chunk({"text": ""}, finishReason="STOP")):
        decoder.feed("", payload)
        seen.append((decoder.started, decoder.finished))
    assert seen == [(False, False), (False, False), (True, False), (True, True)]


def test_a_stream_that_ends_cleanly_without_a_reason_is_not_finished() -> None:
    decoder, _ = decoded(chunk({"text": "a"}, finishReason="FINISH_REASON_UNSPECIFIED"), chunk({"text": "b"}))
    assert not decoder.finished
    assert decoder.error is None


def test_usage_in_every_chunk_is_counted_once_and_the_last_one_counts() -> None:
    counts: list[dict[str, Any]] = [
        {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        {"trafficType": "ON_DEMAND"},
        {"promptTokenCount": 8, "cachedContentTokenCount": 6, "candidatesTokenCount": 3, "thoughtsTokenCount": 4},
    ]
    decoder, events = decoded(
        chunk({"text": "a"}, usage=counts[0]),
        chunk({"text": "b"}, usage=counts[1]),
        chunk({"text": "c"}, usage=counts[2], finishReason="STOP"),
    )
    last = Usage(input=2, cache_read=6, output=7, reasoning=4)
    assert decoder.usage == last
    assert [event for event in events if isinstance(event, UsageEvent)] == [UsageEvent(usage=last)]


def test_usage_told_before_the_end_is_told_with_the_end() -> None:
    _, events = decoded(chunk({"text": "a"}, usage={"promptTokenCount": 1}), chunk(finishReason="STOP"))
    assert events[-2:] == [Stop(reason=StopReason.END), UsageEvent(usage=Usage(input=1))]


def test_usage_behind_the_end_replaces_what_was_told() -> None:
    decoder, events = decoded(
        chunk({"text": "a"}, usage={"promptTokenCount": 1}, finishReason="STOP"),
        {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}},
        {"usageMetadata": {"trafficType": "ON_DEMAND"}},
    )
    told = [event.usage for event in events if isinstance(event, UsageEvent)]
    assert told == [Usage(input=1), Usage(input=1, output=2)]
    assert decoder.usage == told[-1]


def test_stop_behind_calls_is_tool_use_in_whichever_chunk_it_comes() -> None:
    _, events = decoded(chunk(call()), chunk({"text": ""}, finishReason="STOP"))
    assert events[-1] == Stop(reason=StopReason.TOOL_USE)
    _, events = decoded(chunk({"text": "a"}), chunk(finishReason="MAX_TOKENS"))
    assert events[-2:] == [BlockStop(index=0), Stop(reason=StopReason.MAX_TOKENS)]


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    decoder, events = decoded({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})
    assert events == [Stop(reason=StopReason.CONTENT_FILTER), UsageEvent(usage=Usage(input=4))]
    assert decoder.finished
    assert not decoder.started


def test_signatures_of_thoughts_and_texts_travel_with_their_marks() -> None:
    _, events = decoded(
        chunk({"text": "hm", "thought": True}),
        chunk({"text": "", "thought": True, "thoughtSignature": "AAAA"}),
        chunk({"text": "a", "thoughtSignature": "BBBB"}),
        chunk({"text": "", "thoughtSignature": "CCCC"}, finishReason="STOP"),
    )
    assert folded(events) == [
        Reasoning(text="hm", signature="ni1.g.AAAA"),
        Reasoning(redacted="ni1.g.t.BBBB"),
        Text(text="a"),
        Reasoning(redacted="ni1.g.t.CCCC"),
    ]


def test_log_probabilities_follow_the_text_they_are_of() -> None:
    told = {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    _, events = decoded(chunk({"text": "a"}, logprobsResult=told))
    assert events == [TextDelta(index=0, text="a"), Logprobs(tokens=(TokenLogprob(token="a", logprob=-0.5),))]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow"}}, ProviderRateLimited),
        ([{"error": {"code": 503, "status": "UNAVAILABLE"}}], Overloaded),
        ({"error": {"code": 504, "status": "DEADLINE_EXCEEDED"}}, UpstreamTimeout),
        ({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "bad"}}, ProviderRefused),
        ({"error": {}}, UpstreamError),
        ({"error": "gone"}, UpstreamError),
        (chunk({"text": "a"}, finishReason="MALFORMED_FUNCTION_CALL"), UpstreamError),
        (chunk(finishReason="OTHER"), UpstreamError),
        (chunk(call(willContinue=True)), UpstreamError),
        (chunk(call("")), UpstreamError),
        ({"candidates": [{"content": {"parts": [call(args={"x": 2**70})]}}]}, UpstreamError),
    ],
)
def test_a_failure_in_mid_stream_is_one_and_the_end(payload: Any, error: type[NorthernError]) -> None:
    decoder, events = decoded(chunk({"text": "a"}), payload)
    assert isinstance(events[-1], Failure)
    assert type(decoder.error) is error
    assert not decoder.finished
    assert decoder.feed("", chunk({"text": "b"}, finishReason="STOP")) == []


def test_what_comes_behind_the_end_is_not_lost_in_silence() -> None:
    decoder, _ = decoded(chunk({"text": "a"}, finishReason="STOP"), chunk({"text": ""}))
    assert decoder.error is None
    decoder, _ = decoded(chunk({"text": "a"}, finishReason="STOP"), chunk({"text": "b"}))
    assert isinstance(decoder.error, UpstreamError)


# --- the same answer, whole and in pieces -------------------------------------------------------------------------

SIGNED = st.sampled_from([{}, {"thoughtSignature": "AAAA"}])
SAID = st.fixed_dictionaries({"text": st.text(max_size=5)})
PARTS = st.one_of(
    st.builds(lambda said, signed: said | signed, SAID, SIGNED),
    st.builds(lambda said, signed: said | {"thought": True} | signed, SAID, SIGNED),
    st.builds(
        lambda args, signed: call(args=args) | signed,
        st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
        SIGNED,
    ),
)


def merged(parts: list[Block]) -> list[Block]:
    """Neighbours that say the same kind of thing, as one: a stream does not show where one part ended."""
    out: list[Block] = []
    for part in parts:
        match (out[-1] if out else None), part:
            case Text() as before, Text():
                out[-1] = Text(text=before.text + part.text)
            case Reasoning(signature="", redacted="") as before, Reasoning(redacted=""):
                out[-1] = Reasoning(text=before.text + part.text, signature=part.signature)
            case _:
                out.append(part)
    return out


@given(st.lists(PARTS, max_size=6), st.data())
def test_a_stream_divided_anywhere_tells_the_whole_answer(parts: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = read_answer(response(*parts))
    payloads: list[dict[str, Any]] = [response(finish=None)]
    for part in parts:
        if data.draw(st.booleans()):
            payloads.append(response(finish=None))
        payloads[-1]["candidates"][0]["content"]["parts"].append(part)
    if data.draw(st.booleans()):
        payloads.append(response(finish=None))
    payloads[-1]["candidates"][0]["finishReason"] = "STOP"
    decoder, events = decoded(*payloads)
    assert merged(folded(events)) == merged(list(whole.parts))
    assert [event for event in events if isinstance(event, Stop)] == [Stop(reason=whole.stop)]
    assert decoder.usage == whole.usage
    assert decoder.output_bytes == whole.output_bytes
    assert decoder.started is any(part.get("text") or "functionCall" in part for part in parts)


@given(st.lists(st.dictionaries(MEMBERS, JSON) | st.lists(st.dictionaries(MEMBERS, JSON), max_size=2), max_size=4))
def test_arbitrary_payloads_raise_nothing(payloads: list[Any]) -> None:
    decoder = StreamDecoder()
    for payload in payloads:
        failed = decoder.error is not None
        events = decoder.feed("", payload)
        assert not (failed and events)
        assert (decoder.error is not None) is (failed or any(isinstance(event, Failure) for event in events))


@given(st.lists(st.dictionaries(MEMBERS, JSON, max_size=3) | JSON, max_size=3), JSON, JSON)
def test_arbitrary_parts_raise_nothing_and_leave_no_block_open(parts: list[Any], finish: Any, logprobs: Any) -> None:
    decoder = StreamDecoder()
    candidate = {"content": {"parts": parts}, "finishReason": finish, "logprobsResult": logprobs}
    events = decoder.feed("", {"candidates": [candidate]})
    if decoder.finished:
        assert all(isinstance(part, Text | Reasoning | ToolCall) for part in folded(events))
