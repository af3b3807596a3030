"""Anthropic's Messages request as the caller speaks it: what is read, what is refused by name."""

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest, NorthernError
from libs.dialects.anthropic_messages.request import read_request
from libs.dialects.form import (
    AnswerFormat,
    Cache,
    Document,
    Image,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()
PDF = base64.b64encode(b"%PDF-1.7 ....").decode()
USER = {"role": "user", "content": "hi"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
EPHEMERAL = {"type": "ephemeral"}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}],
}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "42"}]}


def read(*messages: object, **more: object) -> Request:
    return read_request({"max_tokens": 10, "messages": list(messages), **more})


def blocks(*content: object) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def parts(*content: object) -> tuple[object, ...]:
    return read(blocks(*content)).turns[0].parts


def image(**source: object) -> dict[str, Any]:
    return {"type": "image", "source": source}


def test_strings_and_blocks_are_read_alike() -> None:
    assert read(USER).turns == read(blocks({"type": "text", "text": "hi"})).turns
    assert read(USER, system="be kind").system == read(USER, system=[{"type": "text", "text": "be kind"}]).system


def test_system_texts_of_the_conversation_join_the_systems_in_order() -> None:
    late = {"role": "system", "content": "now be brief"}
    request = read(USER, CALL, late, RESULT, system=[{"type": "text", "text": "a"}, {"type": "text", "text": " "}])
    assert [part.text for part in request.system] == ["a", "now be brief"]
    assert [turn.role for turn in request.turns] == [Role.USER, Role.ASSISTANT, Role.USER]


def test_a_tool_loop_is_read_with_its_thoughts_in_order() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig=="}
    hidden = {"type": "redacted_thinking", "data": "abc="}
    call = {"role": "assistant", "content": [thought, hidden, {"type": "text", "text": "so"}, *CALL["content"]]}
    assert read(USER, call, RESULT).turns[1:] == (
        Turn(
            role=Role.ASSISTANT,
            parts=(
                Reasoning(text="hm", signature="sig=="),
                Reasoning(redacted="abc="),
                Text(text="so"),
                ToolCall(id="a", name="f", arguments={"x": 1}),
            ),
        ),
        Turn(role=Role.USER, parts=(ToolResult(id="a", parts=(Text(text="42"),)),)),
    )


def test_a_result_may_be_an_error_an_image_a_search_result_or_nothing() -> None:
    found = {"type": "search_result", "title": "T", "source": "https://s", "content": [{"type": "text", "text": "x"}]}
    content = [image(type="base64", media_type="image/png", data=PNG), found]
    full = {"type": "tool_result", "tool_use_id": "a", "content": content, "is_error": True}
    (result,) = read(USER, CALL, blocks(full)).turns[2].parts
    inside = (Image(media_type="image/png", data=PNG), Text(text="T\nhttps://s\nx"))
    assert result == ToolResult(id="a", parts=inside, is_error=True)
    (empty,) = read(USER, CALL, blocks({"type": "tool_result", "tool_use_id": "a"})).turns[2].parts
    assert empty == ToolResult(id="a", parts=())


def test_images_come_as_base64_or_as_links() -> None:
    assert parts(image(type="base64", media_type="image/jpeg", data=PNG), image(type="url", url="https://h/i.png")) == (
        Image(media_type="image/png", data=PNG),
        Image(url="https://h/i.png"),
    )


def test_documents_come_as_pdf_text_link_or_blocks() -> None:
    def document(source: dict[str, Any], **more: object) -> dict[str, Any]:
        return {"type": "document", "source": source, **more}

    text = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    mixed = [{"type": "text", "text": "a"}, image(type="url", url="https://h/i.png")]
    assert parts(
        document({"type": "base64", "media_type": "application/pdf", "data": PDF}, title="T", context="C"),
        document({"type": "text", "media_type": "text/plain", "data": "words"}),
        document({"type": "url", "url": "https://h/d.pdf"}),
        document({"type": "content", "content": text}),
        document({"type": "content", "content": mixed}, title="T"),
    ) == (
        Text(text="C"),
        Document(media_type="application/pdf", data=PDF, name="T"),
        Document(media_type="text/plain", text="words"),
        Document(media_type="application/pdf", url="https://h/d.pdf"),
        Document(media_type="text/plain", text="a\n\nb"),
        Text(text="T"),
        Text(text="a"),
        Image(url="https://h/i.png"),
    )


def test_cache_marks_stand_where_the_caller_set_them() -> None:
    long = {"type": "ephemeral", "ttl": "1h"}
    request = read(
        blocks({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "5m"}}),
        system=[{"type": "text", "text": "s", "cache_control": long}],
        tools=[{**TOOL, "cache_control": EPHEMERAL}],
    )
    assert [request.system[0].cache, request.tools[0].cache] == [Cache.LONG, Cache.SHORT]
    assert request.turns[0].parts == (Text(text="a", cache=Cache.SHORT),)


def test_a_cache_mark_on_the_whole_request_is_one_on_its_last_part() -> None:
    request = read(USER, CALL, RESULT, cache_control=EPHEMERAL)
    assert [getattr(turn.parts[-1], "cache", None) for turn in request.turns] == [Cache.NONE, Cache.NONE, Cache.SHORT]
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    end = {"role": "assistant", "content": [{"type": "text", "text": "so"}, thought]}
    assert read(USER, end, cache_control=EPHEMERAL).turns[1].parts[0] == Text(text="so", cache=Cache.SHORT)
    with pytest.raises(InvalidRequest) as refused:
        read(USER, cache_control={"type": "forever"})
    assert refused.value.param == "cache_control"


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({}, Thinking()),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Thinking(kind="on", budget=2000)),
        ({"thinking": {"type": "disabled"}}, Thinking(kind="off")),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Thinking(kind="on", shown=False)),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            Thinking(kind="on", effort="high"),
        ),
        ({"output_config": {"effort": "low"}}, Thinking(kind="on", effort="low", shown=False)),
        ({"thinking": {"type": "between_tools"}}, Thinking()),
    ],
)
def test_thinking_is_read(members: dict[str, Any], thinking: Thinking) -> None:
    request = read(USER, **members)
    assert request.thinking == thinking
    assert ("thinking" in request.hints) == (members.get("thinking") == {"type": "between_tools"})


def test_a_schema_for_the_answer_stands_in_either_place() -> None:
    schema = {"type": "json_schema", "schema": {"type": "object"}}
    expected = AnswerFormat(kind="json_schema", name="answer", schema={"type": "object"})
    assert read(USER, output_config={"format": schema}).answer_format == expected
    assert read(USER, output_format=schema).answer_format == expected


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(), True),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(kind="required"), False),
        ({"type": "tool", "name": "f"}, ToolChoice(kind="tool", name="f"), True),
        ({"type": "none"}, ToolChoice(kind="none"), True),
    ],
)
def test_tools_and_their_choice_are_read(choice: dict[str, Any], expected: ToolChoice, parallel: bool) -> None:
    tool = {"type": "custom", "name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True}
    request = read(USER, tools=[tool], tool_choice=choice)
    assert request.tools == (Tool(name="f", description="d", schema={"type": "object"}, strict=True),)
    assert (request.tool_choice, request.parallel_tool_calls) == (expected, parallel)


def test_what_no_other_format_has_is_a_hint_or_a_demand() -> None:
    cited = {"type": "text", "text": "x", "citations": [{"type": "char_location"}]}
    request = read(
        blocks(cited),
        metadata={"user_id": "u-1"},
        service_tier="standard_only",
        speed="fast",
        diagnostics={"previous_message_id": None},
        context_management={"edits": []},
        mcp_servers=[],
        container=None,
        inference_geo="us",
        output_config={"effort": None, "novelty": 1},
    )
    assert request.hints == {
        "citations": True,
        "user": "u-1",
        "service_tier": "default",
        "speed": "fast",
        "diagnostics": {"previous_message_id": None},
    }
    assert request.demands == {"inference_geo": "us", "output_config.novelty": 1}


def test_numbers_and_stops_are_read() -> None:
    request = read(USER, temperature=0.5, top_p=1, top_k=40, stop_sequences=["END"])
    assert (request.max_tokens, request.temperature, request.top_p, request.top_k) == (10, 0.5, 1, 40)
    assert request.stop == ("END",)


def test_a_count_needs_no_length() -> None:
    assert read_request({"messages": [USER]}, counting=True).max_tokens is None


BAD: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": ["hi"]}, "messages.0"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role"),
    ({"messages": [{**USER, "name": "n"}]}, "messages.0.name"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": " \n"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": []}]}, "messages.0.content"),
    ({"messages": [blocks({"type": "text", "text": ""})]}, "messages.0.content.0"),
    ({"messages": [blocks({"type": "text", "text": 1})]}, "messages.0.content.0.text"),
    ({"messages": [blocks({"type": "text", "text": "x", "new": 1})]}, "messages.0.content.0.new"),
    ({"messages": [blocks({"type": "thinking", "thinking": "x"})]}, "messages.0.content.0.type"),
    ({"messages": [blocks({"type": "server_tool_use"})]}, "messages.0.content.0.type"),
    ({"messages": [blocks({"type": "text", "text": "x", "cache_control": {"type": "e"}})]}, "cache_control"),
    ({"messages": [blocks(image(type="file", file_id="f"))]}, "messages.0.content.0.source.type"),
    ({"messages": [blocks(image(type="url", url="http://x"))]}, "messages.0.content.0.source.url"),
    ({"messages": [blocks(image(type="base64", media_type="image/png", data="*"))]}, "content.0.source.data"),
    ({"messages": [USER, {"role": "assistant", "content": ""}, USER]}, "messages.1.content"),
    ({"messages": [USER, {"role": "assistant", "content": []}, USER]}, "messages.1.content"),
    ({"messages": [USER, CALL]}, "messages.1.content.0"),
    ({"messages": [USER, CALL, USER]}, "messages.1.content.0"),
    ({"messages": [USER, CALL, USER, {"role": "assistant", "content": "x"}]}, "messages.1.content.0"),
    ({"messages": [USER, CALL, USER, {"role": "assistant", "content": "x"}, RESULT]}, "messages.1.content.0"),
    ({"messages": [RESULT]}, "messages.0.content.0.tool_use_id"),
    ({"messages": [USER, CALL, RESULT, RESULT]}, "messages.3.content.0.tool_use_id"),
    ({"messages": [USER, {**CALL, "content": CALL["content"] * 2}, RESULT]}, "messages.1.content.1.id"),
    ({"messages": [USER, {**CALL, "content": [{**CALL["content"][0], "input": "{}"}]}]}, "messages.1.content.0.input"),
    ({"messages": [USER, {**CALL, "content": [{**CALL["content"][0], "name": ""}]}]}, "messages.1.content.0.name"),
    ({"messages": [USER, {"role": "assistant", "content": [image()]}]}, "messages.1.content.0.type"),
    ({"messages": [{"role": "system", "content": [image()]}, USER]}, "messages.0.content.0.type"),
    ({"system": 1}, "system"),
    ({"system": [{"type": "text"}]}, "system.0.text"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.type"),
    ({"tools": [{"name": "f"}]}, "tools.0.input_schema"),
    ({"tools": [{**TOOL, "name": "f g"}]}, "tools.0.name"),
    ({"tools": [{**TOOL, "defer_loading": "yes"}]}, "tools.0.defer_loading"),
    ({"tools": [{**TOOL, "allowed_callers": ["code_execution_20250825"]}]}, "tools.0"),
    ({"tools": [TOOL, TOOL]}, "tools"),
    ({"tool_choice": {"type": "any"}}, "tools"),
    ({"tool_choice": {"type": "tool", "name": "g"}, "tools": [TOOL]}, "tool_choice.name"),
    ({"tool_choice": "auto"}, "tool_choice"),
    ({"tool_choice": {"type": "required"}}, "tool_choice.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "on"}}, "thinking.type"),
    ({"thinking": {"type": "adaptive", "display": "loud"}}, "thinking.display"),
    ({"output_config": {"effort": "minimal"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "json_object"}}}, "output_config.format.type"),
    ({"output_format": {"type": "json_schema"}}, "output_format.schema"),
    ({"stop_sequences": "END"}, "stop_sequences"),
    ({"stop_sequences": [""]}, "stop_sequences.0"),
    ({"temperature": 1.5}, "temperature"),
    ({"top_p": "1"}, "top_p"),
    ({"top_k": -1}, "top_k"),
    ({"metadata": "u"}, "metadata"),
    ({"metadata": {"user_id": 1}}, "metadata.user_id"),
    ({"service_tier": "flex"}, "service_tier"),
]


def test_a_deferred_tool_is_shown_once_the_callers_search_has_found_it_or_it_was_called() -> None:
    deferred = [{**TOOL, "name": name, "defer_loading": True} for name in ("found", "called", "neither")]
    calls: list[Any] = [{"type": "tool_use", "id": name, "name": name, "input": {}} for name in ("search", "called")]
    reference = {"type": "tool_reference", "tool_name": "found"}
    results = [
        {"type": "tool_result", "tool_use_id": "search", "content": [reference]},
        {"type": "tool_result", "tool_use_id": "called", "content": "so"},
    ]
    later = [USER, {"role": "assistant", "content": calls}, {"role": "user", "content": results}]
    asked = {"max_tokens": 10, "tools": [TOOL, *deferred]}
    assert [tool.name for tool in read_request({**asked, "messages": [USER]}).tools] == [TOOL["name"]]
    request = read_request({**asked, "messages": later})
    assert [tool.name for tool in request.tools] == [TOOL["name"], "found", "called"]
    (result, _) = request.turns[-1].parts
    assert isinstance(result, ToolResult)
    assert result.parts == (Text(text="The tool found can be called now."),)


@pytest.mark.parametrize(("members", "param"), BAD, ids=[f"{at}-{param}" for at, (_, param) in enumerate(BAD)])
def test_what_is_wrong_is_refused_by_its_path(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_request({"max_tokens": 10, "messages": [USER], **members})
    assert refused.value.param.endswith(param)
    assert refused.value.message.endswith(".")


def test_results_may_come_in_two_user_messages_and_blank_blocks_of_the_model_fall_away() -> None:
    two = {"role": "assistant", "content": [{"type": "text", "text": "\n"}, *CALL["content"]]}
    two["content"] = [*two["content"], {"type": "tool_use", "id": "b", "name": "f", "input": {}}]
    other = blocks({"type": "text", "text": "and"}, {"type": "tool_result", "tool_use_id": "b"})
    turns = read(USER, two, RESULT, other).turns
    assert [type(part).__name__ for part in turns[1].parts] == ["ToolCall", "ToolCall"]
    assert len(turns) == 4


def test_an_empty_last_message_of_the_assistant_says_nothing() -> None:
    assert len(read(USER, {"role": "assistant", "content": ""}).turns) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    "type text role content source data url tool_use_id id name input system user assistant tool_result tool_use image "
    "document cache_control ephemeral ttl base64 enabled messages thinking signature title".split()
)
LIKELY = st.recursive(
    JSON | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)
MEMBERS = st.sampled_from(
    "messages system tools tool_choice thinking output_config output_format stop_sequences metadata service_tier "
    "temperature top_p top_k cache_control max_tokens speed mcp_servers".split()
)


@given(st.dictionaries(MEMBERS | st.text(max_size=3), LIKELY, max_size=6), LIKELY)
def test_arbitrary_json_raises_nothing_but_our_own_errors(body: dict[str, Any], content: object) -> None:
    for members in (body, {"max_tokens": 1, "messages": [{"role": "user", "content": content}], **body}):
        with suppress(NorthernError):
            read_request(members)


KINDS = st.sampled_from("text image document tool_use tool_result thinking redacted_thinking search_result".split())
BLOCK = st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(NAMES, LIKELY, max_size=5))


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.lists(BLOCK, max_size=3)), max_size=3))
def test_arbitrary_blocks_raise_nothing_but_our_own_errors(messages: list[tuple[str, list[Any]]]) -> None:
    with suppress(NorthernError):
        read(*({"role": role, "content": content} for role, content in messages))
