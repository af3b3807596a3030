"""Every provider's answer means the same to every caller, whole or streamed, however its bytes were cut."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.errors import NorthernError, UpstreamError
from libs.dialects.anthropic_messages import answer as anthropic_answer
from libs.dialects.anthropic_messages import decoder as anthropic_decoder
from libs.dialects.anthropic_messages import stream as anthropic_stream
from libs.dialects.anthropic_messages.usage import read_usage as read_anthropic_usage
from libs.dialects.anthropic_messages.usage import write_usage as write_anthropic_usage
from libs.dialects.bedrock_converse import answer as converse_answer
from libs.dialects.bedrock_converse import decoder as converse_decoder
from libs.dialects.bedrock_converse.usage import read_usage as read_converse_usage
from libs.dialects.form import Answer, Event, Reasoning, StopReason, Text, ToolCall, Usage
from libs.dialects.gemini import answer as gemini_answer
from libs.dialects.gemini import decoder as gemini_decoder
from libs.dialects.gemini.usage import read_usage as read_gemini_usage
from libs.dialects.openai_chat import answer as openai_answer
from libs.dialects.openai_chat import decoder as openai_decoder
from libs.dialects.openai_chat import stream as openai_stream
from libs.dialects.openai_chat.usage import read_usage as read_openai_usage
from libs.dialects.openai_chat.usage import write_usage as write_openai_usage
from libs.dialects.sse import EventSplitter
from services.worker.providers.bedrock.framing import FrameDecoder
from tests.support import caller_readers, provider_writers
from tests.support.caller_readers import Heard
from tests.support.dialect_strategies import CUTS, answers, cut, usages

EXAMPLES = 40


class Decoder(Protocol):
    """A provider's decoder, as every dialect has one."""

    finished: bool
    usage: Usage | None
    error: NorthernError | None

    def feed(self, kind: str, payload: dict[str, Any]) -> list[Event]: ...


@dataclass(frozen=True, kw_only=True)
class Provider:
    """`told`: what is left of a usage once the provider has told it."""

    whole: provider_writers.Whole
    streamed: provider_writers.Streamed
    read_answer: Callable[[dict[str, Any]], Answer]
    decoder: Callable[[], Decoder]
    told: Callable[[Usage], Usage] = lambda usage: usage
    framed: bool = False


PROVIDERS = {
    "openai": Provider(
        whole=provider_writers.openai,
        streamed=provider_writers.openai_stream,
        read_answer=openai_answer.read_answer,
        decoder=openai_decoder.StreamDecoder,
        told=lambda usage: replace(usage, cache_write_5m=usage.cache_write_5m + usage.cache_write_1h, cache_write_1h=0),
    ),
    "anthropic": Provider(
        whole=provider_writers.anthropic,
        streamed=provider_writers.anthropic_stream,
        read_answer=anthropic_answer.read_answer,
        decoder=anthropic_decoder.StreamDecoder,
    ),
    "converse": Provider(
        whole=provider_writers.converse,
        streamed=provider_writers.converse_stream,
        read_answer=converse_answer.read_answer,
        decoder=converse_decoder.StreamDecoder,
        told=lambda usage: replace(usage, reasoning=0),  # Converse does not say
        framed=True,
    ),
    "gemini": Provider(
        whole=provider_writers.gemini,
        streamed=provider_writers.gemini_stream,
        read_answer=gemini_answer.read_answer,
        decoder=gemini_decoder.StreamDecoder,
        told=lambda usage: replace(usage, cache_write_5m=0, cache_write_1h=0),  # nothing is written that is paid for
    ),
}
each_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


def expected(answer: Answer, usage: Usage, *, openai: bool) -> Heard:
    """What a caller must have understood, whoever answered."""
    written = usage.cache_write_5m + usage.cache_write_1h
    prompt = usage.input + usage.cache_read + written
    numbers = {"input": usage.input, "read": usage.cache_read, "written": written, "output": usage.output}
    stops = {"end": "end_turn", "max_tokens": "max_tokens", "tool_use": "tool_use", "content_filter": "refusal"}
    if openai:
        numbers = {"prompt": prompt, "completion": usage.output, "total": prompt + usage.output,
                   "cached": usage.cache_read, "written": written, "reasoning": usage.reasoning}  # fmt: skip
        stops = {"end": "stop", "max_tokens": "length", "tool_use": "tool_calls", "content_filter": "content_filter"}
    return Heard(
        thought="".join(part.text for part in answer.parts if isinstance(part, Reasoning)),
        said="".join(part.text for part in answer.parts if isinstance(part, Text)),
        calls=[(part.id, part.name, part.arguments) for part in answer.parts if isinstance(part, ToolCall)],
        stop=stops[answer.stop.value],
        usage=numbers,
    )


# --- whole answers and streams ------------------------------------------------------------------------------------


@each_provider
@settings(max_examples=EXAMPLES)
@given(answer=answers())
def test_a_whole_answer_means_the_same_to_every_caller(provider: Provider, answer: Answer) -> None:
    read = provider.read_answer(orjson.loads(orjson.dumps(provider.whole(answer))))
    usage = provider.told(answer.usage or Usage())
    assert read.usage == usage
    data = openai_answer.write_answer(read, id="i", created=1, model="m")
    assert caller_readers.openai(data) == expected(answer, usage, openai=True)
    data = anthropic_answer.write_answer(read, id="i", created=1, model="m")
    assert caller_readers.anthropic(data) == expected(answer, usage, openai=False)


def events_of(provider: Provider, pieces: list[bytes]) -> tuple[list[Event], Decoder]:
    decoder, splitter, frames = provider.decoder(), EventSplitter(), FrameDecoder()
    events: list[Event] = []
    for piece in pieces:
        if provider.framed:
            for frame in frames.feed(piece):
                events += decoder.feed(frame.kind, frame.members())
        else:
            for event in splitter.feed(piece):
                if event.data != b"[DONE]":
                    events += decoder.feed(event.event, orjson.loads(event.data))
    return events, decoder


@each_provider
@settings(max_examples=EXAMPLES)
@given(answer=answers(), size=st.integers(1, 9), at=CUTS)
def test_a_stream_means_the_same_to_every_caller_however_it_is_cut(
    provider: Provider, answer: Answer, size: int, at: list[int]
) -> None:
    events, decoder = events_of(provider, cut(provider.streamed(answer, size), at))
    usage = provider.told(answer.usage or Usage())
    assert (decoder.error, decoder.finished, decoder.usage) == (None, True, usage)
    openai = openai_stream.StreamEncoder("i", 1, "m", include_usage=True)
    data = openai.encode(events) + openai.done()
    assert caller_readers.openai_stream(data) == expected(answer, usage, openai=True)
    anthropic = anthropic_stream.StreamEncoder("i", 1, "m", include_usage=True)
    data = b"".join(anthropic.encode([event]) for event in events) + anthropic.done()
    assert caller_readers.anthropic_stream(data) == expected(answer, usage, openai=False)


@each_provider
@settings(max_examples=EXAMPLES)
@given(answer=answers(), size=st.integers(1, 9), share=st.floats(0, 0.99))
def test_a_stream_that_is_cut_off_is_never_taken_for_a_whole_one(
    provider: Provider, answer: Answer, size: int, share: float
) -> None:
    """What was said until then is a beginning of what would have been said."""
    data = provider.streamed(answer, size)
    whole, _ = events_of(provider, [data])
    events, decoder = events_of(provider, [data[: int(len(data) * share)]])
    assert events == whole[: len(events)]
    assert decoder.error is None
    assert decoder.finished == any(event == end for event in events for end in whole if type(end).__name__ == "Stop")


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@each_provider
@pytest.mark.parametrize("levels", [100, 251, 300, 900])
def test_arguments_nested_beyond_reason_are_written_or_are_an_upstream_error(provider: Provider, levels: int) -> None:
    call = ToolCall(id="call_1", name="f", arguments={})
    body = provider.whole(Answer(parts=(call,), stop=StopReason.TOOL_USE, usage=Usage(output=1)))
    place, name = _arguments(body)
    place[name] = deep(levels)
    try:
        read = provider.read_answer(body)
        assert read.output_bytes > levels
        data = anthropic_answer.write_answer(read, id="i", created=1, model="m")
        assert caller_readers.openai(openai_answer.write_answer(read, id="i", created=1, model="m")).calls
    except UpstreamError:
        assert levels > 200
    else:
        assert levels < 250
        assert caller_readers.anthropic(data).calls[0][2] == deep(levels)


def _arguments(value: Any) -> tuple[dict[str, Any], str]:
    """Where a call's arguments stand in a provider's answer."""
    if isinstance(value, dict):
        for name in ("arguments", "input", "args"):
            if name in value:
                return value, name
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = (place for each in inner if (place := _arguments(each))[1])
    return next(found, ({}, ""))


# --- usage --------------------------------------------------------------------------------------------------------


def total(usage: Usage | None) -> int:
    assert usage is not None
    return usage.input + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h + usage.output


@given(usages())
def test_openais_counts_overlap_and_ours_add_up_to_its_total(usage: Usage) -> None:
    told = provider_writers.openai_usage(usage)
    read = read_openai_usage(told)
    assert total(read) == told["total_tokens"] == told["prompt_tokens"] + told["completion_tokens"]
    assert read is not None
    assert told["prompt_tokens"] - told["prompt_tokens_details"]["cached_tokens"] == (
        read.input + read.cache_write_5m + read.cache_write_1h
    )
    assert read.reasoning <= read.output


@given(usages(), st.integers(0, 1000))
def test_what_a_compatible_front_hides_in_its_total_is_output(usage: Usage, hidden: int) -> None:
    told = provider_writers.openai_usage(usage)
    told["total_tokens"] += hidden
    read = read_openai_usage(told)
    assert total(read) == told["total_tokens"]
    assert read is not None
    assert read.output == usage.output + hidden


@given(usages())
def test_converses_counts_add_up_to_its_total(usage: Usage) -> None:
    told = provider_writers.converse_usage(usage)
    read = read_converse_usage(told)
    assert total(read) == told["totalTokens"]
    assert read == replace(usage, reasoning=0)


@given(usages(), st.floats(0, 1))
def test_geminis_counts_overlap_and_ours_add_up_to_its_total(usage: Usage, share: float) -> None:
    told = provider_writers.gemini_usage(usage, tools=int(usage.input * share))
    read = read_gemini_usage(told)
    assert total(read) == told["totalTokenCount"]
    assert read == replace(usage, cache_write_5m=0, cache_write_1h=0)


@given(usages())
def test_anthropics_counts_are_ours_and_openais_callers_are_shown_their_sum(usage: Usage) -> None:
    read = read_anthropic_usage(provider_writers.anthropic_usage(usage))
    assert read == usage
    assert write_openai_usage(read) == provider_writers.openai_usage(usage)


@given(usages())
def test_what_one_caller_is_shown_a_gateway_behind_him_reads_the_same(usage: Usage) -> None:
    assert total(read_openai_usage(write_openai_usage(usage))) == total(usage)
    assert read_anthropic_usage(write_anthropic_usage(usage)) == usage
