"""A whole answer in OpenAI's format, written for the caller and read from the provider."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from libs.contracts.errors import UpstreamError
from libs.dialects.form import Answer, Reasoning, StopReason, Text, TokenLogprob, ToolCall, Usage
from libs.dialects.openai_chat.answer import read_answer, write_answer
from libs.dialects.openai_chat.request import read_request


def test_an_answer_is_one_that_the_official_sdk_reads() -> None:
    parts = (Reasoning(text="hm"), Text(text="a"), ToolCall(id="t", name="f", arguments={"x": 1}))
    answer = Answer(parts=parts, stop=StopReason.TOOL_USE, usage=Usage(input=1, output=2))
    body = write_answer(answer, id="chatcmpl-1", created=7, model="m")
    read_back = ChatCompletion.model_validate_json(body)
    assert read_back.choices[0].finish_reason == "tool_calls"
    assert read_back.usage is not None
    assert read_back.usage.total_tokens == 3
    message = orjson.loads(body)["choices"][0]["message"]
    assert message["content"] == "a"
    assert message["reasoning_content"] == "hm"
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x":1}'}


def test_content_is_null_beside_calls_and_empty_without() -> None:
    for parts, content in (((ToolCall(id="t", name="f", arguments={}),), None), ((), "")):
        body = write_answer(Answer(parts=parts, stop=StopReason.MAX_TOKENS), id="i", created=0, model="m")
        assert orjson.loads(body)["choices"][0]["message"]["content"] == content
        assert orjson.loads(body)["choices"][0]["finish_reason"] == "length"


# --- written: thoughts that must come back, logprobs --------------------------------------------------------------


def test_signed_thoughts_go_out_and_come_back_unchanged_and_each_to_its_place() -> None:
    parts = (
        Reasoning(text="hm", signature="EqQB"),
        Reasoning(text="unsigned"),
        Reasoning(redacted="ZW5j"),
        Text(text="a"),
        ToolCall(id="t", name="f", arguments={}),
        Reasoning(redacted="ni1.g.c.c2ln"),
        ToolCall(id="u", name="f", arguments={}),
        Reasoning(redacted="ni1.g.t.ZW5k"),
    )
    body = write_answer(Answer(parts=parts, stop=StopReason.TOOL_USE), id="i", created=0, model="m")
    message = orjson.loads(body)["choices"][0]["message"]
    assert [entry["index"] for entry in message["reasoning_details"]] == [0, 1, 2, 3]
    assert message["reasoning_content"] == "hmunsigned"
    assert message["tool_calls"][1]["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    results = [{"role": "tool", "tool_call_id": id_, "content": "ok"} for id_ in ("t", "u")]
    again = read_request({"messages": [message, *results]}).turns[0].parts
    assert again == (parts[0], *parts[2:])


def test_logprobs_are_shown_with_their_bytes() -> None:
    told = (TokenLogprob(token="é", logprob=-0.5, top=(("e", -1.5),)),)
    answer = Answer(parts=(Text(text="é"),), stop=StopReason.END, logprobs=told)
    body = write_answer(answer, id="i", created=0, model="m")
    shown = ChatCompletion.model_validate_json(body).choices[0].logprobs
    assert shown is not None
    assert shown.content is not None
    assert shown.content[0].bytes == [195, 169]
    assert shown.content[0].top_logprobs[0].token == "e"
    assert read_answer(orjson.loads(body)).logprobs == told


# --- read ---------------------------------------------------------------------------------------------------------


def answered(message: object, finish: object = "stop", **more: object) -> Answer:
    return read_answer({"id": "c1", "choices": [{"index": 0, "message": message, "finish_reason": finish}], **more})


def called(*functions: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"content": None, "tool_calls": [{"type": "function", "function": each, **more} for each in functions]}


def test_a_providers_answer_is_read() -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    answer = answered({"content": "a", "reasoning": "hm", "refusal": None}, usage=usage)
    assert answer.parts == (Reasoning(text="hm"), Text(text="a"))
    assert (answer.stop, answer.usage) == (StopReason.END, Usage(input=12, output=3))
    assert answered({"content": "a"}, x_groq={"usage": usage}).usage == Usage(input=12, output=3)


def test_calls_mean_that_tools_are_wanted_whatever_the_finish_reason_says() -> None:
    answer = answered(called({"name": "f", "arguments": ""}, id="a"))
    assert answer.parts == (ToolCall(id="a", name="f", arguments={}),)
    assert answer.stop is StopReason.TOOL_USE


def test_calls_without_an_id_get_one_each_and_the_older_function_call_is_a_call() -> None:
    first, second = answered(called({"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": "{}"})).parts
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert first.arguments == {"x": 1}
    assert first.id != second.id
    assert first.id.startswith("call_")
    (none,) = answered(called({"name": "f", "arguments": "null"})).parts
    assert isinstance(none, ToolCall)
    assert none.arguments == {}
    (old,) = answered({"function_call": {"name": "f", "arguments": "{}"}}, "function_call").parts
    assert isinstance(old, ToolCall)


def test_a_refusal_is_text_and_a_filtered_answer() -> None:
    answer = answered({"content": None, "refusal": "I cannot"})
    assert (answer.parts, answer.stop) == ((Text(text="I cannot"),), StopReason.CONTENT_FILTER)


def test_a_call_that_the_length_cut_off_is_left_out() -> None:
    cut = called({"name": "f", "arguments": '{"x'}, id="a")
    assert answered(cut, "length") == Answer(parts=(), stop=StopReason.MAX_TOKENS)
    with pytest.raises(UpstreamError):
        answered(cut, "tool_calls")


def test_a_gemini_behind_a_compatible_endpoint_keeps_its_signature_before_the_call() -> None:
    signed = called({"name": "f", "arguments": "{}"}, id="a", extra_content={"google": {"thought_signature": "c2ln"}})
    assert answered(signed).parts[0] == Reasoning(redacted="ni1.o.c.c2ln")


DEEP = '{"a":' * 300 + "1" + "}" * 300
BAD_ANSWERS: list[dict[str, Any]] = [
    {},
    {"choices": []},
    {"choices": "x"},
    {"error": {"message": "x"}},
    {"choices": [{"index": 1, "message": {"content": "other"}}]},
    {"choices": [{"message": {}, "finish_reason": "error"}]},
    {"choices": [{"message": called({"arguments": "{}"})}]},
    {"choices": [{"message": called({"name": "f", "arguments": "[]"})}]},
    {"choices": [{"message": called({"name": "f", "arguments": DEEP})}]},
    {"choices": [{"message": called({"name": "f", "arguments": orjson.loads(DEEP)})}]},
]


@pytest.mark.parametrize("body", BAD_ANSWERS)
def test_an_answer_that_cannot_be_read_is_an_upstream_error(body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        read_answer(body)


NAMES = "message content text thinking reasoning refusal tool_calls function_call id function name arguments usage "
NAMES += "finish_reason logprobs token logprob top_logprobs extra_content google thought_signature index"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["", "a", "{}", "{", "stop", "error"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=5),
    max_leaves=15,
)


@given(st.lists(st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=4), max_size=2), JSON)
def test_arbitrary_json_is_an_answer_or_an_upstream_error(choices: list[dict[str, Any]], usage: object) -> None:
    try:
        answer = read_answer({"choices": choices, "usage": usage})
    except UpstreamError:
        return
    written = read_answer(orjson.loads(write_answer(answer, id="i", created=0, model="m")))
    assert [part for part in written.parts if isinstance(part, ToolCall)] == [
        part for part in answer.parts if isinstance(part, ToolCall)
    ]
    assert written.stop == answer.stop
