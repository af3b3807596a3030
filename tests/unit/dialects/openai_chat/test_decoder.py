"""A provider's stream in OpenAI's format: every way in which OpenAI and its kin send the same thing."""

from typing import Any

import pytest

from libs.contracts.errors import NorthernError, ProviderRateLimited, UpstreamError
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    Logprobs,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    ToolCallStart,
    Usage,
)
from libs.dialects.openai_chat.decoder import StreamDecoder
from tests.unit.dialects.openai_chat.listener import heard

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
AZURE = {"choices": [], "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}


def chunk(delta: object = None, finish: str | None = None, **more: object) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c1", "created": 7, "model": "up", "choices": choices, **more}


def call(at: int | None = 0, id: str = "", name: str = "", arguments: object = None) -> dict[str, Any]:  # noqa: A002
    function = {"name": name} if name else {}
    whole: dict[str, Any] = {"function": function if arguments is None else {**function, "arguments": arguments}}
    if at is not None:
        whole["index"] = at
    if id:
        whole |= {"id": id, "type": "function"}
    return whole


def calls(*fragments: dict[str, Any]) -> dict[str, Any]:
    return chunk({"tool_calls": list(fragments)})


def decoded(*payloads: dict[str, Any]) -> list[Event]:
    decoder = StreamDecoder()
    return [event for payload in payloads for event in decoder.feed("", payload)]


# --- text and thoughts --------------------------------------------------------------------------------------------


def test_thought_then_text_are_two_blocks_each_with_its_end() -> None:
    events = decoded(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hm", "content": None}),
        chunk({"reasoning": "m"}),
        chunk({"content": "yes"}),
        chunk({}, "stop"),
    )
    assert events == [
        ReasoningDelta(index=0, text="hm"),
        ReasoningDelta(index=0, text="m"),
        BlockStop(index=0),
        TextDelta(index=1, text="yes"),
        BlockStop(index=1),
        Stop(reason=StopReason.END),
    ]


def test_azures_empty_first_chunk_is_neither_content_nor_usage() -> None:
    decoder = StreamDecoder()
    assert decoder.feed("", AZURE) == []
    assert decoder.feed("", chunk({"role": "assistant", "content": "", "refusal": None})) == []
    filtered = {"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {}}], "object": ""}
    assert decoder.feed("", filtered) == []
    assert (decoder.started, decoder.finished, decoder.usage) == (False, False, None)
    decoder.feed("", chunk({"content": "é"}))
    assert decoder.started
    assert decoder.output_bytes == 2


def test_only_the_first_choice_is_heard() -> None:
    other = {"index": 1, "delta": {"content": "other"}, "finish_reason": "length"}
    payload = chunk({"content": "mine"})
    payload["choices"].insert(0, other)
    assert heard(decoded(payload, chunk({}, "stop"))) == ("", "mine", [], [StopReason.END], None)


def test_content_written_as_a_list_of_parts_is_text_and_thought() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    events = decoded(chunk({"content": [thinking, {"type": "text", "text": "yes"}]}), chunk({}, "stop"))
    assert heard(events)[:2] == ("hm", "yes")


def test_a_refusal_is_text_and_a_filtered_answer() -> None:
    events = decoded(chunk({"content": "", "refusal": "I can"}), chunk({"refusal": "not"}), chunk({}, "stop"))
    assert heard(events) == ("", "I cannot", [], [StopReason.CONTENT_FILTER], None)


def test_logprobs_follow_their_text() -> None:
    payload = chunk({"content": "a"})
    top = [{"token": "a", "logprob": -0.1, "bytes": [97]}, {"token": "b", "logprob": -3}]
    payload["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": top}]}
    told = TokenLogprob(token="a", logprob=-0.1, top=(("a", -0.1), ("b", -3)))
    assert decoded(payload) == [TextDelta(index=0, text="a"), Logprobs(tokens=(told,))]


# --- calls --------------------------------------------------------------------------------------------------------


def test_fragments_of_a_call_are_given_on_as_they_come() -> None:
    decoder = StreamDecoder()
    assert decoder.feed("", calls(call(0, "a", "f", ""))) == [ToolCallStart(index=0, id="a", name="f")]
    assert decoder.feed("", calls(call(0, arguments='{"x"'))) == [ToolCallDelta(index=0, json='{"x"')]
    assert decoder.feed("", calls(call(0, arguments=":1}"))) == [ToolCallDelta(index=0, json=":1}")]
    assert decoder.output_bytes == 7


def test_text_before_calls_does_not_shift_which_call_a_fragment_belongs_to() -> None:
    events = decoded(
        chunk({"content": "so: "}),
        calls(call(0, "a", "f", '{"x":')),
        calls(call(0, arguments="1}")),
        calls(call(1, "b", "g", "{}")),
        chunk({}, "tool_calls"),
    )
    assert heard(events) == ("", "so: ", [("a", "f", '{"x":1}'), ("b", "g", "{}")], [StopReason.TOOL_USE], None)


FRAGMENTS: dict[str, list[tuple[Any, ...]]] = {
    "one after the other": [(0, "a", "f", '{"x"'), (0, "", "", ":1}"), (1, "b", "g", ""), (1, "", "", '{"y":2}')],
    "all in one chunk": [(0, "a", "f", '{"x":1}'), (1, "b", "g", '{"y":2}')],
    "in turns": [(0, "a", "f", '{"x"'), (1, "b", "g", '{"y"'), (0, "", "", ":1}"), (1, "", "", ":2}")],
    "names first": [(0, "a", "f", ""), (1, "b", "g", ""), (1, "", "", '{"y":2}'), (0, "", "", '{"x":1}')],
    "every index 0": [(0, "a", "f", '{"x":1}'), (0, "b", "g", '{"y"'), (0, "", "", ":2}")],
    "no index": [(None, "a", "f", '{"x":1}'), (None, "b", "g", '{"y"'), (None, "", "", ":2}")],
    "id and name in every fragment": [(0, "a", "f", '{"x"'), (0, "a", "f", ":1}"), (1, "b", "g", '{"y":2}')],
    "id and name in every fragment, in turns": [
        (0, "a", "f", '{"x"'),
        (1, "b", "g", '{"y"'),
        (1, "b", "g", ":2}"),
        (0, "a", "f", ":1}"),
    ],
    "arguments as an object": [(0, "a", "f", {"x": 1}), (1, "b", "g", {"y": 2})],
}


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("way", FRAGMENTS)
def test_parallel_calls_are_the_same_calls_however_they_are_sent(way: str, together: bool) -> None:
    fragments = [call(*each) for each in FRAGMENTS[way]]
    payloads = [calls(*fragments)] if together else [calls(each) for each in fragments]
    told = heard(decoded(*payloads, chunk({}, "tool_calls")))
    assert told.calls == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


def test_a_tool_without_arguments_leaves_nothing_out_of_what_follows() -> None:
    events = decoded(calls(call(0, "a", "f", "")), calls(call(1, "b", "g", "{}")), chunk({}, "tool_calls"))
    assert heard(events)[2] == [("a", "f", ""), ("b", "g", "{}")]


def test_stop_after_calls_means_that_tools_are_wanted() -> None:
    assert heard(decoded(calls(call(0, "a", "f", "{}")), chunk({}, "stop")))[3] == [StopReason.TOOL_USE]
    assert heard(decoded(calls(call(0, "a", "f", '{"x')), chunk({}, "length")))[3] == [StopReason.MAX_TOKENS]


def test_calls_without_an_id_get_one_each_of_their_own() -> None:
    def ids(answer: str) -> list[str]:
        fragments = calls(call(0, name="f", arguments="{}"), call(1, name="f", arguments="{}"))
        return [event.id for event in decoded({**fragments, "id": answer}) if isinstance(event, ToolCallStart)]

    assert len({*ids("one"), *ids("two")}) == 4
    assert ids("one") == ids("one")


@pytest.mark.parametrize("id_", ["", "x"])
def test_calls_that_share_an_index_and_have_no_ids_are_told_apart_by_their_names(id_: str) -> None:
    first = call(0, id_, "f", '{"x":1}')
    events = decoded(calls(first), calls(call(0, "", "f", '{"x":2}')), chunk({}, "tool_calls"))
    assert [event.name for event in events if isinstance(event, ToolCallStart)] == ["f", "f"]
    assert [event.json for event in events if isinstance(event, ToolCallDelta)] == ['{"x":1}', '{"x":2}']
    assert len({event.id for event in events if isinstance(event, ToolCallStart)}) == 2


def test_a_name_that_comes_with_every_fragment_is_one_call() -> None:
    events = decoded(calls(call(0, "", "f", '{"x"')), calls(call(0, "", "f", ":1}")), chunk({}, "tool_calls"))
    assert [event.name for event in events if isinstance(event, ToolCallStart)] == ["f"]


def test_arguments_of_null_are_none() -> None:
    events = decoded(calls(call(0, "a", "f", "null")), chunk({}, "tool_calls"))
    assert not [event for event in events if isinstance(event, ToolCallDelta)]


def test_a_name_may_come_after_its_id() -> None:
    events = decoded(calls(call(0, "a", arguments="{")), calls(call(0, name="f", arguments="}")), chunk({}, "stop"))
    assert heard(events)[2] == [("a", "f", "{}")]


def test_a_call_that_never_gets_a_name_is_the_providers_fault() -> None:
    events = decoded(calls(call(0, "a", arguments="{}")), chunk({}, "tool_calls"))
    assert isinstance(events[-1], Failure)


def test_the_older_function_call_is_a_call() -> None:
    events = decoded(
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
        chunk({}, "function_call"),
    )
    told = heard(events)
    assert (told.calls[0][1:], told.stops) == (("f", "{}"), [StopReason.TOOL_USE])


def test_a_gemini_behind_a_compatible_endpoint_keeps_its_signature_before_the_call() -> None:
    signed = call(0, "a", "f", "{}") | {"extra_content": {"google": {"thought_signature": "c2ln"}}}
    assert decoded(calls(signed))[:3] == [
        ReasoningDelta(index=0, redacted="ni1.o.c.c2ln"),
        BlockStop(index=0),
        ToolCallStart(index=1, id="a", name="f"),
    ]


# --- usage --------------------------------------------------------------------------------------------------------

WAYS_TO_TELL_USAGE: dict[str, list[dict[str, Any]]] = {
    "a chunk of its own": [chunk({"content": "a"}, usage=None), chunk({}, "stop", usage=None), chunk(usage=USAGE)],
    "with the finish reason": [chunk({"content": "a"}), chunk({}, "stop", usage=USAGE)],
    "with both": [chunk({"content": "a"}), chunk({}, "stop", usage=USAGE), chunk(usage=USAGE)],
    "in every chunk": [
        chunk({"content": "a"}, usage={"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13}),
        chunk({}, "stop", usage=USAGE),
    ],
    "as Groq tells it": [chunk({"content": "a"}), chunk({}, "stop", x_groq={"usage": USAGE})],
    "and an empty one behind": [chunk({"content": "a"}), chunk({}, "stop", usage=USAGE), chunk(usage={})],
}


@pytest.mark.parametrize("way", WAYS_TO_TELL_USAGE)
def test_usage_is_counted_once_however_it_is_told(way: str) -> None:
    decoder = StreamDecoder()
    events = [event for payload in WAYS_TO_TELL_USAGE[way] for event in decoder.feed("", payload)]
    assert decoder.usage == Usage(input=12, output=3)
    assert heard(events)[3:] == ([StopReason.END], Usage(input=12, output=3))


# --- ends and failures --------------------------------------------------------------------------------------------

REASONS = {
    "stop": StopReason.END,
    "length": StopReason.MAX_TOKENS,
    "content_filter": StopReason.CONTENT_FILTER,
    "eos": StopReason.END,
}


@pytest.mark.parametrize("finish", REASONS)
def test_every_finish_reason_has_its_meaning(finish: str) -> None:
    assert decoded(chunk({}, finish)) == [Stop(reason=REASONS[finish])]


@pytest.mark.parametrize("finish", ["error", "insufficient_system_resource"])
def test_a_finish_reason_that_tells_of_a_failure_is_no_end(finish: str) -> None:
    decoder = StreamDecoder()
    assert isinstance(decoder.feed("", chunk({}, finish))[-1], Failure)
    assert not decoder.finished
    assert isinstance(decoder.error, UpstreamError)


def test_a_stream_that_was_cut_is_not_finished() -> None:
    decoder = StreamDecoder()
    decoder.feed("", chunk({"content": "a"}))
    assert not decoder.finished


def test_what_comes_after_the_end_is_not_said() -> None:
    assert decoded(chunk({}, "stop"), chunk({"content": "more"}), chunk({}, "stop")) == [Stop(reason=StopReason.END)]


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("", {"error": {"message": "slow", "code": 429}}, ProviderRateLimited),
        ("", {"error": "x"}, UpstreamError),
        ("", {"object": "error", "message": "x"}, UpstreamError),
        ("error", {"message": "x"}, UpstreamError),
        ("error", {"error": {"type": "server_error", "message": "x"}}, UpstreamError),
    ],
)
def test_an_error_in_mid_stream_ends_it(kind: str, payload: dict[str, Any], expected: type[NorthernError]) -> None:
    decoder = StreamDecoder()
    decoder.feed("", chunk({"content": "a"}))
    (failure,) = decoder.feed(kind, payload)
    assert isinstance(failure, Failure)
    assert type(failure.error) is expected
    assert decoder.error is failure.error
    assert decoder.feed("", chunk({"content": "b"})) == []


def test_of_two_choices_that_both_claim_to_be_the_first_one_is_heard() -> None:
    twice = {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}
    assert decoded({"choices": [twice, twice]}) == [
        TextDelta(index=0, text="a"),
        BlockStop(index=0),
        Stop(reason=StopReason.END),
    ]
