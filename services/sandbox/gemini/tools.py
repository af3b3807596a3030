"""What a generateContent request says about functions and whether they must be called."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.sandbox.domain import Choice, Tool
from services.sandbox.gemini.refusals import invalid, unable
from services.sandbox.model.examples import Schema

Json = Mapping[str, Any]  # canonical, not yet validated

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_MOST = 512


def tools_in(body: Json) -> tuple[Tool, ...]:
    """The functions declared, in order; tools of Google's own are accepted and never called. Raises Refusal."""
    tools: Sequence[Json] = body.get("tools") or []
    declared = tuple(_declared(tools))
    if len(declared) > _MOST:
        raise invalid(f"At most {_MOST} function declarations are supported.")
    names = [tool.name for tool in declared]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Duplicate function declaration found: {name}")
    if declared and any(set(tool) - {"functionDeclarations"} for tool in tools):
        raise invalid("Multiple tools are supported only when they are all search tools.")
    return declared


def choice_in(body: Json, tools: Sequence[Tool]) -> tuple[Choice, tuple[Tool, ...]]:
    """The mode, and the functions that may be called; raises Refusal."""
    config: Json = body.get("toolConfig", {}).get("functionCallingConfig", {})
    mode, allowed = config.get("mode", "AUTO"), config.get("allowedFunctionNames") or []
    if allowed and mode not in {"ANY", "VALIDATED"}:
        raise unable("allowed_function_names is supported only when the function calling mode is ANY or VALIDATED.")
    unknown = set(allowed) - {tool.name for tool in tools}
    if unknown:
        raise unable(f"allowed_function_names holds names that are not declared: {', '.join(sorted(unknown))}.")
    if mode == "ANY" and not tools:
        raise unable("the function calling mode is ANY and there are no function declarations.")
    chosen = tuple(tool for tool in tools if not allowed or tool.name in allowed)
    match mode:
        case "ANY":
            return Choice.REQUIRED, chosen
        case "NONE":
            return Choice.NONE, chosen
        case _:
            return Choice.AUTO, chosen


def plain_schema(schema: Json) -> Schema:
    """An OpenAPI schema of Google's as JSON schema: types in lower case, `nullable` left aside."""
    found = dict(schema)
    if "type" in found:
        found["type"] = found["type"].lower()
    if "items" in found:
        found["items"] = plain_schema(found["items"])
    if "anyOf" in found:
        found["anyOf"] = [plain_schema(branch) for branch in found["anyOf"]]
    if "properties" in found:
        found["properties"] = {name: plain_schema(inner) for name, inner in found["properties"].items()}
    return found


def _declared(tools: Sequence[Json]) -> Iterator[Tool]:
    for i, tool in enumerate(tools):
        for k, function in enumerate(tool.get("functionDeclarations") or []):
            where = f"tools[{i}].function_declarations[{k}]"
            name = function.get("name", "")
            if not _NAME.fullmatch(name):
                raise invalid(
                    f"{where}.name: [FIELD_INVALID] Invalid function name. Must start with a letter or an underscore. "
                    "Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), "
                    "with a maximum length of 64.",
                    f"{where}.name",
                )
            yield Tool(name=name, schema=_parameters(function, name))


def _parameters(function: Json, name: str) -> Schema:
    if "parameters" in function and "parametersJsonSchema" in function:
        raise invalid(f"Function `{name}`: only one of parameters and parameters_json_schema may be set.")
    if "parametersJsonSchema" in function:
        schema: Any = function["parametersJsonSchema"]
    else:
        schema = plain_schema(function.get("parameters", {"type": "OBJECT"}))
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise unable(
            f"`{name}` functionDeclaration `parameters` schema should be of type OBJECT. "
            "Learn more: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling"
        )
    return schema
