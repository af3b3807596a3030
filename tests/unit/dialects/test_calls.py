"""Tools' names and calls' ids as each provider takes them, and as the caller had them."""

from typing import Any

import pytest

from libs.dialects.anthropic_messages import outgoing as anthropic
from libs.dialects.bedrock_converse import request as converse
from libs.dialects.calls import fitted, told_apart
from libs.dialects.form import Request, Role, Text, Tool, ToolCall, ToolChoice, ToolResult, Turn
from libs.dialects.gemini import count
from libs.dialects.gemini import outgoing as gemini
from libs.dialects.models import ModelFlags
from libs.dialects.openai_chat import outgoing as openai
from libs.dialects.openai_chat.request import TOOL_NAME

LONG = "mcp__plugin_oh-my-claudecode_omc-tools__" + "lsp_diagnostics_directory_" * 2
TOOL = Tool(name=LONG, schema={"type": "object"})
HI = Turn(role=Role.USER, parts=(Text(text="hi"),))
PLAIN = ModelFlags()


def called(id: str, name: str = "f") -> list[Turn]:  # noqa: A002 - the wire's own name
    return [
        Turn(role=Role.ASSISTANT, parts=(ToolCall(id=id, name=name, arguments={}),)),
        Turn(role=Role.USER, parts=(ToolResult(id=id, parts=(Text(text="r"),)),)),
    ]


def strings(value: object) -> list[str]:
    match value:
        case dict():
            return [each for inner in value.values() for each in strings(inner)]
        case list() | tuple():
            return [each for inner in value for each in strings(inner)]
        case str():
            return [value]
        case _:
            return []


@pytest.mark.parametrize("write", [openai.write_request, converse.write_request, gemini.write_request])
def test_a_tools_name_that_is_too_long_goes_out_shortened_alike_wherever_it_stands(write: Any) -> None:
    choice = ToolChoice(kind="tool", name=LONG)
    written = write(Request(turns=(HI, *called("a", LONG)), tools=(TOOL,), tool_choice=choice), PLAIN)
    ((short, own),) = written.names.items()
    assert own == LONG
    assert len(short) == 64
    assert LONG not in strings(written.body)
    assert strings(written.body).count(short) >= 3
    assert write(Request(turns=(HI,), tools=(TOOL,)), PLAIN).names == written.names


def test_names_that_differ_only_behind_the_limit_stay_apart() -> None:
    tools = tuple(Tool(name=LONG + end, schema={}) for end in "ab")
    _, names = fitted(Request(turns=(HI,), tools=tools), TOOL_NAME)
    assert sorted(names.values()) == [LONG + "a", LONG + "b"]


def test_names_that_fit_stay_as_they_are() -> None:
    request = Request(turns=(HI, *called("a")), tools=(Tool(name="f", schema={}),))
    assert fitted(request, TOOL_NAME) == (request, {})


def test_a_name_that_begins_with_a_digit_is_changed_for_gemini_alone() -> None:
    request = Request(turns=(HI,), tools=(Tool(name="3d_view", schema={}),))
    assert not openai.write_request(request, PLAIN).names
    assert list(gemini.write_request(request, PLAIN).names.values()) == ["3d_view"]
    (declared,) = count.write_count(request, PLAIN)["tools"][0]["functionDeclarations"]
    assert declared["name"].startswith("_3d_view_")


@pytest.mark.parametrize("write", [anthropic.write_request, converse.write_request, gemini.write_request])
def test_a_name_that_a_model_made_up_does_not_end_the_conversation(write: Any) -> None:
    written = write(Request(turns=(HI, *called("a", "multi_tool_use.parallel; Bash {}"))), PLAIN)
    assert "multi_tool_use.parallel; Bash {}" not in strings(written.body)


@pytest.mark.parametrize("write", [anthropic.write_request, converse.write_request])
def test_an_id_that_comes_again_in_a_later_answer_is_another_call(write: Any) -> None:
    body = write(Request(turns=(HI, *called("call_0"), *called("call_0"), *called("call_1"))), PLAIN).body
    blocks = [block for message in body["messages"] for block in message["content"]]
    uses = [block.get("toolUse", {}).get("toolUseId") or block.get("id") for block in blocks]
    results = [block.get("toolResult", {}).get("toolUseId") or block.get("tool_use_id") for block in blocks]
    assert list(filter(None, uses)) == list(filter(None, results)) == ["call_0", "call_0-2", "call_1"]


def test_ids_that_differ_stay_as_they_are() -> None:
    turns = (HI, *called("a"), *called("b"))
    assert told_apart(turns) is turns
