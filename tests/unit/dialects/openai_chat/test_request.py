"""OpenAI's request as the caller writes it: what is read, what is refused by name."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import (
    Cache,
    Document,
    Image,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from libs.dialects.openai_chat.request import read_request

USER = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64,iVBORw0KGgoAAAAN"
PDF = "data:application/pdf;base64,JVBERi0xLjQ="
TEXT = {"type": "text", "text": "hi"}
TOOL = {"type": "function", "function": {"name": "f"}}
ARGUMENTS = "messages.1.tool_calls.0.function.arguments"


def call(id: str = "a", arguments: str = "{}", **more: object) -> dict[str, Any]:  # noqa: A002 - the wire's own name
    function = {"name": "f", "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id, "type": "function", "function": function}],
        **more,
    }


def read(*messages: object, **more: object) -> Request:
    return read_request({"messages": list(messages), **more})


def image(url: object) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


def result(id: str = "a", content: object = "42") -> dict[str, Any]:  # noqa: A002 - the wire's own name
    return {"role": "tool", "tool_call_id": id, "content": content}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def file(**members: object) -> dict[str, Any]:
    return user({"type": "file", "file": members})


def signed(signature: object) -> dict[str, Any]:
    message = call()
    message["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": signature}}
    return message


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": ["hi"]}, "messages.0"),
    ({"messages": [{"content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "robot", "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": ["user"], "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "function", "name": "f", "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0.type"),
    ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0.type"),
    ({"messages": [{"role": "system", "content": [{"type": "image_url"}]}]}, "messages.0.content.0.type"),
    ({"messages": [image("ftp://x/y.png")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("http://x/y.png")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("https://[x")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:image/png;base64,@@")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:image/png;base64,é")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:image/png;base64,")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:text/html;base64,aGVsbG8=")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image(None)]}, "messages.0.content.0.image_url.url"),
    ({"messages": [USER, call(arguments="{"), result()]}, "messages.1.tool_calls.0.function.arguments"),
    ({"messages": [USER, call(arguments="[]"), result()]}, "messages.1.tool_calls.0.function.arguments"),
    ({"messages": [USER, call(id=""), result()]}, "messages.1.tool_calls.0.id"),
    ({"messages": [USER, call(tool_calls="f")]}, "messages.1.tool_calls"),
    ({"messages": [USER, call(function_call={})]}, "messages.1.function_call"),
    ({"messages": [USER, call(audio={"id": "x"}), result()]}, "messages.1.audio"),
    ({"messages": [USER, {**call(), "tool_calls": call()["tool_calls"] * 2}]}, "messages.1.tool_calls"),
    ({"messages": [USER, result()]}, "messages.1.tool_call_id"),
    ({"messages": [USER, call(), result("b")]}, "messages.2.tool_call_id"),
    ({"messages": [USER, call(), result(), result()]}, "messages.3.tool_call_id"),
    ({"messages": [USER, call()]}, "messages.1.tool_calls"),
    ({"messages": [USER, call(), USER]}, "messages.1.tool_calls"),
    ({"messages": [USER], "tools": {}}, "tools"),
    ({"messages": [USER], "tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools.0.type"),
    ({"messages": [USER], "tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
    ({"messages": [USER], "tools": [TOOL, TOOL]}, "tools"),
    ({"messages": [USER], "tool_choice": "required"}, "tools"),
    ({"messages": [USER], "tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
    (
        {"messages": [USER], "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice",
    ),
    ({"messages": [USER], "temperature": 2.1}, "temperature"),
    ({"messages": [USER], "temperature": "1"}, "temperature"),
    ({"messages": [USER], "temperature": True}, "temperature"),
    ({"messages": [USER], "top_p": -1}, "top_p"),
    ({"messages": [USER], "max_tokens": 0}, "max_tokens"),
    ({"messages": [USER], "max_completion_tokens": 1.5}, "max_completion_tokens"),
    ({"messages": [USER], "stop": [1]}, "stop.0"),
    ({"messages": [USER], "stop": {}}, "stop"),
    ({"messages": [USER], "response_format": "json"}, "response_format"),
    ({"messages": [USER], "response_format": {"type": "xml"}}, "response_format.type"),
    ({"messages": [USER], "response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"messages": [USER], "reasoning_effort": "much"}, "reasoning_effort"),
    ({"messages": [USER], "reasoning_effort": {}}, "reasoning_effort"),
    ({"messages": [USER], "parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ({"messages": [USER], "top_k": 1.5}, "top_k"),
    ({"messages": [USER], "top_k": False}, "top_k"),
    ({"messages": [USER], "top_k": -2}, "top_k"),
    ({"messages": [USER], "reasoning": "high"}, "reasoning"),
    ({"messages": [USER], "reasoning": {"effort": "much"}}, "reasoning.effort"),
    ({"messages": [USER], "reasoning": {"max_tokens": 0}}, "reasoning.max_tokens"),
    ({"messages": [USER], "reasoning": {"enabled": 1}}, "reasoning.enabled"),
    ({"messages": [USER], "reasoning": {"exclude": "no"}}, "reasoning.exclude"),
    ({"messages": [USER], "reasoning": {"verbose": True}}, "reasoning.verbose"),
    ({"messages": [USER], "reasoning": {"effort": "low"}, "reasoning_effort": "high"}, "reasoning.effort"),
    ({"messages": [USER], "thinking": True}, "thinking"),
    ({"messages": [USER], "thinking": {"type": "between"}}, "thinking.type"),
    ({"messages": [USER], "thinking": {"type": "enabled", "budget_tokens": "9"}}, "thinking.budget_tokens"),
    ({"messages": [USER], "thinking": {"type": "enabled", "include": True}}, "thinking.include"),
    ({"messages": [USER], "thinking": {"type": "enabled"}, "reasoning_effort": "low"}, "thinking"),
    ({"messages": [USER], "thinking": {"type": "enabled"}, "reasoning": {}}, "thinking"),
    ({"messages": [USER], "functions": [{"name": "f"}], "function_call": "auto"}, "functions"),
    ({"messages": [user(TEXT | {"cache_control": "yes"})]}, "messages.0.content.0.cache_control"),
    ({"messages": [user(TEXT | {"cache_control": {"type": "eternal"}})]}, "messages.0.content.0.cache_control.type"),
    (
        {"messages": [user(TEXT | {"cache_control": {"type": "ephemeral", "ttl": "1d"}})]},
        "messages.0.content.0.cache_control.ttl",
    ),
    ({"messages": [USER | {"cache_control": 1}]}, "messages.0.cache_control"),
    ({"messages": [file(file_id="file-1")]}, "messages.0.content.0.file.file_id"),
    ({"messages": [file(filename="a.pdf")]}, "messages.0.content.0.file.file_data"),
    ({"messages": [file(file_data="JVBERi0xLjQ=")]}, "messages.0.content.0.file.file_data"),
    ({"messages": [file(file_data="https://x/y.pdf")]}, "messages.0.content.0.file.file_data"),
    ({"messages": [file(file_data="data:application/zip;base64,AAAA")]}, "messages.0.content.0.file.file_data"),
    ({"messages": [file(file_data="data:application/pdf;base64,AAAA")]}, "messages.0.content.0.file.file_data"),
    ({"messages": [file(file_data="data:text/plain;base64,/w==")]}, "messages.0.content.0.file.file_data"),
    ({"messages": [file(file_data=PDF, filename=3)]}, "messages.0.content.0.file.filename"),
    ({"messages": [image("data:image/png,raw")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [USER, call(arguments='{"a":' * 240 + "1" + "}" * 240), result()]}, ARGUMENTS),
    ({"messages": [USER, call(arguments='{"a":' * 900 + "1" + "}" * 900), result()]}, ARGUMENTS),
    ({"messages": [USER, call(reasoning_details={"type": "x"}), result()]}, "messages.1.reasoning_details"),
    ({"messages": [USER, call(reasoning_details=["x"]), result()]}, "messages.1.reasoning_details.0"),
    (
        {"messages": [USER, call(reasoning_details=[{"type": "reasoning.encrypted"}]), result()]},
        "messages.1.reasoning_details.0.data",
    ),
    ({"messages": [USER, signed(3), result()]}, "messages.1.tool_calls.0.extra_content.google.thought_signature"),
]


@pytest.mark.parametrize(("body", "param"), BAD)
def test_a_bad_member_is_refused_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_request(body)
    assert refused.value.param == param


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=5)
    | st.sampled_from(["user", "tool", "text", "auto", "a", "file", "image_url", "assistant", PNG, PDF]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "role content type text tool_calls id function name arguments url image_url file file_data "
                    "cache_control reasoning_details signature data extra_content google "
                    "thought_signature effort max_tokens detail"
                ).split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    st.dictionaries(
        st.sampled_from(
            "messages tools tool_choice stop n response_format logit_bias x top_k reasoning thinking".split()
        ),
        JSON,
    )
)
def test_arbitrary_json_is_read_or_refused_and_nothing_else(body: dict[str, Any]) -> None:
    try:
        read_request(body)
    except InvalidRequest:
        pass


def test_a_conversation_is_read_in_order() -> None:
    request = read(
        {"role": "system", "content": "one"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, *image(PNG)["content"]]},
        {"role": "developer", "content": [{"type": "text", "text": "two"}]},
    )
    assert request.system == (Text(text="one"), Text(text="two"))
    assert [turn.role for turn in request.turns] == [Role.USER]
    assert request.turns[0].parts == (Text(text="look"), Image(media_type="image/png", data="iVBORw0KGgoAAAAN"))


def test_tool_calls_and_their_results_are_read() -> None:
    request = read(USER, call(arguments=""), result(), tools=[TOOL])
    assert request.turns[1].parts == (ToolCall(id="a", name="f", arguments={}),)
    assert request.turns[2].parts == (ToolResult(id="a", parts=(Text(text="42"),)),)
    assert request.tools[0].schema == {"type": "object", "properties": {}}


def test_the_bytes_of_an_image_win_over_its_label() -> None:
    part = read(image("data:image/jpg;base64,iVBORw0KGgoAAAAN")).turns[0].parts[0]
    assert isinstance(part, Image)
    assert part.media_type == "image/png"
    part = read(image("data:image/JPG;base64,AAAA")).turns[0].parts[0]
    assert isinstance(part, Image)
    assert part.media_type == "image/jpeg"


@pytest.mark.parametrize("kind", ["auto", "none", "required"])
def test_a_choice_may_be_written_as_an_object_of_its_type_alone(kind: Literal["auto", "none", "required"]) -> None:
    assert read(USER, tools=[TOOL], tool_choice={"type": kind}).tool_choice == ToolChoice(kind=kind)


def test_allowed_tools_narrow_the_list() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [other]}}
    request = read(USER, tools=[TOOL, other], tool_choice=allowed)
    assert [tool.name for tool in request.tools] == ["g"]
    assert request.tool_choice == ToolChoice(kind="required")


def test_hints_demands_and_members_that_ask_for_nothing_are_told_apart() -> None:
    request = read(
        USER, seed=1, user="u", metadata={"a": "b"}, logprobs=True, n=2, functions=[], unheard_of=1,
        service_tier="auto", logit_bias={}, modalities=["text"], stream=True, stream_options={}, model="m", store=None,
    )  # fmt: skip
    assert set(request.hints) == {"seed", "user", "metadata"}
    assert set(request.demands) == {"logprobs", "n", "unheard_of"}
    assert not read(USER, n=1, logprobs=False, presence_penalty=0, repetition_penalty=1.0, min_p=0.0).demands
    assert set(read(USER, repetition_penalty=1.1, min_p=0.1).demands) == {"repetition_penalty", "min_p"}


# --- thinking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "thinking"),
    [
        ({}, Thinking()),
        ({"reasoning_effort": "none"}, Thinking(kind="off")),
        ({"reasoning_effort": "minimal"}, Thinking(kind="on", effort="minimal")),
        ({"reasoning": {}}, Thinking()),
        ({"reasoning": {"enabled": True}}, Thinking(kind="on")),
        ({"reasoning": {"enabled": False, "effort": "high"}}, Thinking(kind="off")),
        ({"reasoning": {"effort": "none"}}, Thinking(kind="off")),
        ({"reasoning": {"max_tokens": 2000}}, Thinking(kind="on", budget=2000)),
        ({"reasoning": {"effort": "low", "exclude": True}}, Thinking(kind="on", effort="low", shown=False)),
        ({"reasoning": {"exclude": True}, "reasoning_effort": "low"}, Thinking(kind="on", effort="low", shown=False)),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "low"}, Thinking(kind="on", effort="low")),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Thinking(kind="on", budget=2000)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Thinking(kind="on", shown=False)),
        ({"thinking": {"type": "disabled"}}, Thinking(kind="off")),
    ],
)
def test_thinking_is_read_from_whichever_member_tells_of_it(given_: dict[str, Any], thinking: Thinking) -> None:
    assert read(USER, **given_).thinking == thinking


def test_top_k_is_read_and_its_words_for_none_are_none() -> None:
    assert [read(USER, top_k=value).top_k for value in (40, 0, -1, None)] == [40, None, None, None]


# --- marks of what to cache ---------------------------------------------------------------------------------------

SHORT, LONG = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


def test_cache_marks_are_read_where_they_stand() -> None:
    request = read(
        {"role": "system", "content": [TEXT | {"cache_control": SHORT}, TEXT]},
        user(TEXT, TEXT | {"cache_control": LONG}),
        call(),
        result(content=[TEXT | {"cache_control": SHORT}, TEXT]),
        tools=[TOOL | {"cache_control": SHORT}],
    )
    assert [text.cache for text in request.system] == [Cache.SHORT, Cache.NONE]
    assert request.turns[0].parts == (Text(text="hi"), Text(text="hi", cache=Cache.LONG))
    assert request.turns[2].parts == (ToolResult(id="a", parts=(Text(text="hi"), Text(text="hi")), cache=Cache.SHORT),)
    assert request.tools[0].cache is Cache.SHORT


def test_a_mark_beside_the_content_is_one_on_its_last_part() -> None:
    request = read(
        {"role": "system", "content": "s", "cache_control": SHORT},
        user(TEXT, TEXT) | {"cache_control": LONG},
        call() | {"cache_control": SHORT},
        result() | {"cache_control": SHORT},
    )
    assert request.system[0].cache is Cache.SHORT
    marks = [part.cache for turn in request.turns for part in turn.parts if not isinstance(part, Reasoning)]
    assert marks == [Cache.NONE, Cache.LONG, Cache.SHORT, Cache.SHORT]


def test_openais_own_breakpoint_is_a_mark() -> None:
    marks: list[dict[str, Any]] = [{"mode": "explicit"}, {"mode": "explicit", "ttl": "30m"}]
    parts = read(user(*(TEXT | {"prompt_cache_breakpoint": mark} for mark in marks))).turns[0].parts
    assert parts == (Text(text="hi", cache=Cache.SHORT), Text(text="hi", cache=Cache.LONG))


# --- files --------------------------------------------------------------------------------------------------------


def test_a_pdf_and_a_text_are_documents() -> None:
    request = read(file(file_data=PDF, filename="a.pdf"), file(file_data="data:text/csv;charset=utf-8;base64,YSxi"))
    assert request.turns[0].parts == (Document(media_type="application/pdf", data="JVBERi0xLjQ=", name="a.pdf"),)
    assert request.turns[1].parts == (Document(media_type="text/plain", text="a,b"),)


# --- thoughts in the history --------------------------------------------------------------------------------------


def test_signed_thoughts_come_before_what_was_said_and_unsigned_ones_are_passed_over() -> None:
    details: list[dict[str, Any]] = [
        {"type": "reasoning.text", "text": "hm", "signature": "EqQB", "index": 0, "format": "northern-v1"},
        {"type": "reasoning.text", "text": "unsigned"},
        {"type": "reasoning.summary", "summary": "s"},
        {"type": "reasoning.encrypted", "data": "ZW5j", "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "data": "of another", "format": "openai-responses-v1"},
    ]
    said = call(content="so", reasoning_details=details, reasoning_content="hm", reasoning="hm")
    assert read(USER, said, result()).turns[1].parts == (
        Reasoning(text="hm", signature="EqQB"),
        Reasoning(redacted="ZW5j"),
        Text(text="so"),
        ToolCall(id="a", name="f", arguments={}),
    )


def test_a_signature_on_a_call_stands_right_before_it_and_once() -> None:
    marked = Reasoning(redacted="ni1.g.c.c2ln")
    entry = {"type": "reasoning.encrypted", "data": "ni1.g.c.c2ln"}
    for told in ([], [entry], [entry | {"id": "a"}]):
        message = signed("c2ln") | {"content": "so", "reasoning_details": told}
        assert read(USER, message, result()).turns[1].parts[1:] == (marked, ToolCall(id="a", name="f", arguments={}))


def test_a_signature_without_its_member_is_found_by_the_id_of_its_call() -> None:
    entry = {"type": "reasoning.encrypted", "data": "ni1.g.c.c2ln", "id": "a"}
    parts = read(USER, call(content="so", reasoning_details=[entry]), result()).turns[1].parts
    assert parts[1] == Reasoning(redacted="ni1.g.c.c2ln")


# --- never lost in silence ----------------------------------------------------------------------------------------


def test_hints_inside_messages_are_named() -> None:
    detailed = user({"type": "image_url", "image_url": {"url": PNG, "detail": "high"}})
    assert set(read(USER | {"name": "Ann"}, detailed).hints) == {"messages.name", "image_url.detail"}
    assert not read(USER, image(PNG)).hints
