"""However an answer is cut, into deltas and into pieces of bytes, the official SDKs hear the same: the originals."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.northern.v1.envelope_pb2 import Dialect
from libs.dialects.anthropic_messages import answer as anthropic_answer
from libs.dialects.anthropic_messages.stream import StreamEncoder as AnthropicEncoder
from libs.dialects.form import (
    Answer,
    BlockStop,
    Event,
    Reasoning,
    ReasoningDelta,
    Stop,
    StopReason,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)
from libs.dialects.openai_chat import answer as openai_answer
from libs.dialects.openai_chat.stream import StreamEncoder as OpenAIEncoder
from services.pii.replies.answers import Answers
from tests.support import caller_readers
from tests.support.caller_readers import Heard
from tests.support.dialect_strategies import CUTS, IDS, NAMES, cut
from tests.unit.pii.replies.dictionary import Dictionary
from tests.unit.pii.replies.wire import fed

ORIGINALS = {"Mary Smith": "Jane Doe", "Mary": "Jane", "Smith": "Doe", "Quincy": 'Jo "Q" Néé\\\n'}
USAGE = Usage(input=3, output=5, reasoning=1)
OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES
DIALECTS = pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])

SAID = st.lists(
    st.sampled_from(
        ["Mary Smith", "Mary", "Mar", "Smith", "Quincy", "Q", " ", "a", '"', "\\", "\n", "é", "🙂", "data:"]
    ),
    min_size=1,
    max_size=6,
).map("".join)
BLANKLESS = SAID.filter(lambda said: bool(said.strip()))
ARGUMENTS = st.dictionaries(SAID, SAID | st.lists(SAID, max_size=2) | st.integers(0, 9_999), max_size=3)
CALLS = st.lists(
    st.builds(ToolCall, id=IDS, name=NAMES, arguments=ARGUMENTS), max_size=2, unique_by=lambda call: call.id
)
THOUGHTS = st.just("") | BLANKLESS
ANSWERS = st.tuples(THOUGHTS, st.just("") | BLANKLESS, CALLS).map(
    lambda drawn: Answer(
        parts=(
            *([Reasoning(text=drawn[0])] if drawn[0] else []),
            *([Text(text=drawn[1])] if drawn[1] else []),
            *drawn[2],
        ),
        stop=StopReason.TOOL_USE if drawn[2] else StopReason.END,
        usage=USAGE,
    )
)


def original(said: str) -> str:
    return Dictionary(ORIGINALS).restorer().restore(said)


def original_value(value: Any) -> Any:
    match value:
        case str():
            return original(value)
        case list():
            return [original_value(each) for each in value]
        case dict():
            return {original(key): original_value(each) for key, each in value.items()}
        case _:
            return value


def as_heard(heard: Heard, dialect: Dialect) -> Heard:
    """What the caller should hear where the model said this. Anthropic's thoughts are signed, or may be."""
    return Heard(
        thought=heard.thought if dialect == ANTHROPIC else original(heard.thought),
        said=original(heard.said),
        calls=[(id_, name, original_value(arguments)) for id_, name, arguments in heard.calls],
        stop=heard.stop,
        usage=heard.usage,
    )


def events(answer: Answer, cuts: list[int]) -> list[Event]:
    found: list[Event] = []
    for index, part in enumerate(answer.parts):
        match part:
            case Text():
                found += [TextDelta(index=index, text=piece) for piece in pieces(part.text, cuts)]
            case Reasoning():
                found += [ReasoningDelta(index=index, text=piece) for piece in pieces(part.text, cuts)]
            case ToolCall():
                found.append(ToolCallStart(index=index, id=part.id, name=part.name))
                written = openai_answer.written_arguments(part.arguments)
                found += [ToolCallDelta(index=index, json=piece) for piece in pieces(written, cuts)]
        found.append(BlockStop(index=index))
    return [*found, Stop(reason=answer.stop), UsageEvent(usage=USAGE)]


def pieces(said: str, cuts: list[int]) -> list[str]:
    marks = sorted({0, len(said), *(n % (len(said) + 1) for n in cuts)})
    return [said[a:b] for a, b in pairwise(marks)]


def streamed(dialect: Dialect, answer: Answer, cuts: list[int]) -> bytes:
    kind = AnthropicEncoder if dialect == ANTHROPIC else OpenAIEncoder
    encoder = kind("id_1", 1, "a-model", include_usage=True)
    return encoder.encode(events(answer, cuts)) + encoder.done()


def whole(dialect: Dialect, answer: Answer) -> bytes:
    if dialect == ANTHROPIC:
        return anthropic_answer.write_answer(answer, id="id_1", created=1, model="a-model")
    return openai_answer.write_answer(answer, id="id_1", created=1, model="a-model")


def heard(dialect: Dialect, data: bytes) -> Heard:
    return caller_readers.anthropic(data) if dialect == ANTHROPIC else caller_readers.openai(data)


def heard_streamed(dialect: Dialect, data: bytes) -> Heard:
    return caller_readers.anthropic_stream(data) if dialect == ANTHROPIC else caller_readers.openai_stream(data)


def answers(dialect: Dialect) -> Answers:
    return Answers(dialect=dialect, restoring=Dictionary(ORIGINALS))


@DIALECTS
@given(answer=ANSWERS, deltas=CUTS, cuts=CUTS)
def test_a_stream_is_restored_however_it_is_cut(
    dialect: Dialect, answer: Answer, deltas: list[int], cuts: list[int]
) -> None:
    sent = streamed(dialect, answer, deltas)
    out = fed(answers(dialect), cut(sent, cuts))

    assert heard_streamed(dialect, out) == as_heard(heard_streamed(dialect, sent), dialect)


@DIALECTS
@given(answer=ANSWERS)
def test_a_whole_answer_says_the_same_as_its_stream(dialect: Dialect, answer: Answer) -> None:
    sent = whole(dialect, answer)

    assert heard(dialect, answers(dialect).restored(sent)) == as_heard(heard(dialect, sent), dialect)


@DIALECTS
@given(answer=ANSWERS, deltas=CUTS)
def test_single_bytes_give_the_same_bytes(dialect: Dialect, answer: Answer, deltas: list[int]) -> None:
    sent = streamed(dialect, answer, deltas)
    bytewise = fed(answers(dialect), (sent[at : at + 1] for at in range(len(sent))))

    assert bytewise == fed(answers(dialect), [sent])


@DIALECTS
@given(answer=ANSWERS, deltas=CUTS, at=st.integers(0, 100_000))
def test_a_stream_that_is_cut_anywhere_ends_in_whole_events(
    dialect: Dialect, answer: Answer, deltas: list[int], at: int
) -> None:
    sent = streamed(dialect, answer, deltas)
    out = fed(answers(dialect), [sent[: at % (len(sent) + 1)]])

    assert not out or out.endswith(b"\n\n")
    assert "Mary" not in out.decode() or dialect == ANTHROPIC


@DIALECTS
@given(data=st.binary(max_size=200), cuts=CUTS)
def test_bytes_pass_as_they_came_where_nothing_was_substituted(dialect: Dialect, data: bytes, cuts: list[int]) -> None:
    assert fed(Answers(dialect=dialect, restoring=Dictionary({})), cut(data, cuts)) == data
