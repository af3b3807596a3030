"""Requests to Claude in Anthropic's format, with the official SDK's own types as the judge of what is sent."""

import base64
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import TypeAdapter

from libs.contracts.errors import InvalidRequest
from libs.dialects.anthropic_messages.outgoing import write_request
from libs.dialects.form import (
    AnswerFormat,
    Cache,
    Document,
    Image,
    Part,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Written,
)
from libs.dialects.models import ModelFlags
from libs.dialects.signatures import marked
from tests.unit.dialects.anthropic_messages.turns import PNG, assistant, user

OLD = ModelFlags(claude=True, sampling="one", thinking="budget", max_output_tokens=64_000)
NEW = ModelFlags(claude=True, sampling="none", thinking="adaptive", prefill=False)
PDF = base64.b64encode(b"%PDF-1.7 ....").decode()
F = Tool(name="f", schema={"type": "object"})
SAMPLING = {"temperature", "top_p", "top_k"}  # the newest SDK's types no longer have them


@lru_cache
def judge() -> TypeAdapter[Any]:
    return TypeAdapter(MessageCreateParamsNonStreaming)


def drained(value: object) -> Any:
    """pydantic reads the SDK's iterables lazily."""
    if isinstance(value, dict):
        return {name: drained(member) for name, member in value.items()}
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    return [drained(item) for item in value]  # type: ignore[attr-defined]


def write(request: Request, model: ModelFlags = OLD) -> Written:
    written = write_request(request, model)
    body = {name: v for name, v in written.body.items() if name not in SAMPLING} | {"model": "m"}
    assert drained(judge().validate_python(body)) == body
    return written


def asked(*turns: Turn, **more: Any) -> Request:
    return Request(turns=turns or (user(),), **more)


CALL = ToolCall(id="a", name="f", arguments={"x": 1})
RESULT = ToolResult(id="a", parts=(Text(text="42"),))


def test_a_plain_request_has_a_length_and_nothing_it_was_not_given() -> None:
    written = write(asked())
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert written == Written(body={"max_tokens": 8192, "messages": messages})


def test_runs_of_a_role_are_merged_results_first_and_blank_texts_left_out() -> None:
    other = ToolCall(id="b", name="f", arguments={})
    request = asked(
        user(Text(text=" ")),
        user(),
        assistant(Text(text=""), CALL),
        assistant(other),
        user(Text(text="and")),
        user(RESULT),
        user(ToolResult(id="b", parts=(Text(text=""),), is_error=True)),
        tools=(F,),
    )
    one, two, three = write(request).body["messages"]
    assert one["content"] == [{"type": "text", "text": "hi"}]
    assert [block["id"] for block in two["content"]] == ["a", "b"]
    assert three["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "42"}]},
        {"type": "tool_result", "tool_use_id": "b", "is_error": True},
        {"type": "text", "text": "and"},
    ]


def test_ids_that_anthropic_does_not_take_are_mapped_alike_in_call_and_result() -> None:
    call = ToolCall(id="functions.f:0/é", name="f", arguments={})
    body = write(asked(user(), assistant(call), user(ToolResult(id=call.id, parts=())), tools=(F,))).body
    mapped = body["messages"][1]["content"][0]["id"]
    assert mapped.startswith("call_")
    assert body["messages"][2]["content"][0]["tool_use_id"] == mapped


def test_claudes_signatures_go_back_byte_for_byte_and_nobody_elses_do() -> None:
    parts = (
        Reasoning(text="hm", signature="Eq+/=="),
        Reasoning(redacted="abc="),
        Reasoning(text="mine", signature=marked("g", "x")),
        Reasoning(redacted=marked("b", "x")),
        Reasoning(text="unsigned"),
        CALL,
    )
    content = write(asked(user(), assistant(*parts), user(RESULT), tools=(F,))).body["messages"][1]["content"]
    assert content[:2] == [
        {"type": "thinking", "thinking": "hm", "signature": "Eq+/=="},
        {"type": "redacted_thinking", "data": "abc="},
    ]
    assert [block["type"] for block in content[2:]] == ["tool_use"]


def test_the_last_words_of_an_assistant_are_trimmed_or_refused() -> None:
    request = asked(user(), assistant(Text(text="The answer: ")))
    assert write(request).body["messages"][-1]["content"] == [{"type": "text", "text": "The answer:"}]
    with pytest.raises(InvalidRequest) as refused:
        write(request, NEW)
    assert refused.value.param == "messages"


@pytest.mark.parametrize("turns", [(assistant(Text(text="x")), user()), (user(Text(text=" ")),)])
def test_a_conversation_begins_with_a_user_who_says_something(turns: tuple[Turn, ...]) -> None:
    with pytest.raises(InvalidRequest):
        write(asked(*turns))


def test_images_and_documents_go_as_they_are() -> None:
    request = asked(
        user(
            Image(media_type="image/png", data=PNG, cache=Cache.SHORT),
            Image(url="https://h/i"),
            Document(media_type="application/pdf", data=PDF, name="T"),
            Document(media_type="text/plain", text="words"),
            Document(media_type="text/markdown", data=base64.b64encode("é".encode()).decode()),
            Document(url="https://h/d.pdf"),
        )
    )
    assert [block["source"] for block in write(request).body["messages"][0]["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": PNG},
        {"type": "url", "url": "https://h/i"},
        {"type": "base64", "media_type": "application/pdf", "data": PDF},
        {"type": "text", "media_type": "text/plain", "data": "words"},
        {"type": "text", "media_type": "text/plain", "data": "é"},
        {"type": "url", "url": "https://h/d.pdf"},
    ]


@pytest.mark.parametrize(
    "part",
    [
        Image(media_type="image/avif", data="AA=="),
        Document(media_type="application/zip", data="AA=="),
        Document(media_type="text/plain", data="/w=="),
        Document(media_type="text/plain", text=" "),
    ],
)
def test_what_anthropic_does_not_take_is_refused(part: Part) -> None:
    with pytest.raises(InvalidRequest):
        write(asked(user(part)))


def test_a_model_without_eyes_takes_no_images_not_even_in_results() -> None:
    blind = ModelFlags(vision=False)
    seen = Image(url="https://h/i")
    for turns in ((user(seen),), (user(), assistant(CALL), user(ToolResult(id="a", parts=(seen,))))):
        with pytest.raises(InvalidRequest):
            write(asked(*turns, tools=(F,)), blind)


def test_cache_marks_become_cache_control() -> None:
    request = asked(
        user(Text(text="a", cache=Cache.LONG)),
        system=(Text(text="s", cache=Cache.SHORT),),
        tools=(Tool(name="f", schema={}, cache=Cache.SHORT),),
    )
    body = write(request).body
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert body["system"][0]["cache_control"] == body["tools"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("model", "kept", "dropped"),
    [
        (ModelFlags(), {"temperature": 1, "top_p": 0.5, "top_k": 7}, ("temperature",)),
        (OLD, {"temperature": 1, "top_k": 7}, ("temperature", "top_p")),
        (NEW, {}, ("temperature", "top_p", "top_k")),
    ],
)
def test_sampling_is_what_the_model_takes_and_the_rest_is_named(
    model: ModelFlags, kept: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    written = write(asked(temperature=1.5, top_p=0.5, top_k=7), model)
    assert {name: v for name, v in written.body.items() if name in SAMPLING} == kept
    assert written.dropped == dropped


def test_top_p_stands_alone_where_one_of_the_two_is_taken() -> None:
    assert write(asked(top_p=0.5)).body["top_p"] == 0.5


@pytest.mark.parametrize(
    ("thinking", "max_tokens", "expected"),
    [
        (Thinking(kind="on", effort="high"), None, {"type": "enabled", "budget_tokens": 16384}),
        (Thinking(kind="on", effort="high"), 4096, {"type": "enabled", "budget_tokens": 2048}),
        (Thinking(kind="on", budget=3000), 4096, {"type": "enabled", "budget_tokens": 3000}),
        (Thinking(kind="on", budget=9000), 4096, {"type": "enabled", "budget_tokens": 2048}),
        (Thinking(kind="on", budget=200_000), None, {"type": "enabled", "budget_tokens": 32_000}),
        (Thinking(kind="on"), None, {"type": "enabled", "budget_tokens": 8192}),
        (Thinking(kind="on", effort="low"), 1500, None),
        (Thinking(kind="off"), None, None),
        (Thinking(), None, None),
    ],
)
def test_thinking_by_budget_leaves_room_for_words(
    thinking: Thinking, max_tokens: int | None, expected: dict[str, Any] | None
) -> None:
    written = write(asked(thinking=thinking, max_tokens=max_tokens, temperature=0.5))
    assert written.body.get("thinking") == expected
    assert ("temperature" in written.body) == (expected is None)
    assert ("reasoning_effort" in written.dropped) == (expected is None and thinking.kind == "on")
    assert expected is None or expected["budget_tokens"] < written.body["max_tokens"]


@pytest.mark.parametrize(
    ("thinking", "expected", "effort"),
    [
        (Thinking(kind="on", effort="minimal"), {"type": "adaptive", "display": "summarized"}, "low"),
        (Thinking(kind="on", budget=8000, shown=False), {"type": "adaptive", "display": "omitted"}, "medium"),
        (Thinking(kind="on", budget=30_000), {"type": "adaptive", "display": "summarized"}, "high"),
        (Thinking(kind="on"), {"type": "adaptive", "display": "summarized"}, None),
        (Thinking(kind="off"), {"type": "disabled"}, None),
        (Thinking(), None, None),
    ],
)
def test_adaptive_thinking_goes_by_effort(
    thinking: Thinking, expected: dict[str, Any] | None, effort: str | None
) -> None:
    body = write(asked(thinking=thinking), NEW).body
    assert body.get("thinking") == expected
    assert body.get("output_config", {}).get("effort") == effort


def test_a_claude_that_always_thinks_thinks_least_and_the_caller_is_told() -> None:
    written = write(asked(thinking=Thinking(kind="off")), replace(NEW, always_thinks=True))
    assert "thinking" not in written.body
    assert (written.body["output_config"], written.dropped) == ({"effort": "low"}, ("reasoning_effort",))
    assert write(asked(thinking=Thinking(kind="off")), NEW).body["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("model", [OLD, ModelFlags(thinking="adaptive"), ModelFlags()])
def test_thinking_that_claude_would_refuse_is_dropped_by_name(model: ModelFlags) -> None:
    on = Thinking(kind="on", effort="high")
    loop = (user(), assistant(CALL), user(RESULT))
    for request in (
        asked(thinking=on, tools=(F,), tool_choice=ToolChoice(kind="required")),
        asked(*loop, thinking=on, tools=(F,)),
        asked(user(), assistant(Text(text="{")), thinking=on),
    ):
        written = write(request, model)
        assert "thinking" not in written.body
        assert "output_config" not in written.body
        assert written.dropped == ("reasoning_effort",)


def test_a_signed_tool_loop_goes_on_thinking() -> None:
    loop = (user(), assistant(Reasoning(text="hm", signature="s"), CALL), user(RESULT))
    written = write(asked(*loop, tools=(F,), thinking=Thinking(kind="on", effort="low")))
    assert written.body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert written.dropped == ()


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (ToolChoice(), True, None),
        (ToolChoice(), False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(kind="none"), False, {"type": "none"}),
        (ToolChoice(kind="required"), True, {"type": "any"}),
        (
            ToolChoice(kind="tool", name="f"),
            False,
            {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_the_choice_of_tools_is_kept(choice: ToolChoice, parallel: bool, expected: dict[str, Any] | None) -> None:
    body = write(asked(tools=(F,), tool_choice=choice, parallel_tool_calls=parallel)).body
    assert body.get("tool_choice") == expected
    assert "tool_choice" not in write(asked(parallel_tool_calls=parallel)).body


def test_tools_that_only_the_history_knows_are_described_and_not_called() -> None:
    body = write(asked(user(), assistant(CALL), user(RESULT))).body
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


def test_strict_tools_are_strict_where_the_model_keeps_to_schemas() -> None:
    tool = Tool(name="f", description="d", schema={"properties": {}}, strict=True)
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    expected = {"name": "f", "description": "d", "input_schema": closed, "strict": True}
    assert write(asked(tools=(tool,))).body["tools"] == [expected]
    loose = write(asked(tools=(tool,)), ModelFlags(structured=False))
    assert "strict" not in loose.body["tools"][0]
    assert loose.dropped == ("tools.strict",)


def test_a_schema_for_the_answer_goes_where_the_model_keeps_to_it() -> None:
    wanted = AnswerFormat(kind="json_schema", name="n", description="D", schema={"type": "object"})
    body = write(asked(answer_format=wanted)).body
    assert body["output_config"] == {
        "format": {"type": "json_schema", "schema": {"type": "object", "description": "D"}}
    }
    for format_, model in ((wanted, ModelFlags(structured=False)), (AnswerFormat(kind="json_object"), OLD)):
        written = write(asked(answer_format=format_), model)
        (tool,) = written.body["tools"]
        assert written.answer_tool == tool["name"]
        assert tool["input_schema"] == {"type": "object"}
        assert written.body["tool_choice"]["name"] == tool["name"]
        assert "output_config" not in written.body
        with pytest.raises(InvalidRequest) as refused:
            write(asked(answer_format=format_, tools=(Tool(name="f", schema={}),)), model)
        assert refused.value.param == "response_format"


def test_hints_are_taken_or_named_and_demands_refused() -> None:
    written = write(asked(hints={"user": "u-1", "seed": 1, "service_tier": "default"}))
    assert written.body["metadata"] == {"user_id": "u-1"}
    assert written.body["service_tier"] == "standard_only"
    assert written.dropped == ("seed",)
    assert write(asked(hints={"user": "a@b.ca", "service_tier": "flex"})).dropped == ("service_tier", "user")
    with pytest.raises(InvalidRequest) as refused:
        write(asked(demands={"n": 2}))
    assert refused.value.param == "n"


def test_blank_stops_are_refused() -> None:
    assert write(asked(stop=("END",))).body["stop_sequences"] == ["END"]
    with pytest.raises(InvalidRequest) as refused:
        write(asked(stop=("END", "\n")))
    assert refused.value.param == "stop"
