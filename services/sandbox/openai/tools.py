"""What a chat completion request says about tools and the form of the answer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.sandbox.domain import Choice, Tool
from services.sandbox.openai.sequence import wrong

Json = Mapping[str, Any]  # a request body, not yet validated

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def tools_in(body: Json) -> Iterator[Tool]:
    tools = body.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list) or not tools:
        raise wrong("Invalid 'tools': empty array. Expected an array with minimum length 1.", "tools", "empty_array")
    for i, tool in enumerate(tools):
        if not isinstance(tool, dict) or str(tool.get("type")) not in {"function", "custom"}:
            raise wrong(f"Invalid value: 'tools[{i}].type'.", f"tools[{i}].type", "invalid_value")
        if tool["type"] == "custom":
            continue  # accepted, never called
        function = tool.get("function")
        if not isinstance(function, dict) or not _NAME.fullmatch(str(function.get("name", ""))):
            raise wrong(f"Invalid 'tools[{i}].function.name'.", f"tools[{i}].function.name", "invalid_value")
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise wrong(
                f"Invalid schema for function '{function['name']}': "
                "schema must be a JSON Schema of 'type: \"object\"'.",
                f"tools[{i}].function.parameters",
                "invalid_function_parameters",
            )
        yield Tool(name=function["name"], schema=schema)


def choice_in(body: Json, tools: Sequence[Tool]) -> tuple[Choice, str]:
    choice = body.get("tool_choice")
    if choice is None:
        return Choice.AUTO, ""
    if not body.get("tools"):
        raise wrong("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if isinstance(choice, str):
        if choice not in set(Choice):
            raise wrong("Invalid value: 'tool_choice'.", "tool_choice", "invalid_value")
        return Choice(choice), ""
    kind = choice.get("type") if isinstance(choice, dict) else None
    named = choice.get(kind) if isinstance(choice, dict) and isinstance(kind, str) else None
    if not isinstance(named, dict):
        raise wrong("Invalid value: 'tool_choice'.", "tool_choice", "invalid_value")
    if kind == "allowed_tools":
        return Choice.REQUIRED if named.get("mode") == "required" else Choice.AUTO, ""
    name = str(named.get("name"))
    if name not in {tool.name for tool in tools}:
        raise wrong(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice", "invalid_value")
    return Choice.REQUIRED, name


def schema_in(body: Json, texts: Sequence[str], *, vllm: bool) -> Json | None:
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    match kind:
        case None | "text":
            return None
        case "json_object":
            if not vllm and not any("json" in text.lower() for text in texts):
                raise wrong(
                    "'messages' must contain the word 'json' in some form, "
                    "to use 'response_format' of type 'json_object'.",
                    "messages",
                )
            return {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        case "json_schema" if isinstance(wanted, dict) and isinstance(wanted.get("json_schema"), dict):
            named = wanted["json_schema"]
            if not _NAME.fullmatch(str(named.get("name", ""))):
                raise wrong(
                    "Missing required parameter: 'response_format.json_schema.name'.",
                    "response_format.json_schema.name",
                    "missing_required_parameter",
                )
            schema = named.get("schema")
            return schema if isinstance(schema, dict) else {"type": "object"}
        case _:
            raise wrong("Invalid value: 'response_format.type'.", "response_format.type", "invalid_value")
