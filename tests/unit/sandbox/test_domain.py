"""What the sandbox answers: sentences, tools, schemas, limits and counts."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.domain import Ask, Choice, Finish, Tool, answer, pieces_of
from services.sandbox.orders.directives import Directive

WEATHER = Tool(
    name="get_weather",
    schema={
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 3},
            "unit": {"enum": ["C", "F"]},
        },
        "required": ["city", "days", "unit"],
    },
)
NOW = Tool(name="now", schema={"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("  what   MODEL are\nyou? ", "I am m1, played by the sandbox."),
        ("Please:\nRepeat this line exactly: <PERSON_1>, caf\u00e9 \nand no more", "<PERSON_1>, caf\u00e9 "),
        ("Count to five.", "1, 2, 3, 4, 5"),
    ],
)
def test_guides_can_be_followed_by_hand(asked: str, said: str) -> None:
    assert answer(Ask(model="m1", text=asked)).text == said


def test_anything_else_is_answered_as_the_sandbox() -> None:
    assert "sandbox" in answer(Ask(model="m1", text="hi")).text


def test_counting_takes_several_tokens() -> None:
    said = answer(Ask(model="m", text="count to five", text_bytes=13))
    assert list(said.pieces) == ["1,", " 2,", " 3,", " 4,", " 5"]
    assert (said.input_tokens, said.output_tokens) == (4, 5)


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(pieces_of(text)) == text


def test_max_tokens_cuts_with_length() -> None:
    said = answer(Ask(model="m", text="count to five", max_tokens=2))
    assert (said.text, said.finish, said.output_tokens) == ("1, 2,", Finish.LENGTH, 2)


def test_an_answer_of_exactly_max_tokens_is_whole() -> None:
    assert answer(Ask(model="m", text="count to five", max_tokens=5)).finish is Finish.END


def test_the_earliest_stop_sequence_ends_the_text() -> None:
    said = answer(Ask(model="m", text="count to five", stop=("4", ", 3")))
    assert (said.text, said.finish, said.stop_sequence) == ("1, 2", Finish.STOP_SEQUENCE, ", 3")


def test_a_forced_tool_is_called_with_arguments_of_its_schema() -> None:
    said = answer(
        Ask(
            model="m",
            text="weather in Montreal please now",
            tools=(NOW, WEATHER),
            choice=Choice.REQUIRED,
            forced="get_weather",
        )
    )
    (call,) = said.calls
    assert call.name == "get_weather"
    assert orjson.loads(call.arguments) == {"city": "weather in Montreal please", "days": 3, "unit": "C"}
    assert (said.finish, said.output_tokens) == (Finish.TOOLS, len(call.pieces))


def test_a_tool_without_arguments_gets_an_empty_object() -> None:
    (call,) = answer(Ask(model="m", text="x", tools=(NOW,), choice=Choice.REQUIRED)).calls
    assert call.arguments == "{}"


def test_auto_calls_only_the_tools_that_are_named() -> None:
    both = Ask(model="m", text="Use the tool now, then use the tool get_weather: Laval", tools=(NOW, WEATHER))
    assert [call.name for call in answer(both).calls] == ["now", "get_weather"]
    assert answer(Ask(model="m", text="hello", tools=(NOW, WEATHER))).calls == ()
    assert [c.name for c in answer(Ask(model="m", text=both.text, tools=both.tools, parallel=False)).calls] == ["now"]


def test_choice_none_never_calls() -> None:
    assert answer(Ask(model="m", text="use the tool now", tools=(NOW,), choice=Choice.NONE)).calls == ()


def test_a_tool_result_is_quoted() -> None:
    said = answer(Ask(model="m", text="use the tool now", tools=(NOW,), tool_results=("12:30",)))
    assert said.calls == ()
    assert '"12:30"' in said.text


def test_an_image_is_described() -> None:
    assert (
        answer(Ask(model="m", text="what is it", images=("an image/png of 70 bytes",))).text
        == "I see an image/png of 70 bytes."
    )


def test_numbered_chunks_show_that_nothing_is_missing() -> None:
    said = answer(Ask(model="m", text="hi", directive=Directive(chunks=2000)))
    assert said.text.split() == [f"w{i}" for i in range(2000)]


@pytest.mark.parametrize(
    "directive",
    [Directive(body_bytes=1000), Directive(body_bytes=8_388_608, chunks=100), Directive(body_bytes=5, chunks=9)],
)
def test_a_body_has_the_size_that_was_ordered(directive: Directive) -> None:
    said = answer(Ask(model="m", directive=directive))
    assert len(said.text.encode()) == directive.body_bytes
    assert directive.chunks is None or len(said.pieces) == directive.chunks


def test_n_answers_count_n_times() -> None:
    assert answer(Ask(model="m", text="count to five", n=3)).output_tokens == 15


def test_tools_listed_are_called_at_once_as_often_as_they_are_listed() -> None:
    said = answer(Ask(model="m", text="Use the tools now, get_weather and now. Laval", tools=(NOW, WEATHER)))
    assert [call.name for call in said.calls] == ["now", "get_weather", "now"]
    assert orjson.loads(said.calls[1].arguments)["city"] == "Laval"
    forced = Ask(model="m", text="use the tools now and get_weather", tools=(NOW, WEATHER), choice=Choice.REQUIRED)
    assert [call.name for call in answer(replace(forced, forced="get_weather")).calls] == ["get_weather"]
    assert [call.name for call in answer(replace(forced, parallel=False)).calls] == ["now"]


def test_calls_may_be_announced() -> None:
    said = answer(Ask(model="m", text="announce it and use the tool now", tools=(NOW,)))
    assert (said.text, [call.name for call in said.calls]) == ("I will look that up.", ["now"])
    assert said.output_tokens == len(said.pieces) + len(said.calls[0].pieces)


def test_thoughts_come_before_the_text_and_count_against_the_limit() -> None:
    said = answer(Ask(model="m", text="count to five", thinking=True))
    assert said.thought.startswith("Let me think about")
    assert (said.text, said.secret) == ("1, 2, 3, 4, 5", False)
    assert said.output_tokens == len(said.thoughts) + 5
    most = len(said.thoughts) + 2
    cut = answer(Ask(model="m", text="count to five", thinking=True, max_tokens=most))
    assert (cut.text, cut.finish, cut.output_tokens) == ("1, 2,", Finish.LENGTH, most)
    within = answer(Ask(model="m", text="count to five", thinking=True, max_tokens=3))
    assert (len(within.thoughts), within.text, within.finish) == (3, "", Finish.LENGTH)
    assert not answer(Ask(model="m", text="count to five")).thoughts
    assert answer(Ask(model="m", text="think in secret", thinking=True)).secret


def test_a_refusal_calls_nothing_and_comes_after_what_was_ordered() -> None:
    said = answer(Ask(model="m", text="Refuse this: use the tool now", tools=(NOW,), choice=Choice.REQUIRED))
    assert (said.calls, said.finish) == ((), Finish.REFUSED)
    begun = answer(Ask(model="m", text="refuse this", directive=Directive(chunks=2)))
    assert (begun.text, begun.finish) == ("w0 w1 ", Finish.REFUSED)
    assert answer(Ask(model="m", text="refuse this", tool_results=("noon",))).finish is Finish.END


def test_a_very_long_text_is_heard_at_its_beginning_and_at_its_end() -> None:
    filler = "word " * 200_000
    for text in (f"count to five {filler}", f"{filler} count to five"):
        assert answer(Ask(model="m1", text=text)).text == "1, 2, 3, 4, 5"
