"""OpenAI's chat completion request as the caller writes it: members checked one by one, with their paths."""

import re
from dataclasses import replace
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.fields import flag, items, members, named, number, string, text, whole, wrong
from libs.dialects.form import (
    AnswerFormat,
    Request,
    Thinking,
    Tool,
    ToolChoice,
)
from libs.dialects.openai_chat.messages import read_cache, read_messages, unread

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_AUTO, _UNASKED = ToolChoice(), Thinking()
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# --- requests -----------------------------------------------------------------------------------------------------

# Members with a field of their own in the form, or that concern the gateway alone.
_READ = frozenset(
    "messages model stream stream_options tools tool_choice parallel_tool_calls max_tokens max_completion_tokens "
    "temperature top_p top_k stop response_format reasoning_effort reasoning thinking".split()
)
# Hints: an answer given without them is still an answer to the request.
HINTS = frozenset(
    "cache_control frequency_penalty metadata prediction presence_penalty prompt_cache_key prompt_cache_options "
    "prompt_cache_retention safety_identifier seed service_tier store user verbosity".split()
)
# Values that ask for nothing beyond what every answer is.
_NOTHING: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "metadata": ({},),
    "min_p": (0,),
    "modalities": (["text"], []),
    "n": (1,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
}


def read_request(body: dict[str, Any]) -> Request:
    """InvalidRequest names the member at fault. Unknown members are demands: nobody can say that they do not matter."""
    given = {name: value for name, value in body.items() if value is not None} if None in body.values() else body
    if given.get("functions") or "function_call" in given:
        raise InvalidRequest("'functions' are deprecated and not translated: use 'tools'.", param="functions")
    system, turns = read_messages(given.get("messages"))
    tools, choice = _read_tools(given) if "tools" in given or "tool_choice" in given else ((), _AUTO)
    hints, demands = _beyond(given)
    return Request(
        system=system,
        turns=turns,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=flag(given.get("parallel_tool_calls", True), "parallel_tool_calls"),
        max_tokens=_max_tokens(given),
        temperature=_number(given, "temperature", 2),
        top_p=_number(given, "top_p", 1),
        top_k=_top_k(given.get("top_k")),
        stop=_stop(given.get("stop")),
        answer_format=_answer_format(given.get("response_format")),
        thinking=_thinking(given),
        hints=hints | dict.fromkeys(unread(given["messages"]), True),
        demands=demands,
    )


def _beyond(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What has no field in the form: hints and demands."""
    if given.keys() <= _READ:
        return {}, {}
    rest = {name: v for name, v in given.items() if name not in _READ and v not in _NOTHING.get(name, ())}
    hints = {name: v for name, v in rest.items() if name in HINTS}
    return hints, {name: v for name, v in rest.items() if name not in hints}


def _number(given: dict[str, Any], name: str, high: float) -> float | None:
    return number(given[name], name, 0, high) if name in given else None


def _max_tokens(given: dict[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if name in given:
            return whole(given[name], name, 1)
    return None


def _stop(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (named(value, "stop"),)
    return tuple(named(each, f"stop.{at}") for at, each in enumerate(items(value, "stop")))


def _thinking(given: dict[str, Any]) -> Thinking:
    """`reasoning_effort`, or OpenRouter's `reasoning`: {effort, max_tokens, enabled, exclude}, each optional.

    Or Anthropic's `thinking`, as its own front for OpenAI's clients takes it.
    """
    effort = _effort(given.get("reasoning_effort"), "reasoning_effort")
    if "thinking" in given:
        if effort or "reasoning" in given:
            raise wrong("thinking", "stand alone, without 'reasoning_effort' and 'reasoning'")
        return _anthropics(members(given["thinking"], "thinking"))
    if "reasoning" not in given:
        return _thinking_by(effort, None)
    asked = {name: v for name, v in members(given["reasoning"], "reasoning").items() if v is not None}
    for name in asked:
        if name not in ("effort", "max_tokens", "enabled", "exclude"):
            raise InvalidRequest(f"'reasoning.{name}' is not known: leave it out.", param=f"reasoning.{name}")
    other = _effort(asked.get("effort"), "reasoning.effort")
    if effort and other not in ("", effort):
        raise wrong("reasoning.effort", "be the same as 'reasoning_effort', or stand alone")
    enabled = flag(asked.get("enabled", False), "reasoning.enabled")
    budget = whole(asked["max_tokens"], "reasoning.max_tokens", 1) if "max_tokens" in asked else None
    thinking = _thinking_by("none" if "enabled" in asked and not enabled else effort or other, budget)
    if enabled and thinking.kind == "default":
        thinking = Thinking(kind="on")
    return replace(thinking, shown=not flag(asked.get("exclude", False), "reasoning.exclude"))


def _anthropics(asked: dict[str, Any]) -> Thinking:
    for name in asked:
        if name not in ("type", "budget_tokens", "display"):
            raise InvalidRequest(f"'thinking.{name}' is not known: leave it out.", param=f"thinking.{name}")
    match asked.get("type"):
        case "disabled":
            return Thinking(kind="off")
        case "enabled" | "adaptive":
            given = asked.get("budget_tokens")
            budget = None if given is None else whole(given, "thinking.budget_tokens", 1)
            return Thinking(kind="on", budget=budget, shown=asked.get("display") != "omitted")
        case _:
            raise wrong("thinking.type", "be one of enabled, disabled, adaptive")


def _thinking_by(effort: str, budget: int | None) -> Thinking:
    if effort == "none":
        return Thinking(kind="off")
    return Thinking(kind="on", effort=effort, budget=budget) if effort or budget else _UNASKED


def _effort(value: object, path: str) -> str:
    if value is not None and value not in EFFORTS:
        raise wrong(path, f"be one of {', '.join(EFFORTS)}")
    return string(value)


def _top_k(value: object) -> int | None:
    """OpenAI has no such member, its clients send it to everyone else; 0 and -1 are vLLM's words for none."""
    return None if value in (None, 0, -1) and not isinstance(value, bool) else whole(value, "top_k", 1)


def _answer_format(value: object) -> AnswerFormat | None:
    if value is None:
        return None
    asked = members(value, "response_format")
    match asked.get("type"):
        case "text":
            return None
        case "json_object":
            return AnswerFormat(kind="json_object")
        case "json_schema":
            path = "response_format.json_schema"
            given = members(asked.get("json_schema"), path)
            return AnswerFormat(
                kind="json_schema",
                name=named(given.get("name"), f"{path}.name"),
                description=text(given.get("description") or "", f"{path}.description"),
                schema=members(given.get("schema", {}), f"{path}.schema"),
            )
        case _:
            raise wrong("response_format.type", "be one of text, json_object, json_schema")


def _read_tools(given: dict[str, Any]) -> tuple[tuple[Tool, ...], ToolChoice]:
    tools = tuple(_tool(each, f"tools.{at}") for at, each in enumerate(items(given.get("tools", []), "tools")))
    known = {tool.name for tool in tools}
    if len(known) != len(tools):
        raise wrong("tools", "give each tool its own name")
    choice, allowed = _tool_choice(given.get("tool_choice", "auto"))
    for name in allowed:
        if name not in known:
            raise wrong("tool_choice", "name tools that stand in 'tools'")
    if choice.kind == "required" and not tools:
        raise wrong("tools", "hold a tool when 'tool_choice' requires one")
    if allowed and choice.kind != "tool":
        tools = tuple(tool for tool in tools if tool.name in allowed)
    return tools, choice


def _tool(value: object, path: str) -> Tool:
    tool = members(value, path)
    if tool.get("type") != "function":
        raise InvalidRequest("Only tools of type 'function' can be sent on this route.", param=f"{path}.type")
    function = members(tool.get("function"), path, "function")
    name = named(function.get("name"), path, "function.name")
    if not TOOL_NAME.fullmatch(name):
        raise wrong(f"{path}.function.name", "be 1 to 64 letters, digits, '_' or '-'")
    schema = function.get("parameters")
    return Tool(
        name=name,
        description=text(function.get("description") or "", path, "function.description"),
        schema=members(schema, path, "function.parameters") if schema else {"type": "object", "properties": {}},
        strict=flag(function.get("strict") or False, path, "function.strict"),
        cache=read_cache(tool, path) or read_cache(function, f"{path}.function"),
    )


def _tool_choice(value: object) -> tuple[ToolChoice, tuple[str, ...]]:
    """The choice, and the names it speaks of (`allowed_tools` narrows the list without forcing one)."""
    kind = value["type"] if isinstance(value, dict) and value.keys() == {"type"} else value  # as Cursor writes it
    if kind in ("auto", "none", "required"):
        return ToolChoice(kind=kind), ()
    if not isinstance(value, dict) or value.get("type") not in ("function", "allowed_tools"):
        raise wrong("tool_choice", "be none, auto, required, a function or allowed_tools")
    if value["type"] == "function":
        name = named(members(value.get("function"), "tool_choice.function").get("name"), "tool_choice.function.name")
        return ToolChoice(kind="tool", name=name), (name,)
    path = "tool_choice.allowed_tools"
    allowed = members(value.get("allowed_tools"), path)
    if allowed.get("mode") not in ("auto", "required"):
        raise wrong(f"{path}.mode", "be auto or required")
    names = tuple(_allowed(each, f"{path}.tools.{at}") for at, each in enumerate(items(allowed.get("tools"), path)))
    if not names:
        raise wrong(f"{path}.tools", "name at least one tool")
    return ToolChoice(kind=allowed["mode"]), names


def _allowed(value: object, path: str) -> str:
    return named(members(members(value, path).get("function"), path).get("name"), f"{path}.function.name")
