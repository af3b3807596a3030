"""What a caller is told of a model's calls: his own names for tools, and ids that are new to him."""

from typing import Any

from libs.dialects.form import (
    Answer,
    BlockStop,
    Event,
    Reasoning,
    Request,
    Role,
    Stop,
    StopReason,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    Turn,
)
from services.worker.providers.told import Told


def told(*ids: str, **names: str) -> Told:
    turns = tuple(Turn(role=Role.ASSISTANT, parts=(ToolCall(id=each, name="f", arguments={}),)) for each in ids)
    return Told(Request(turns=turns), names, "0123456789abcdef")


def answer(*parts: Any) -> Answer:
    return Answer(parts=parts, stop=StopReason.TOOL_USE)


def call(id: str, name: str = "f") -> ToolCall:  # noqa: A002 - the wire's own name
    return ToolCall(id=id, name=name, arguments={"x": 1})


def test_a_tool_is_called_by_the_name_that_the_caller_gave_it() -> None:
    renamed = told(short="long").answer(answer(call("a", "short"), call("b", "g")))
    assert renamed.parts == (call("a", "long"), call("b", "g"))
    start = ToolCallStart(index=0, id="a", name="short")
    assert told(short="long").events([start]) == [ToolCallStart(index=0, id="a", name="long")]


def test_an_id_that_the_conversation_knows_already_is_told_as_another() -> None:
    (part,) = told("call_0").answer(answer(call("call_0"))).parts
    assert isinstance(part, ToolCall)
    assert part.id.startswith("call_")
    assert part.id != "call_0"
    (event,) = told("call_0").events([ToolCallStart(index=0, id="call_0", name="f")])
    assert event == ToolCallStart(index=0, id=part.id, name="f")


def test_an_id_known_in_anthropics_letters_is_known() -> None:
    seen = "call_a97d15071f75fb2043da80d3805220af"  # of the id below, where Anthropic's callers are shown it
    (part,) = told(seen).answer(answer(call("functions.Bash:0"))).parts
    assert isinstance(part, ToolCall)
    assert part.id not in (seen, "functions.Bash:0")


def test_two_calls_of_one_answer_do_not_share_an_id() -> None:
    parts = told().answer(answer(call("a"), call("a"))).parts
    assert len({part.id for part in parts if isinstance(part, ToolCall)}) == 2


def test_what_is_new_and_no_call_stays_as_it_is() -> None:
    said, calls = answer(Text(text="hi")), answer(call("new"))
    assert told("old").answer(said) is said
    assert told("old").answer(calls) == calls
    assert told("old").events([TextDelta(index=0, text="hi")]) == [TextDelta(index=0, text="hi")]


def by_tool() -> Told:
    return Told(Request(turns=()), {}, "0123456789abcdef", "answer")


def test_what_a_tool_of_ours_took_is_told_as_the_answer_and_nothing_beside_it() -> None:
    thought = Reasoning(text="hm", signature="s")
    whole = by_tool().answer(answer(thought, Text(text="Here it is:"), call("a", "answer"), call("b", "answer")))
    assert whole == Answer(parts=(thought, Text(text='{"x":1}')), stop=StopReason.END)
    cut = Answer(parts=(call("a", "answer"),), stop=StopReason.MAX_TOKENS)
    assert by_tool().answer(cut).stop is StopReason.MAX_TOKENS
    said = Answer(parts=(Text(text="I will not."),), stop=StopReason.END)
    assert by_tool().answer(said) is said


def test_in_a_stream_too_its_arguments_are_the_words() -> None:
    events: list[Event] = [
        ToolCallStart(index=1, id="a", name="answer"),
        ToolCallDelta(index=1, json='{"x"'),
        ToolCallDelta(index=1, json=":1}"),
        BlockStop(index=1),
        ToolCallStart(index=2, id="b", name="answer"),
        ToolCallDelta(index=2, json="{}"),
        Stop(reason=StopReason.TOOL_USE),
    ]
    told_ = by_tool()
    assert [one for event in events for one in told_.events([event])] == [
        TextDelta(index=1, text='{"x"'),
        TextDelta(index=1, text=":1}"),
        BlockStop(index=1),
        Stop(reason=StopReason.END),
    ]


def test_an_answer_without_members_is_an_object_all_the_same() -> None:
    events: list[Event] = [
        ToolCallStart(index=0, id="a", name="answer"),
        ToolCallDelta(index=0, json=""),
        BlockStop(index=0),
    ]
    told_ = by_tool().events(list(events))
    assert "".join(one.text for one in told_ if isinstance(one, TextDelta)) == "{}"
