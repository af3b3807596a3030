"""Whole answers of Converse."""

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from libs.contracts.errors import UpstreamError
from libs.dialects.bedrock_converse.answer import read_answer
from libs.dialects.bedrock_converse.request import write_request
from libs.dialects.bedrock_converse.usage import read_usage
from libs.dialects.form import Reasoning, Request, Role, StopReason, Text, ToolCall, Turn, Usage
from tests.unit.dialects.bedrock_converse.judge import PLAIN, QUESTION, SONNET


def body(stop: str = "end_turn", content: object = None) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": "a"}] if content is None else content}},
        "stopReason": stop,
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
    }


def test_an_answer_is_read_block_by_block() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "a"},
        {"somethingNew": {}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"x": 1}}},
        {"citationsContent": {"content": [{"text": "b"}], "citations": []}},
    ]
    answer = read_answer(body("tool_use", content))
    assert answer.parts == (
        Reasoning(text="hm", signature="ni1.b.s"),
        Reasoning(redacted="ni1.b.cmVk"),
        Text(text="a"),
        ToolCall(id="t", name="f", arguments={"x": 1}),
        Text(text="b"),
    )
    assert answer.stop is StopReason.TOOL_USE
    assert answer.usage == Usage(input=1, output=2)
    assert answer.output_bytes == len('hma{"x":1}b')


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"output": None},
        {"output": {"message": {"content": "x"}}},
        body("malformed_tool_use"),
        body("tool_use", [{"toolUse": {"name": "f", "input": {}}}]),
        body("tool_use", [{"toolUse": {"toolUseId": "t", "name": "", "input": {}}}]),
        body("tool_use", [{"toolUse": {"toolUseId": "t", "name": "f", "input": "x"}}]),
        body("malformed_model_output"),
        body(""),
    ],
)
def test_an_answer_that_cannot_be_used_is_not_made_up(garbage: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        read_answer(garbage)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", StopReason.END),
        ("stop_sequence", StopReason.STOP_SEQUENCE),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("model_context_window_exceeded", StopReason.MAX_TOKENS),
        ("guardrail_intervened", StopReason.CONTENT_FILTER),
        ("content_filtered", StopReason.CONTENT_FILTER),
    ],
)
def test_stop_reasons(stop: str, reason: StopReason) -> None:
    assert read_answer(body(stop)).stop is reason


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)
)
def test_the_buckets_sum_to_the_providers_total(fresh: int, out: int, read: int, short: int, long: int) -> None:
    """Verified over recordings: total = in + out + read + write."""
    details = [{"ttl": "5m", "inputTokens": short}, {"ttl": "1h", "inputTokens": long}]
    counted = {
        "inputTokens": fresh,
        "outputTokens": out,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": short + long,
    }
    for usage in (read_usage({**counted, "cacheDetails": details}), read_usage(counted)):
        total = usage.input + usage.output + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
        assert total == fresh + out + read + short + long
    assert read_usage({**counted, "cacheDetails": details}).cache_write_1h == long


def test_claudes_signatures_stand_as_they_come() -> None:
    content = [{"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}]
    assert read_answer(body(content=content), claude=True).parts == (Reasoning(text="hm", signature="s"),)


@pytest.mark.parametrize("claude", [True, False])
def test_a_signature_comes_back_to_its_model_byte_for_byte(claude: bool) -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "Eq+/s=="}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "a"},
    ]
    answer = read_answer(body(content=content), claude=claude)
    turns = (QUESTION, Turn(role=Role.ASSISTANT, parts=answer.parts), QUESTION)
    written = write_request(Request(turns=turns), SONNET if claude else PLAIN)
    assert written.body["messages"][1]["content"] == content


def test_a_call_behind_end_turn_is_tool_use_all_the_same() -> None:
    content = [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}]
    assert read_answer(body("end_turn", content)).stop is StopReason.TOOL_USE
    assert read_answer(body("max_tokens", content)).stop is StopReason.MAX_TOKENS


@pytest.mark.parametrize("nothing", [{}, {"input": None}, {"input": {}}, {"input": ""}])
def test_a_tool_without_arguments_gives_an_empty_object(nothing: dict[str, Any]) -> None:
    answer = read_answer(body("tool_use", [{"toolUse": {"toolUseId": "t", "name": "f", **nothing}}]))
    assert answer.parts == (ToolCall(id="t", name="f", arguments={}),)


def test_the_stop_sequence_is_told_where_the_model_tells_it() -> None:
    told = {**body("stop_sequence"), "additionalModelResponseFields": {"stop_sequence": "END"}}
    assert read_answer(told).stop_sequence == "END"
    assert read_answer(body("stop_sequence")).stop_sequence == ""


MEMBERS = st.sampled_from(
    "output message content text toolUse toolUseId name input reasoningContent reasoningText signature redactedContent "
    "citationsContent stopReason usage cacheDetails inputTokens additionalModelResponseFields end_turn".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | MEMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(MEMBERS, JSON), st.lists(st.dictionaries(MEMBERS, JSON, max_size=2), max_size=3))
def test_any_json_is_an_answer_or_an_error_of_ours(garbage: dict[str, Any], content: list[Any]) -> None:
    for told in (garbage, {**body("tool_use", content), "usage": garbage}):
        try:
            read_answer(told)
        except UpstreamError:
            event("refused")
