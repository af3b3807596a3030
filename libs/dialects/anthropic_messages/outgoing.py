"""A request as Claude takes it in Anthropic's Messages format, model by model."""

import re
from typing import Any, assert_never

from libs.contracts.errors import InvalidRequest
from libs.dialects.anthropic_messages.outgoing_messages import (
    answers_unsigned_call,
    is_prefilled,
    with_cache,
    write_messages,
    write_system,
)
from libs.dialects.calls import fitted
from libs.dialects.form import Request, Thinking, Tool, ToolCall, Written
from libs.dialects.models import ModelFlags
from libs.dialects.schemas import by_tool, kept_to

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32000}
_LEAST_BUDGET = 1024  # Anthropic's own minimum of thinking.budget_tokens
_USER_ID_LIMIT = 256
_TIERS = {"auto": "auto", "default": "standard_only"}  # OpenAI's words for what Anthropic has


def write_request(request: Request, model: ModelFlags) -> Written:
    """InvalidRequest where leaving something out would not do. A temperature above 1 is sent as 1 and named as dropped.

    `model`, `stream` and `anthropic_version` are the transport's to add.
    """
    for name in request.demands:
        raise InvalidRequest(f"'{name}' is not available on this route: leave it out or choose another.", param=name)
    request, names = fitted(request, _NAME)
    request, answer_tool = by_tool(request, model)
    request, dropped = kept_to(request, model)
    messages = write_messages(request.turns, model)
    thinking, effort = _thinking(request, model, messages, dropped)
    body: dict[str, Any] = {"max_tokens": _max_tokens(request, model, thinking)}
    if system := write_system(request):
        body["system"] = system
    body["messages"] = messages
    body |= _tools(request, model, dropped)
    if thinking:
        body["thinking"] = thinking
    output = _answer_format(request, model)
    if effort:
        output["effort"] = effort
    if output:
        body["output_config"] = output
    body |= _sampling(request, model, thinking=thinking.get("type") in ("enabled", "adaptive"), dropped=dropped)
    body |= _stop(request)
    body |= _hints(request, dropped)
    return Written(body=body, dropped=tuple(dropped), names=names, answer_tool=answer_tool)


# --- length, sampling, hints --------------------------------------------------------------------------------------


def _max_tokens(request: Request, model: ModelFlags, thinking: dict[str, Any]) -> int:
    """Anthropic wants a number; where the caller gave none, thinking must not take all of it."""
    if request.max_tokens is not None:
        return request.max_tokens
    most = model.max_output_tokens or 2**31 - 1
    return min(model.default_max_tokens + int(thinking.get("budget_tokens", 0)), most)


def _sampling(request: Request, model: ModelFlags, *, thinking: bool, dropped: list[str]) -> dict[str, Any]:
    """Thinking models want their sampling left alone, newer Claudes always; some take one of the first two."""
    kept: dict[str, Any] = {}
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p), ("top_k", request.top_k)):
        if value is None:
            continue
        second = name == "top_p" and model.sampling == "one" and "temperature" in kept
        if thinking or second or model.sampling == "none":
            dropped.append(name)
            continue
        kept[name] = min(value, 1) if name == "temperature" else value
        if kept[name] != value:
            dropped.append(name)
    return kept


def _stop(request: Request) -> dict[str, Any]:
    if not all(each.strip() for each in request.stop):
        raise InvalidRequest("This model takes no stop sequence of white space alone.", param="stop")
    return {"stop_sequences": list(request.stop)} if request.stop else {}


def _hints(request: Request, dropped: list[str]) -> dict[str, Any]:
    """Those that Anthropic has a place for; the rest are named."""
    kept: dict[str, Any] = {}
    for name, value in sorted(request.hints.items()):
        if name in ("user", "safety_identifier") and _is_opaque(value):
            kept["metadata"] = {"user_id": value}
        elif name == "service_tier" and isinstance(value, str) and value in _TIERS:
            kept["service_tier"] = _TIERS[value]
        else:
            dropped.append(name)
    return kept


def _is_opaque(value: object) -> bool:
    """Anthropic refuses a user id that looks like an e-mail address, and one that is too long."""
    return isinstance(value, str) and 0 < len(value) <= _USER_ID_LIMIT and "@" not in value


# --- thinking, structured answers ---------------------------------------------------------------------------------


def _thinking(
    request: Request, model: ModelFlags, messages: list[dict[str, Any]], dropped: list[str]
) -> tuple[dict[str, Any], str]:
    """The member `thinking`, empty for none, and the effort of `output_config`."""
    asked = request.thinking
    match asked.kind:
        case "default":
            return {}, ""
        case "off" if model.always_thinks:
            dropped.append("reasoning_effort")
            return {}, "low"  # as little as it can
        case "off":
            return ({"type": "disabled"}, "") if model.thinking == "adaptive" else ({}, "")
        case "on":
            pass
        case _:
            assert_never(asked.kind)
    forced = request.tool_choice.kind in ("required", "tool")  # Claude refuses each of these together with thinking
    if not (forced or is_prefilled(messages) or answers_unsigned_call(messages)):
        if model.thinking == "adaptive":
            shown = "summarized" if asked.shown else "omitted"  # newer models omit them unless told
            return {"type": "adaptive", "display": shown}, _effort(asked)
        if model.thinking == "budget" and (budget := _budget(request, model)):
            return {"type": "enabled", "budget_tokens": budget}, ""
    dropped.append("reasoning_effort")
    return {}, ""


def _effort(asked: Thinking) -> str:
    if asked.effort or asked.budget is None:
        return "low" if asked.effort == "minimal" else asked.effort
    return next((name for name in ("low", "medium") if asked.budget <= _BUDGETS[name]), "high")


def _budget(request: Request, model: ModelFlags) -> int:
    """Thinking is part of the answer's length and must leave room for words; 0 where there is none."""
    asked = request.thinking
    budget = asked.budget or _BUDGETS[asked.effort or "medium"]
    most = model.max_output_tokens if request.max_tokens is None else request.max_tokens
    if most and (asked.budget is None or budget >= most):
        budget = min(budget, most // 2)
    return budget if budget >= _LEAST_BUDGET else 0


def _answer_format(request: Request, model: ModelFlags) -> dict[str, Any]:
    asked = request.answer_format
    if asked is None:
        return {}
    if asked.kind == "json_object" or not model.structured:
        other = "use json_schema" if model.structured else "leave other tools out"
        told = f"This response format is not available on this route: {other}, or choose another route."
        raise InvalidRequest(told, param="response_format")
    schema = asked.schema
    if asked.description and "description" not in schema:
        schema = {**schema, "description": asked.description}
    return {"format": {"type": "json_schema", "schema": schema}}


# --- tools --------------------------------------------------------------------------------------------------------


def _tools(request: Request, model: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    """Tools that the history calls must be described too, though nobody may call them any more."""
    called = (part.name for turn in request.turns for part in turn.parts if isinstance(part, ToolCall))
    given = {tool.name for tool in request.tools}
    gone = [Tool(name=name, schema={"type": "object"}) for name in dict.fromkeys(called) if name not in given]
    if not request.tools and not gone:
        return {}
    if not model.structured and any(tool.strict for tool in request.tools):
        dropped.append("tools.strict")
    written: dict[str, Any] = {"tools": [_tool(tool, model) for tool in (*request.tools, *gone)]}
    if choice := _tool_choice(request):
        written["tool_choice"] = choice
    return written


def _tool(tool: Tool, model: ModelFlags) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name, "input_schema": {"type": "object", **tool.schema}}
    if tool.description.strip():
        written["description"] = tool.description
    if tool.strict and model.structured:
        written["strict"] = True
    return with_cache(written, tool.cache)


def _tool_choice(request: Request) -> dict[str, Any]:
    """Empty for Anthropic's own default."""
    one = {} if request.parallel_tool_calls else {"disable_parallel_tool_use": True}
    if not request.tools:
        return {"type": "none"}
    match request.tool_choice.kind:
        case "auto":
            return {"type": "auto", **one} if one else {}
        case "none":
            return {"type": "none"}
        case "required":
            return {"type": "any", **one}
        case "tool":
            return {"type": "tool", "name": request.tool_choice.name, **one}
        case _:
            assert_never(request.tool_choice.kind)
