"""The form as a chat completion request: what a caller of another dialect asked, as OpenAI and its kin take it."""

import hashlib
import re
from typing import Any, assert_never

from libs.contracts.errors import InvalidRequest
from libs.dialects.calls import fitted
from libs.dialects.form import Reasoning, Request, Text, Tool, Written
from libs.dialects.models import ModelFlags
from libs.dialects.openai_chat.history import write_messages
from libs.dialects.openai_chat.request import HINTS, TOOL_NAME

_STOPS = 4  # OpenAI's own limit
_SCHEMA_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DEMANDS = frozenset(("logit_bias", "logprobs", "top_logprobs", "web_search_options"))
# `metadata` of Anthropic's dialect is another thing: what it has beside the user.
_NOT_SENT = frozenset(("cache_control", "metadata", "prompt_cache_options"))
_USER_LIMIT = 64  # OpenAI refuses a longer one; Claude Code's has 150 letters
_TIERS = {"standard_only": "default"}  # Anthropic's word for it
# Tokens of thinking, and the effort that spends about as many.
_EFFORTS = ((2048, "low"), (8192, "medium"))
_HIGHEST = {"xhigh": "high", "max": "high"}  # of the models that cannot stop thinking: the older ones


def write_request(request: Request, model: ModelFlags) -> Written:
    """The body, without `model` and `stream`. InvalidRequest where leaving something out would not do.

    Members are named as a caller of Anthropic's dialect knows them; OpenAI's own callers' bodies pass as they are.
    """
    request, names = fitted(request, TOOL_NAME)
    dropped = [name for name in request.hints if name not in HINTS or name in _NOT_SENT] if request.hints else []
    body: dict[str, Any] = {"messages": write_messages(request, model)}
    _length_and_sampling(request, model, body, dropped)
    if request.thinking.kind != "default":
        _thinking(request, model, body, dropped)
    if request.tools:
        _tools(request, body)
    if request.stop:
        if len(request.stop) > _STOPS:
            raise InvalidRequest(f"This route takes at most {_STOPS} stop sequences.", param="stop_sequences")
        body["stop"] = list(request.stop)
    if request.answer_format is not None:
        body["response_format"] = _answer_format(request, model)
    if request.hints or request.demands:
        _hints_and_demands(request, body)
    if _marks_cache(request):
        dropped.append("cache_control")
    return Written(body=body, dropped=tuple(dict.fromkeys(dropped)), names=names)


def _length_and_sampling(request: Request, model: ModelFlags, body: dict[str, Any], dropped: list[str]) -> None:
    if request.max_tokens is not None:
        body["max_tokens" if model.legacy_max_tokens else "max_completion_tokens"] = request.max_tokens
    taken = model.sampling if model.thinking != "effort" else "none"  # reasoning models take no sampling
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is None:
            continue
        if taken == "none" or (taken == "one" and "temperature" in body):
            dropped.append(name)
        else:
            body[name] = value
    if request.top_k is not None:
        dropped.append("top_k")


def _thinking(request: Request, model: ModelFlags, body: dict[str, Any], dropped: list[str]) -> None:
    thinking = request.thinking
    if model.thinking != "effort":
        if thinking.kind == "on":
            dropped.append("thinking")
        return
    if thinking.kind == "off" and model.always_thinks:
        body["reasoning_effort"] = "low"  # as little as all of them can
        dropped.append("thinking")
    elif thinking.kind == "off":
        body["reasoning_effort"] = "none"
    elif thinking.effort:
        body["reasoning_effort"] = _effort(thinking.effort, model)
    elif thinking.budget is not None:
        fits = (effort for most, effort in _EFFORTS if thinking.budget <= most)
        body["reasoning_effort"] = next(fits, "high")
    else:
        body["reasoning_effort"] = "medium"  # newer models do not think unless they are told to


def _effort(asked: str, model: ModelFlags) -> str:
    return _HIGHEST.get(asked, asked) if model.always_thinks else asked


# --- tools --------------------------------------------------------------------------------------------------------


def _tools(request: Request, body: dict[str, Any]) -> None:
    body["tools"] = [_tool(tool) for tool in request.tools]
    match request.tool_choice.kind:
        case "auto":
            pass  # the default
        case "none" | "required" as kind:
            body["tool_choice"] = kind
        case "tool":
            body["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice.name}}
        case _:
            assert_never(request.tool_choice.kind)
    if not request.parallel_tool_calls:
        body["parallel_tool_calls"] = False


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


# --- the rest -----------------------------------------------------------------------------------------------------


def _answer_format(request: Request, model: ModelFlags) -> dict[str, Any]:
    asked = request.answer_format
    if asked is None or asked.kind == "json_object":
        return {"type": "json_object"}
    if not model.structured:
        told = "This model keeps to no JSON schema: force a tool with that schema, or choose another route."
        raise InvalidRequest(told, param="output_config.format")
    name = asked.name if _SCHEMA_NAME.fullmatch(asked.name) else "answer"
    schema: dict[str, Any] = {"name": name, "schema": asked.schema, "strict": _strict(asked.schema)}
    if asked.description:
        schema["description"] = asked.description
    return {"type": "json_schema", "json_schema": schema}


def _strict(schema: object) -> bool:
    """Whether OpenAI takes a schema strictly: every object closed, and each of its properties required."""
    if isinstance(schema, list):
        return all(_strict(each) for each in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict):
        required = schema.get("required")
        if schema.get("additionalProperties") is not False or not isinstance(required, list):
            return False
        if not set(properties) <= {name for name in required if isinstance(name, str)}:
            return False
    return all(_strict(each) for each in schema.values())


def _hints_and_demands(request: Request, body: dict[str, Any]) -> None:
    """Under OpenAI's names, so they stand as they are. More than one choice would be paid for and never shown."""
    body.update((name, value) for name, value in request.hints.items() if name in HINTS and name not in _NOT_SENT)
    if isinstance(tier := body.get("service_tier"), str):
        body["service_tier"] = _TIERS.get(tier, tier)
    if isinstance(user := body.get("user"), str) and len(user) > _USER_LIMIT:
        body["user"] = hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()
    for name, value in request.demands.items():
        if name not in _DEMANDS:
            told = f"'{name}' is not available on this route: leave it out or choose another."
            raise InvalidRequest(told, param=name)
        body[name] = value


def _marks_cache(request: Request) -> bool:
    """OpenAI's caches need no marks."""
    before: tuple[Text | Tool, ...] = (*request.system, *request.tools)
    for each in before:
        if each.cache:
            return True
    for turn in request.turns:
        for part in turn.parts:
            if not isinstance(part, Reasoning) and part.cache:
                return True
    return False
