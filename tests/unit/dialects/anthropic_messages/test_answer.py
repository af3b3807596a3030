"""Whole answers in Anthropic's format, with the official SDK's own Message as the judge of what is written."""

from typing import Any

import orjson
import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import NorthernError, Overloaded, UpstreamError
from libs.dialects.anthropic_messages.answer import read_answer, write_answer
from libs.dialects.form import Answer, Reasoning, StopReason, Text, ToolCall, Usage

CALL = ToolCall(id="toolu_1", name="f", arguments={"x": 1})


def write(answer: Answer) -> dict[str, Any]:
    body = write_answer(answer, id="msg_1", created=1, model="m")
    Message.model_validate_json(body, strict=True)
    read: dict[str, Any] = orjson.loads(body)
    return read


def provided(*content: object, stop: object = "end_turn", **more: object) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(content), "stop_reason": stop, **more}


def test_an_answer_has_every_member_of_a_message() -> None:
    usage = Usage(input=5, cache_read=1, cache_write_5m=2, cache_write_1h=3, output=4, reasoning=2)
    parts = (Reasoning(text="hm", signature="s="), Reasoning(redacted="r="), Text(text="hi"))
    assert write(Answer(parts=parts, stop=StopReason.END, usage=usage)) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s="},
            {"type": "redacted_thinking", "data": "r="},
            {"type": "text", "text": "hi"},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 1,
            "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
            "output_tokens": 4,
            "output_tokens_details": {"thinking_tokens": 2},
        },
    }


@pytest.mark.parametrize(
    ("stop", "parts", "said"),
    [
        (StopReason.END, (Text(text="x"),), "end_turn"),
        (StopReason.END, (CALL,), "tool_use"),
        (StopReason.TOOL_USE, (CALL,), "tool_use"),
        (StopReason.TOOL_USE, (Text(text="x"),), "end_turn"),
        (StopReason.MAX_TOKENS, (CALL,), "max_tokens"),
        (StopReason.STOP_SEQUENCE, (), "stop_sequence"),
        (StopReason.CONTENT_FILTER, (), "refusal"),
    ],
)
def test_tool_use_is_said_where_there_are_calls_and_nowhere_else(
    stop: StopReason, parts: tuple[Text | ToolCall, ...], said: str
) -> None:
    written = write(Answer(parts=parts, stop=stop, stop_sequence="END" if stop == "stop_sequence" else ""))
    assert written["stop_reason"] == said
    assert written["stop_sequence"] == ("END" if stop == "stop_sequence" else None)
    assert ("stop_details" in written) == (said == "refusal")


def test_another_familys_signature_is_never_the_last_block() -> None:
    signed = Reasoning(redacted="ni1.g.t.sig")
    for parts, kinds in (
        ((signed, Text(text="hi")), ["redacted_thinking", "text"]),
        ((Text(text="hi"), signed), ["text"]),
        ((Text(text="hi"), Reasoning(redacted="r=")), ["text", "redacted_thinking"]),
    ):
        answer = Answer(parts=parts, stop=StopReason.END)
        message = orjson.loads(write_answer(answer, id="msg_1", created=1, model="m"))
        assert [block["type"] for block in message["content"]] == kinds


def test_an_id_that_anthropic_would_not_take_back_is_mapped() -> None:
    call = ToolCall(id="functions.f:0", name="f", arguments={})
    (block,) = write(Answer(parts=(call,), stop=StopReason.TOOL_USE))["content"]
    assert block["id"].startswith("call_")
    assert block["input"] == {}


def test_a_providers_answer_is_read_block_by_block() -> None:
    body = provided(
        {"type": "thinking", "thinking": "hm", "signature": "s="},
        {"type": "redacted_thinking", "data": "r="},
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}},
        {"type": "text", "text": "hi", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}},
        stop="stop_sequence",
        stop_sequence="END",
        usage={"input_tokens": 3, "output_tokens": 4},
    )
    parts = (Reasoning(text="hm", signature="s="), Reasoning(redacted="r="), Text(text="hi"), CALL)
    expected = Answer(parts=parts, stop=StopReason.STOP_SEQUENCE, usage=Usage(input=3, output=4), stop_sequence="END")
    assert read_answer(body) == expected


@pytest.mark.parametrize(
    ("said", "stop"),
    [
        ("end_turn", StopReason.END),
        ("pause_turn", StopReason.END),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("model_context_window_exceeded", StopReason.MAX_TOKENS),
        ("tool_use", StopReason.TOOL_USE),
        ("refusal", StopReason.CONTENT_FILTER),
    ],
)
def test_stop_reasons_are_read(said: str, stop: StopReason) -> None:
    assert read_answer(provided({"type": "text", "text": "x"}, stop=said)).stop is stop


def test_an_answer_that_ends_with_calls_ends_to_have_them_made() -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    assert read_answer(provided(call)).stop is StopReason.TOOL_USE
    assert read_answer(provided(call, stop="max_tokens")).stop is StopReason.MAX_TOKENS


def deep() -> object:
    value: object = {}
    for _ in range(300):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": {}},
        provided(stop=None),
        provided(stop="new_reason"),
        provided(stop=["end_turn"]),
        provided({"type": "tool_use", "name": "f", "input": {}}),
        provided({"type": "tool_use", "id": "a", "name": "f", "input": deep()}),
    ],
)
def test_what_is_no_answer_is_an_upstream_error(body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        read_answer(body)


def test_an_error_under_a_200_is_that_error() -> None:
    with pytest.raises(Overloaded):
        read_answer({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})


WORDS = st.text(min_size=1, max_size=8)
PART = (
    st.builds(Text, text=WORDS)
    | st.builds(Reasoning, text=st.text(max_size=5), signature=WORDS)
    | st.builds(Reasoning, redacted=WORDS)
    | st.builds(
        ToolCall,
        id=st.from_regex(r"[a-zA-Z0-9_-]{1,9}", fullmatch=True),
        name=WORDS,
        arguments=st.dictionaries(st.text(max_size=3), st.integers(0, 9) | st.text(max_size=3), max_size=3),
    )
)


@given(st.lists(PART, max_size=5), st.sampled_from(["", "END"]))
def test_there_and_back_an_answer_is_the_same(parts: list[Text | Reasoning | ToolCall], sequence: str) -> None:
    called = any(isinstance(part, ToolCall) for part in parts)
    stop = StopReason.TOOL_USE if called else StopReason.STOP_SEQUENCE if sequence else StopReason.END
    answer = Answer(parts=tuple(parts), stop=stop, usage=Usage(input=1, output=2), stop_sequence=sequence)
    assert read_answer(write(answer)) == answer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["text", "tool_use", "thinking", "error"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("type text id name input thinking data error".split()), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from("type content stop_reason stop_sequence usage error".split()), JSON))
def test_arbitrary_json_is_an_answer_or_our_own_error(body: dict[str, Any]) -> None:
    for given_ in (body, {**body, "type": "message", "stop_reason": "end_turn"}):
        try:
            write(read_answer(given_))
        except NorthernError:
            continue
