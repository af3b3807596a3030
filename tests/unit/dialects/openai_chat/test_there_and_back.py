"""What is written and read again says the same, however it is cut; nonsense gives one failure at most."""

from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

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
from libs.dialects.openai_chat.decoder import StreamDecoder
from libs.dialects.openai_chat.stream import StreamEncoder
from libs.dialects.sse import EventSplitter
from tests.unit.dialects.openai_chat.listener import heard

WORDS = st.text(min_size=1, max_size=8)
BLOCKS = st.lists(
    st.tuples(st.just("text"), st.lists(WORDS, min_size=1, max_size=3))
    | st.tuples(st.just("thought"), st.lists(WORDS, min_size=1, max_size=3))
    | st.tuples(st.just("call"), st.dictionaries(WORDS, WORDS | st.integers(0, 9) | st.none(), max_size=3)),
    max_size=6,
)


def as_events(blocks: list[tuple[str, Any]], usage: Usage | None) -> list[Event]:
    """With gaps between the indices, as a provider's own may have."""
    events: list[Event] = []
    for at, (kind, content) in enumerate(blocks):
        index = 2 * at + 1
        match kind:
            case "text":
                events += [TextDelta(index=index, text=word) for word in content]
            case "thought":
                events += [ReasoningDelta(index=index, text=word) for word in content]
                events.append(ReasoningDelta(index=index, signature="sig"))
            case _:
                events.append(ToolCallStart(index=index, id=f"id{at}", name="f"))
                written = orjson.dumps(content).decode() if content else ""
                events += [ToolCallDelta(index=index, json=half) for half in (written[:4], written[4:]) if half]
        events.append(BlockStop(index=index))
    called = any(kind == "call" for kind, _ in blocks)
    events.append(Stop(reason=StopReason.TOOL_USE if called else StopReason.END))
    return events if usage is None else [*events, UsageEvent(usage=usage)]


@given(BLOCKS, st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
def test_a_stream_written_cut_anywhere_and_read_again_says_the_same(
    blocks: list[tuple[str, Any]], at: list[int], counted: bool
) -> None:
    events = as_events(blocks, Usage(input=5, output=2) if counted else None)
    encoder = StreamEncoder("chatcmpl-1", 7, "m", include_usage=counted)
    data = encoder.encode(events) + encoder.done()
    marks = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    splitter, decoder = EventSplitter(), StreamDecoder()
    again: list[Event] = []
    for a, b in pairwise(marks):
        for event in splitter.feed(data[a:b]):
            if event.data != b"[DONE]":
                again += decoder.feed(event.event, orjson.loads(event.data))
    told = heard(events)
    expected = told._replace(calls=[(id_, name, written or "{}") for id_, name, written in told.calls])
    assert heard(again) == expected
    assert decoder.finished
    assert decoder.error is None


NAMES = (
    "choices index delta content text thinking reasoning refusal tool_calls function_call id function name arguments"
)
NAMES += " finish_reason usage prompt_tokens total_tokens logprobs top_logprobs token logprob error code message"
NAMES += " extra_content google thought_signature x_groq object"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 500) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "{}", "{", "stop", "tool_calls", "length", "error", "function"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip
CHUNKS = st.fixed_dictionaries(
    {},
    optional={"choices": st.lists(st.fixed_dictionaries({"delta": JSON, "finish_reason": JSON}) | JSON), "usage": JSON},
)


@given(st.lists(CHUNKS | st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=4), max_size=6))
def test_arbitrary_json_gives_events_or_one_failure_and_nothing_else(payloads: list[dict[str, Any]]) -> None:
    decoder = StreamDecoder()
    events = [event for payload in payloads for event in decoder.feed("", payload)]
    failures = [event for event in events if isinstance(event, Failure)]
    assert len(failures) == (decoder.error is not None)
    if decoder.finished:
        heard(events)
    StreamEncoder("i", 1, "m", include_usage=True).encode(events)
