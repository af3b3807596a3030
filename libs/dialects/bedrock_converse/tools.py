"""Tools as Converse's `toolConfig`, and the choice among them."""

import re
from collections.abc import Collection
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.bedrock_converse.caching import point
from libs.dialects.bedrock_converse.messages import called_tools
from libs.dialects.form import Request, Tool
from libs.dialects.models import ModelFlags

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def tool_config(request: Request, model: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    """There is no choice "none": tools are withheld instead, unless the history calls some, which must be described."""
    called = called_tools(request.turns)
    withheld = request.tool_choice.kind == "none"
    if not called and (withheld or not request.tools):
        return {}
    if withheld and request.tools:
        dropped.append("tool_choice")
    known = {tool.name for tool in request.tools}
    tools = [tool for tool in request.tools if not _narrowed(request, model) or _stays(tool, request, called)]
    tools += [_unknown(name) for name in called if name not in known]
    if not model.structured and any(tool.strict for tool in tools):
        dropped.append("tools.strict")
    config: dict[str, Any] = {"tools": [block for tool in tools for block in _spec(tool, model)]}
    if choice := _choice(request, model):
        config["toolChoice"] = choice
    if _narrowed(request, model) and len(tools) > 1:
        dropped.append("tool_choice")
    return config


def _choice(request: Request, model: ModelFlags) -> dict[str, Any]:
    """Empty for Converse's default."""
    if request.tool_choice.kind not in ("required", "tool"):
        return {}
    if model.forced == "none":
        told = "This model cannot be made to call a tool: leave 'tool_choice' out, or choose another route."
        raise InvalidRequest(told, param="tool_choice")
    if request.tool_choice.kind == "tool" and model.forced == "named":
        return {"tool": {"name": request.tool_choice.name}}
    return {"any": {}}


def _narrowed(request: Request, model: ModelFlags) -> bool:
    """Whether a tool is forced by its name that the model is to be led to by having no other."""
    return request.tool_choice.kind == "tool" and model.forced == "any"


def _stays(tool: Tool, request: Request, called: Collection[str]) -> bool:
    return tool.name == request.tool_choice.name or tool.name in called


def _unknown(name: str) -> Tool:
    return Tool(name=name, schema={"type": "object"})


def _spec(tool: Tool, model: ModelFlags) -> list[dict[str, Any]]:
    """Bedrock refuses a schema that does not say `object`, which callers may leave out where it has `properties`."""
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": {"type": "object", **tool.schema}}}
    if tool.description.strip():
        spec["description"] = tool.description
    if tool.strict and model.structured:
        spec["strict"] = True
    return [{"toolSpec": spec}, *(point(tool.cache, model) if model.claude else [])]


def one_at_a_time(request: Request, model: ModelFlags, config: dict[str, Any], dropped: list[str]) -> dict[str, Any]:
    """Converse has no switch for parallel calls; Claude's own rides beside its request."""
    if request.parallel_tool_calls or not config:
        return {}
    if not model.claude:
        dropped.append("parallel_tool_calls")
        return {}
    match config.get("toolChoice"):
        case {"any": _}:
            choice: dict[str, Any] = {"type": "any"}
        case {"tool": {"name": name}}:
            choice = {"type": "tool", "name": name}
        case _:
            choice = {"type": "auto"}
    return {"tool_choice": choice | {"disable_parallel_tool_use": True}}
