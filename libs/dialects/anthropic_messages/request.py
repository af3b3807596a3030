"""Anthropic's Messages request as the caller writes it: members checked one by one, with their paths."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.anthropic_messages.messages import known, read_cache, read_messages, read_system
from libs.dialects.fields import flag, items, members, named, number, obj, seq, string, text, whole, wrong
from libs.dialects.form import AnswerFormat, Cache, Part, Reasoning, Request, Thinking, Tool, ToolChoice, Turn

EFFORTS = ("low", "medium", "high", "xhigh", "max")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TOOL = frozenset(
    "type name description input_schema strict cache_control eager_input_streaming input_examples defer_loading "
    "allowed_callers".split()
)
_TOOL_CHOICE = frozenset("type name disable_parallel_tool_use".split())
_THINKING = frozenset("type budget_tokens display".split())
_FORMAT = frozenset(("type", "schema"))
_LEAST_BUDGET = 1024
_AUTO, _UNASKED = ToolChoice(), Thinking()

# Members with a field of their own in the form, or that concern the gateway alone.
_READ = frozenset(
    "messages model stream system max_tokens tools tool_choice thinking output_config output_format stop_sequences "
    "metadata service_tier temperature top_p top_k cache_control".split()
)
# Hints: an answer given without them is still an answer to the request.
_HINTS = frozenset("context_management diagnostics fallbacks speed".split())
# Values that ask for nothing beyond what every answer is.
_NOTHING: dict[str, tuple[Any, ...]] = {
    "context_management": ({}, {"edits": []}),
    "diagnostics": ({},),
    "fallbacks": ([],),
    "mcp_servers": ([],),
    "speed": ("standard",),
}


def read_request(body: dict[str, Any], *, counting: bool = False) -> Request:
    """InvalidRequest names the member at fault. Unknown members are demands: nobody can say that they do not matter.

    `counting`: the body of a count_tokens call, which has no `max_tokens`.
    """
    given = {name: value for name, value in body.items() if value is not None} if None in body.values() else body
    hints, others = _beyond(given)
    hints |= _hints(given)
    system = read_system(given["system"], hints) if "system" in given else ()
    late, turns = read_messages(given.get("messages"), hints)
    tools = _read_tools(given["tools"], given.get("messages"), hints) if "tools" in given else ()
    choice, parallel = _tool_choice(given["tool_choice"], tools) if "tool_choice" in given else (_AUTO, True)
    output, demands = _output_config(given["output_config"]) if "output_config" in given else ({}, {})
    return Request(
        system=system + late,
        turns=_cached_to_the_end(turns, read_cache(given, "")) if "cache_control" in given else turns,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        max_tokens=None if counting and "max_tokens" not in given else _max_tokens(given.get("max_tokens")),
        temperature=number(given["temperature"], "temperature", 0, 1) if "temperature" in given else None,
        top_p=number(given["top_p"], "top_p", 0, 1) if "top_p" in given else None,
        top_k=whole(given["top_k"], "top_k", 0) if "top_k" in given else None,
        stop=_stop(given["stop_sequences"]) if "stop_sequences" in given else (),
        answer_format=_answer_format(output.get("format"), given.get("output_format")),
        thinking=_thinking(given.get("thinking"), output.get("effort"), hints),
        hints=hints,
        demands=demands | others,
    )


def _beyond(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What has no field in the form: hints and demands."""
    if given.keys() <= _READ:
        return {}, {}
    rest = {name: v for name, v in given.items() if name not in _READ and v not in _NOTHING.get(name, ())}
    hints = {name: v for name, v in rest.items() if name in _HINTS}
    return hints, {name: v for name, v in rest.items() if name not in hints}


def _stop(value: object) -> tuple[str, ...]:
    return tuple(named(each, f"stop_sequences.{at}") for at, each in enumerate(items(value, "stop_sequences")))


def _hints(given: dict[str, Any]) -> dict[str, Any]:
    """`user` and `service_tier` in OpenAI's words, and that there is other metadata."""
    hints: dict[str, Any] = {}
    if "metadata" in given:
        metadata = members(given["metadata"], "metadata")
        if metadata.get("user_id") is not None:
            hints["user"] = text(metadata["user_id"], "metadata.user_id")
        if any(name != "user_id" for name in metadata):
            hints["metadata"] = True
    match given.get("service_tier", "auto"):
        case "auto":
            pass
        case "standard_only":
            hints["service_tier"] = "default"
        case _:
            raise wrong("service_tier", "be one of auto, standard_only")
    return hints


def _max_tokens(value: object) -> int:
    if value == 0 and not isinstance(value, bool):
        told = "'max_tokens' of 0 warms Anthropic's cache, which this route does not have: ask for at least 1."
        raise InvalidRequest(told, param="max_tokens")
    return whole(value, "max_tokens", 1)


def _cached_to_the_end(turns: tuple[Turn, ...], cache: Cache) -> tuple[Turn, ...]:
    """A mark on the whole request is one on its last part that can carry one."""
    if not cache:
        return turns
    for at in range(len(turns) - 1, -1, -1):
        parts = list(turns[at].parts)
        for place in range(len(parts) - 1, -1, -1):
            if not isinstance(parts[place], Reasoning):
                parts[place] = _marked(parts[place], cache)
                return (*turns[:at], replace(turns[at], parts=tuple(parts)), *turns[at + 1 :])
    return turns


def _marked(part: Part, cache: Cache) -> Part:
    return part if isinstance(part, Reasoning) or part.cache else replace(part, cache=cache)


# --- thinking, structured answers ---------------------------------------------------------------------------------


def _thinking(value: object, effort: str | None, hints: dict[str, Any]) -> Thinking:
    """An effort without `thinking` asks for as much of it as the model takes that for, and to see none."""
    effort = effort or ""
    if value is None:
        return Thinking(kind="on", effort=effort, shown=False) if effort else _UNASKED
    given = members(value, "thinking")
    known(given, _THINKING, "thinking")
    if given.get("display") not in (None, "summarized", "omitted"):
        raise wrong("thinking.display", "be one of summarized, omitted")
    shown = given.get("display") != "omitted"
    match given.get("type"):
        case "enabled":
            budget = whole(given.get("budget_tokens"), "thinking.budget_tokens", _LEAST_BUDGET)
            return Thinking(kind="on", effort=effort, budget=budget, shown=shown)
        case "adaptive":
            return Thinking(kind="on", effort=effort, shown=shown)
        case "between_tools":
            hints["thinking"] = True
            return Thinking(kind="default", effort=effort, shown=shown)
        case "disabled":
            return Thinking(kind="off", effort=effort)
        case _:
            raise wrong("thinking.type", "be one of enabled, disabled, adaptive, between_tools")


def _output_config(value: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members that are known, and those that are demands."""
    config = {name: v for name, v in members(value, "output_config").items() if v is not None}
    if config.get("effort", "high") not in EFFORTS:
        raise wrong("output_config.effort", f"be one of {', '.join(EFFORTS)}")
    return config, {f"output_config.{name}": v for name, v in config.items() if name not in ("effort", "format")}


def _answer_format(value: object, older: object) -> AnswerFormat | None:
    """`output_format` is where the first betas had it. Other formats want a name, and Anthropic's has none."""
    path = "output_format" if value is None else "output_config.format"
    value = older if value is None else value
    if value is None:
        return None
    asked = members(value, path)
    known(asked, _FORMAT, path)
    if asked.get("type") != "json_schema":
        raise wrong(f"{path}.type", "be 'json_schema'")
    return AnswerFormat(kind="json_schema", name="answer", schema=members(asked.get("schema"), f"{path}.schema"))


# --- tools --------------------------------------------------------------------------------------------------------


def _read_tools(value: object, messages: object, hints: dict[str, Any]) -> tuple[Tool, ...]:
    """Those that the model is shown: a deferred one from when the caller's own search for tools has found it."""
    given = items(value, "tools")
    tools = tuple(_tool(each, f"tools.{at}", hints) for at, each in enumerate(given))
    if len({tool.name for tool in tools}) != len(tools):
        raise wrong("tools", "give each tool its own name")
    if not any(obj(each).get("defer_loading") for each in given):
        return tools
    found = set(_references(messages))
    return tuple(
        tool
        for tool, each in zip(tools, given, strict=True)
        if tool.name in found or not obj(each).get("defer_loading")
    )


def _references(messages: object) -> Iterator[str]:
    """The tools that were called, or that results name. What is not of its shape is somebody else's to refuse."""
    for message in seq(messages):
        for block in seq(obj(message).get("content")):
            if obj(block).get("type") == "tool_use":
                yield string(obj(block).get("name"))
            for inner in seq(obj(block).get("content")):
                if obj(inner).get("type") == "tool_reference":
                    yield string(obj(inner).get("tool_name"))


def _tool(value: object, path: str, hints: dict[str, Any]) -> Tool:
    tool = members(value, path)
    if tool.get("type") not in (None, "custom"):
        told = "Only tools of your own (type 'custom') can be sent on this route: Anthropic's run on its own routes."
        raise InvalidRequest(told, param=f"{path}.type")
    known(tool, _TOOL, path)
    flag(tool.get("defer_loading") or False, path, "defer_loading")
    if tool.get("allowed_callers") not in (None, [], ["direct"]):
        told = f"'{path}' is not called by the model directly, as this route would: choose one of Anthropic's."
        raise InvalidRequest(told, param=path)
    if tool.get("input_examples"):
        hints["input_examples"] = True
    name = named(tool.get("name"), path, "name")
    if not _TOOL_NAME.fullmatch(name):
        raise wrong(f"{path}.name", "be 1 to 128 letters, digits, '_' or '-'")
    return Tool(
        name=name,
        description=text(tool.get("description") or "", path, "description"),
        schema=members(tool.get("input_schema"), path, "input_schema"),
        strict=flag(tool.get("strict") or False, path, "strict"),
        cache=read_cache(tool, path),
    )


def _tool_choice(value: object, tools: tuple[Tool, ...]) -> tuple[ToolChoice, bool]:
    """The choice, and whether several calls at once are welcome."""
    choice = members(value, "tool_choice")
    known(choice, _TOOL_CHOICE, "tool_choice")
    parallel = not flag(choice.get("disable_parallel_tool_use") or False, "tool_choice.disable_parallel_tool_use")
    match choice.get("type"):
        case "auto":
            return _AUTO, parallel
        case "none":
            return ToolChoice(kind="none"), parallel
        case "any":
            if not tools:
                raise wrong("tools", "hold a tool when 'tool_choice' requires one")
            return ToolChoice(kind="required"), parallel
        case "tool":
            name = named(choice.get("name"), "tool_choice.name")
            if name not in {tool.name for tool in tools}:
                raise wrong("tool_choice.name", "name a tool that stands in 'tools'")
            return ToolChoice(kind="tool", name=name), parallel
        case _:
            raise wrong("tool_choice.type", "be one of auto, any, tool, none")
