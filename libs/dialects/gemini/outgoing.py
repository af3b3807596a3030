"""A request as Gemini's generateContent takes it (Vertex AI, REST)."""

import re
from typing import Any, assert_never

from libs.contracts.errors import InvalidRequest
from libs.dialects.calls import fitted
from libs.dialects.form import Cache, Request, Tool, ToolResult, Written
from libs.dialects.gemini.contents import write_contents, write_system
from libs.dialects.gemini.generation import generation_config
from libs.dialects.models import ModelFlags

TOOL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_HONOURED = frozenset(("logprobs", "top_logprobs"))
# Members of a schema that say nothing about what may be in the object.
_BARE = frozenset(("type", "properties", "required", "additionalProperties", "$schema", "title"))


def write_request(request: Request, model: ModelFlags) -> Written:
    """The body, and the names of the caller's members that it does not honour. InvalidRequest where that would not do.

    Gemini caches by itself, has no switch for parallel calls and none for strict tools: those are dropped by name.
    """
    for name in request.demands:
        if name == "n":
            raise InvalidRequest("This route gives one answer at a time: send the request again.", param=name)
        if name not in _HONOURED:
            told = f"'{name}' is not available on this route: leave it out or choose another."
            raise InvalidRequest(told, param=name)
    request, names = fitted(request, TOOL_NAME)
    dropped = sorted(request.hints)
    body: dict[str, Any] = {"contents": write_contents(request.turns, model)}
    if system := write_system(request):
        body["systemInstruction"] = system
    if request.tools:
        body["tools"] = write_tools(request.tools)
        body |= _tool_config(request)
        if not request.parallel_tool_calls:
            dropped.append("parallel_tool_calls")
        if any(tool.strict for tool in request.tools):
            dropped.append("tools.strict")
    if config := generation_config(request, model, dropped):
        body["generationConfig"] = config
    if _marked(request):
        dropped.append("cache_control")
    return Written(body=body, dropped=tuple(dict.fromkeys(dropped)), names=names)


# --- tools --------------------------------------------------------------------------------------------------------


def write_tools(tools: tuple[Tool, ...]) -> list[dict[str, Any]]:
    return [{"functionDeclarations": [_declaration(tool) for tool in tools]}]


def _declaration(tool: Tool) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": tool.name}
    if tool.description.strip():
        declaration["description"] = tool.description
    if not _takes_nothing(tool.schema):
        declaration["parametersJsonSchema"] = tool.schema
    return declaration


def _takes_nothing(schema: dict[str, Any]) -> bool:
    """Such a tool is declared without parameters: an object without members is refused in places."""
    return not schema.get("properties") and not schema.get("additionalProperties") and schema.keys() <= _BARE


def _tool_config(request: Request) -> dict[str, Any]:
    config: dict[str, Any]
    match request.tool_choice.kind:
        case "auto":
            return {}  # Gemini's default
        case "none":
            config = {"mode": "NONE"}
        case "required":
            config = {"mode": "ANY"}
        case "tool":
            config = {"mode": "ANY", "allowedFunctionNames": [request.tool_choice.name]}
        case _:
            assert_never(request.tool_choice.kind)
    return {"toolConfig": {"functionCallingConfig": config}}


# --- cache marks --------------------------------------------------------------------------------------------------


def _marked(request: Request) -> bool:
    parts = [part for turn in request.turns for part in turn.parts]
    inner = [each for part in parts if isinstance(part, ToolResult) for each in part.parts]
    everything = (*request.tools, *request.system, *parts, *inner)
    return any(getattr(each, "cache", Cache.NONE) is not Cache.NONE for each in everything)
