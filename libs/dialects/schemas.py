"""Structured answers: JSON schemas as Claude keeps to them, and a tool that takes the answer where no format binds."""

import re
from dataclasses import replace
from typing import Any

import orjson

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Request, Role, Tool, ToolCall, ToolChoice
from libs.dialects.models import ModelFlags

# Anthropic, "Structured outputs": a schema with one of these is refused as a whole. Its own SDKs say them in the
# description instead, as is done here.
_REFUSED = frozenset(
    """
    minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems
    contains minContains maxContains prefixItems minProperties maxProperties patternProperties propertyNames
    dependentRequired dependentSchemas unevaluatedProperties if then else not
    """.split()
)
_BEYOND = re.compile(r"\(\?(?:[=!]|<[=!]|P=)|\\[1-9bB]")  # of a pattern: to look around, back, or for a word's bounds
_NAMED = ("properties", "$defs", "definitions")  # members that hold schemas under names of the caller's own
_BESIDE = frozenset(("allOf", "anyOf", "oneOf", "$ref"))  # what they allow, a closed object beside them would forbid
_ANSWER_TOOL = "answer"
_DEEP = 64  # deeper than any schema that is meant; what is below stands as it is


def kept_to(request: Request, model: ModelFlags) -> tuple[Request, list[str]]:
    """The request with schemas that may be sent, and, as dropped members, the keywords that bind the model no longer.

    An object that says nothing of further members is closed, which Claude insists on: what fits then, fits the caller's
    schema too. Where that would not hold, it stands as it is, and Claude says why it does not take it.
    """
    if not model.structured:
        return request, []
    dropped: dict[str, None] = {}
    asked = request.answer_format
    if asked is not None and asked.kind == "json_schema":
        schema = _closed(asked.schema, "response_format", dropped)
        request = replace(request, answer_format=replace(asked, schema=schema))
    if any(tool.strict for tool in request.tools):
        request = replace(request, tools=tuple(_tool(tool, dropped) for tool in request.tools))
    return request, list(dropped)


def by_tool(request: Request, model: ModelFlags) -> tuple[Request, str]:
    """Where the model is bound by no format that is asked for: the request with one tool to call, and that tool's name.

    Its arguments are the answer. Beside tools of the caller's own, after words put into the model's mouth, or where a
    model cannot be made to call, there is no such way: "" and the request as it was.
    """
    asked = request.answer_format
    if asked is None or (asked.kind == "json_schema" and model.structured) or model.forced == "none":
        return request, ""
    schema = asked.schema or {"type": "object"}
    spoken = not request.turns or request.turns[-1].role is Role.ASSISTANT
    called = any(isinstance(part, ToolCall) for turn in request.turns for part in turn.parts)
    if spoken or called or request.tools or schema.get("type") != "object":
        return request, ""
    tool = Tool(
        name=_ANSWER_TOOL,
        description=asked.description or "Takes your answer. Call it once, with the whole of the answer.",
        schema=schema,
    )
    choice = ToolChoice(kind="tool", name=_ANSWER_TOOL)
    asking = replace(request, tools=(tool,), tool_choice=choice, parallel_tool_calls=False, answer_format=None)
    return asking, _ANSWER_TOOL


def json_text(schema: dict[str, Any]) -> str:
    """InvalidRequest where it is too deep to be written."""
    try:
        return orjson.dumps(schema).decode()
    except TypeError:  # orjson reads 1,024 levels and writes 254
        raise InvalidRequest("A schema is nested too deeply; 200 levels are the limit.") from None


def _tool(tool: Tool, dropped: dict[str, None]) -> Tool:
    return replace(tool, schema=_closed(tool.schema, "tools", dropped)) if tool.strict else tool


def _closed(schema: dict[str, Any], member: str, dropped: dict[str, None]) -> dict[str, Any]:
    lost: dict[str, None] = {}
    written = _written(schema, lost, 0)
    dropped |= dict.fromkeys(f"{member}.{keyword}" for keyword in lost)
    return written


def _written(schema: dict[str, Any], lost: dict[str, None], depth: int) -> dict[str, Any]:
    if depth > _DEEP:
        return schema
    said: dict[str, Any] = {}
    out: dict[str, Any] = {}
    for keyword, value in schema.items():
        if _is_refused(keyword, value):
            said |= {} if value is False else {keyword: value}
        elif keyword in _NAMED and isinstance(value, dict):
            out[keyword] = {name: _inner(each, lost, depth) for name, each in value.items()}
        elif keyword == "oneOf" and isinstance(value, list) and "anyOf" not in schema:  # which Claude does not know
            lost[keyword] = None
            out["anyOf"] = [_inner(each, lost, depth) for each in value]
        elif isinstance(value, list) and (keyword == "anyOf" or (keyword == "allOf" and len(value) == 1)):
            out[keyword] = [_inner(each, lost, depth) for each in value]
        else:
            out[keyword] = _inner(value, lost, depth) if keyword == "items" else value
    if said:
        lost |= dict.fromkeys(said)
        own = out.get("description")
        words = json_text(said)
        out["description"] = f"{own}\n\n{words}" if own and isinstance(own, str) else words
    if "properties" in out and out.get("additionalProperties", True) is True and not _BESIDE & schema.keys():
        lost |= dict.fromkeys(("additionalProperties",) if "additionalProperties" in out else ())
        out["additionalProperties"] = False
    return out


def _is_refused(keyword: str, value: Any) -> bool:
    if keyword == "pattern":
        return isinstance(value, str) and _BEYOND.search(value) is not None
    return keyword in _REFUSED and not (keyword == "minItems" and value in (0, 1))


def _inner(value: Any, lost: dict[str, None], depth: int) -> Any:
    return _written(value, lost, depth + 1) if isinstance(value, dict) else value
