"""Whole answers of Gemini, as google-genai's own types write them."""

import re
from typing import Any

import pytest
from google.genai import types
from hypothesis import event, given
from hypothesis import strategies as st

from libs.contracts.errors import NorthernError, ProviderRateLimited, UpstreamError
from libs.dialects.form import Answer, Reasoning, Role, StopReason, Text, TokenLogprob, ToolCall, Turn, Usage
from libs.dialects.gemini.answer import read_answer
from tests.unit.dialects.gemini.answers import call, response, wire
from tests.unit.dialects.gemini.judge import GEMINI_3, QUESTION, contents, result, user


def test_an_answer_is_read_part_by_part() -> None:
    made_call = types.FunctionCall(name="f", args={"x": [1]})
    answer = read_answer(
        wire(
            types.GenerateContentResponse(
                response_id="r1",
                model_version="gemini-2.5-flash",
                candidates=[
                    types.Candidate(
                        index=0,
                        finish_reason=types.FinishReason.STOP,
                        content=types.Content(
                            role="model",
                            parts=[
                                types.Part(text="hm", thought=True),
                                types.Part(text="a"),
                                types.Part(executable_code=types.ExecutableCode(code="1")),
                                types.Part(function_call=made_call, thought_signature=b"sig"),
                            ],
                        ),
                    )
                ],
                usage_metadata=types.GenerateContentResponseUsageMetadata(
                    prompt_token_count=9, candidates_token_count=2, thoughts_token_count=3, total_token_count=14
                ),
            )
        )
    )
    assert answer.parts[:3] == (Reasoning(text="hm"), Text(text="a"), Reasoning(redacted="ni1.g.c.c2ln"))
    made = answer.parts[3]
    assert isinstance(made, ToolCall)
    assert (made.name, made.arguments) == ("f", {"x": [1]})
    assert answer.stop is StopReason.TOOL_USE
    assert answer.usage == Usage(input=9, output=5, reasoning=3)
    assert answer.output_bytes == len('hma{"x":[1]}')


def test_calls_without_an_id_get_ids_of_their_own_the_same_each_time() -> None:
    body = response(call(), call(), call("g"))
    ids = [part.id for part in read_answer(body).parts if isinstance(part, ToolCall)]
    assert all(re.fullmatch(r"call_[0-9a-f]{24}", each) for each in ids)
    assert len(set(ids)) == 3
    assert [part.id for part in read_answer(body).parts if isinstance(part, ToolCall)] == ids
    others = [part.id for part in read_answer(response(call(), call(), id_="r2")).parts if isinstance(part, ToolCall)]
    assert not set(others) & set(ids)


def test_ids_differ_between_answers_that_have_none_themselves() -> None:
    first, second = response(call()), response(call())
    for body, tokens in ((first, 10), (second, 20)):
        del body["responseId"]
        body["usageMetadata"] = {"promptTokenCount": tokens}
    assert read_answer(first).parts != read_answer(second).parts


def test_an_id_of_geminis_own_is_kept_unless_it_comes_twice() -> None:
    parts = read_answer(response(call(id="own"), call(id="own"), call(id="x" * 300))).parts
    ids = [part.id for part in parts if isinstance(part, ToolCall)]
    assert ids[0] == "own"
    assert len(set(ids)) == 3
    assert all(len(each) < 64 for each in ids)


@pytest.mark.parametrize("nothing", [{}, {"args": None}, {"args": {}}])
def test_a_tool_without_arguments_gives_an_empty_object(nothing: dict[str, Any]) -> None:
    (made,) = read_answer(response(call(**nothing))).parts
    assert isinstance(made, ToolCall)
    assert made.arguments == {}


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("STOP", StopReason.END),
        ("MAX_TOKENS", StopReason.MAX_TOKENS),
        ("SAFETY", StopReason.CONTENT_FILTER),
        ("RECITATION", StopReason.CONTENT_FILTER),
        ("LANGUAGE", StopReason.CONTENT_FILTER),
        ("BLOCKLIST", StopReason.CONTENT_FILTER),
        ("PROHIBITED_CONTENT", StopReason.CONTENT_FILTER),
        ("SPII", StopReason.CONTENT_FILTER),
        ("IMAGE_SAFETY", StopReason.CONTENT_FILTER),
    ],
)
def test_finish_reasons(finish: str, stop: StopReason) -> None:
    assert read_answer(response({"text": "a"}, finish=finish)).stop is stop


@pytest.mark.parametrize("reason", list(types.FinishReason))
def test_every_finish_reason_of_the_sdk_is_an_end_or_a_failure(reason: types.FinishReason) -> None:
    broken = {
        "FINISH_REASON_UNSPECIFIED", "OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
        "NO_IMAGE", "CONTINUATION",
    }  # fmt: skip
    body = response({"text": "a"}, finish=reason.value)
    if reason.value in broken:
        with pytest.raises(UpstreamError):
            read_answer(body)
    else:
        assert read_answer(body).parts == (Text(text="a"),)


def test_an_answer_used_up_by_thinking_has_no_words() -> None:
    for content in ({"role": "model"}, {}, None):
        body = {"candidates": [{"content": content, "finishReason": "MAX_TOKENS"}]}
        assert read_answer(body) == Answer(parts=(), stop=StopReason.MAX_TOKENS)


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    assert read_answer(body) == Answer(parts=(), stop=StopReason.CONTENT_FILTER, usage=Usage(input=4))


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"candidates": []},
        {"candidates": ["x"]},
        {"candidates": [{"content": {"parts": [{"text": "a"}]}}]},
        {"candidates": [{"finishReason": 1}]},
        response(call(""), finish="STOP"),
        response({"functionCall": {}}, finish="STOP"),
        response(call(partialArgs=[{"jsonPath": "$.x", "stringValue": "a"}])),
        response(call(willContinue=True)),
        {"candidates": [{"finishReason": "STOP", "content": {"parts": [call(args="x")]}}]},
    ],
)
def test_an_answer_that_cannot_be_used_is_not_made_up(garbage: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        read_answer(garbage)


def test_an_error_in_place_of_an_answer_is_one() -> None:
    with pytest.raises(ProviderRateLimited):
        read_answer({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}})


def test_log_probabilities_are_read_with_their_alternatives() -> None:
    told = types.LogprobsResult(
        chosen_candidates=[
            types.LogprobsResultCandidate(token="a", log_probability=-0.5),
            types.LogprobsResultCandidate(token="b", log_probability=-1),
        ],
        top_candidates=[
            types.LogprobsResultTopCandidates(
                candidates=[
                    types.LogprobsResultCandidate(token="a", log_probability=-0.5),
                    types.LogprobsResultCandidate(token="c", log_probability=-2),
                ]
            )
        ],
    )
    body = response({"text": "ab"}, logprobsResult=told.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert read_answer(body).logprobs == (
        TokenLogprob(token="a", logprob=-0.5, top=(("a", -0.5), ("c", -2.0))),
        TokenLogprob(token="b", logprob=-1.0),
    )


def test_signatures_go_back_to_the_parts_that_bore_them() -> None:
    parts: list[dict[str, Any]] = [
        {"text": "hm", "thought": True, "thoughtSignature": "AAAA"},
        {"text": "so", "thoughtSignature": "BBBB"},
        {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "CCCC"},
        {"functionCall": {"name": "f", "args": {"x": 2}}},
        {"text": "", "thoughtSignature": "DDDD"},
    ]
    answer = read_answer(response(*parts))
    ids = [part.id for part in answer.parts if isinstance(part, ToolCall)]
    turns = (QUESTION, Turn(role=Role.ASSISTANT, parts=answer.parts), user(*(result(each) for each in ids)))
    assert contents(*turns, flags=GEMINI_3)[1]["parts"] == parts


MEMBERS = st.sampled_from(
    "candidates content parts text thought thoughtSignature functionCall name args id finishReason STOP usageMetadata "
    "promptTokenCount promptFeedback blockReason error code status details logprobsResult chosenCandidates "
    "topCandidates token logProbability index retryDelay 3s".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | MEMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(MEMBERS, JSON), st.lists(st.dictionaries(MEMBERS, JSON, max_size=3) | JSON, max_size=3))
def test_any_json_is_an_answer_or_an_error_of_ours(garbage: dict[str, Any], parts: list[Any]) -> None:
    whole = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP", "logprobsResult": garbage}]}
    for told in (garbage, whole):
        try:
            read_answer(told)
        except NorthernError as error:
            event(type(error).__name__)
