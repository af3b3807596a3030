"""Tools as Converse's `toolConfig`, and the choice among them."""

import re
from typing import Any

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
    specs = [block for tool in request.tools for block in _spec(tool, model)]
    specs += [block for name in called if name not in known for block in _spec(_unknown(name), model)]
    if not model.structured and any(tool.strict for tool in request.tools):
        dropped.append("tools.strict")
    config: dict[str, Any] = {"tools": specs}
    match request.tool_choice.kind:
        case "required":
            config["toolChoice"] = {"any": {}}
        case "tool":
            config["toolChoice"] = {"tool": {"name": request.tool_choice.name}}
        case "auto" | "none":
            pass  # Converse's default
    return config


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
