"""What a request says about thinking, sampling, tools and the form of its answer; each by model and by version."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.sandbox.anthropic.blocks import Rules, Transport
from services.sandbox.anthropic.shapes import (
    Json,
    a_flag,
    a_list,
    a_number,
    a_string,
    an_integer,
    an_object,
    invalid,
    matching,
    needed,
    needed_string,
    one_of,
    tagged,
)
from services.sandbox.domain import Choice, Tool

_TOOL = frozenset(
    """
    type name description input_schema cache_control strict defer_loading allowed_callers eager_input_streaming
    input_examples
    """.split()
)
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
# Tools that Anthropic runs or knows, with the day of their version: accepted, and called only when they are forced.
_HOSTED = re.compile(
    r"(bash|text_editor|memory|computer|computer_toolset|browser_toolset|web_search|web_fetch|code_execution"
    r"|tool_search_tool_(?:bm25|regex))_20\d{6}"
)
_RUN_BY_ANTHROPIC = ("web_search", "web_fetch", "code_execution")
_LEAST_BUDGET = 1024
_SAMPLING = ("temperature", "top_p", "top_k")
_THINKING_PAGE = (
    "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
)


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """`budgeted`: by a number of tokens, which brings rules of its own. `shown`: as text, not as a signature alone."""

    on: bool = False
    budgeted: bool = False
    shown: bool = True


def thinking_in(body: Json, rules: Rules) -> Thinking:
    given = body.get("thinking")
    if given is None:
        return Thinking()
    kind = tagged(given, ("enabled", "disabled", "adaptive", "between_tools"), "thinking")
    where = f"thinking.{kind}"
    more = {"enabled": {"budget_tokens", "display"}, "adaptive": {"display"}}.get(kind, set())
    config = an_object(given, where, {"type", *more})
    if kind in {"disabled", "between_tools"}:
        return Thinking()
    if rules.model.before(3, 7) or (kind == "adaptive" and rules.model.before(4, 6)):
        raise invalid("", f"{'adaptive thinking' if kind == 'adaptive' else 'thinking'} is not supported on this model")
    shown = not rules.model.since(4, 7)
    if config.get("display") is not None:
        shown = one_of(config["display"], ("summarized", "omitted"), f"{where}.display") == "summarized"
    if kind == "adaptive":
        return Thinking(on=True, shown=shown)
    if rules.model.since(4, 7):
        raise invalid(
            "",
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.',
        )
    budget = an_integer(needed(config, "budget_tokens", where), f"{where}.budget_tokens", _LEAST_BUDGET)
    if budget >= body.get("max_tokens", budget + 1):
        raise invalid("", f"`max_tokens` must be greater than `thinking.budget_tokens`. {_THINKING_PAGE}")
    return Thinking(on=True, budgeted=True, shown=shown)


def sampling_checked(body: Json, rules: Rules, thinking: Thinking) -> None:
    """Raises Refusal."""
    given = [name for name in _SAMPLING if body.get(name) is not None]
    for name in given:
        if rules.dated:
            raise invalid(name, "Extra inputs are not permitted")
        if name == "top_k":
            an_integer(body[name], name, 0)
        else:
            a_number(body[name], name, 0, 1)
        if rules.model.since(4, 7):
            raise invalid("", f"`{name}` is deprecated for this model.")
    if {"temperature", "top_p"} <= set(given) and rules.model.since(4, 1):
        raise invalid(
            "",
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        )
    if not thinking.on:
        return
    if body.get("temperature", 1) not in {1, None}:
        raise invalid(
            "", f"`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. {_THINKING_PAGE}"
        )
    if (body.get("top_p") or 1) < 0.95:  # noqa: PLR2004 - the documented limit
        raise invalid(
            "",
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled or in adaptive mode. "
            f"{_THINKING_PAGE}",
        )
    if "top_k" in given:
        raise invalid("", f"`top_k` must be unset when thinking is enabled or in adaptive mode. {_THINKING_PAGE}")


def tools_in(body: Json, rules: Rules) -> tuple[Tool, ...]:
    found: list[Tool] = []
    for i, tool in enumerate(a_list(body.get("tools") or [], "tools")):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and _HOSTED.fullmatch(kind):
            if rules.transport is Transport.BEDROCK and kind.startswith(_RUN_BY_ANTHROPIC):
                raise invalid(
                    f"tools.{i}", f"Input tag '{kind}' found using 'type' does not match any of the expected tags"
                )
            found.append(Tool(name=str(tool.get("name", "")), schema={"type": "object"}))
            continue
        if kind is not None:
            tagged(tool, ("custom",), f"tools.{i}")
        found.append(_tool(tool, f"tools.{i}.custom"))
    if len({tool.name for tool in found}) != len(found):
        raise invalid("tools", "Tool names must be unique.")
    return tuple(found)


def choice_in(body: Json, tools: Sequence[Tool], thinking: Thinking) -> tuple[Choice, str, bool]:
    """What is to be called, the one tool that is forced, and whether several may be called at once."""
    given = body.get("tool_choice")
    if given is None:
        return Choice.AUTO, "", True
    kind = tagged(given, ("auto", "any", "tool", "none"), "tool_choice")
    where = f"tool_choice.{kind}"
    more = {"tool": {"name", "disable_parallel_tool_use"}, "none": set[str]()}.get(kind, {"disable_parallel_tool_use"})
    choice = an_object(given, where, {"type", *more})
    if not tools:
        raise invalid("", "tool_choice may only be specified while providing tools.")
    single = a_flag(choice.get("disable_parallel_tool_use", False), f"{where}.disable_parallel_tool_use")
    if kind in {"any", "tool"} and thinking.on:
        raise invalid("", "Thinking may not be enabled when tool_choice forces tool use.")
    match kind:
        case "none":
            return Choice.NONE, "", True
        case "auto":
            return Choice.AUTO, "", not single
        case "any":
            return Choice.REQUIRED, "", not single
        case _:
            name = needed_string(choice, "name", where)
            if name not in {tool.name for tool in tools}:
                raise invalid("", f"Tool '{name[:64]}' not found in provided tools")
            return Choice.REQUIRED, name, not single


def schema_in(body: Json, rules: Rules) -> Mapping[str, Any] | None:
    """`output_config`: how hard to try, and the JSON schema of the answer."""
    given = body.get("output_config")
    if given is None:
        return None
    config = an_object(
        given, "output_config", {"effort", "format", "task_budget"} if rules.betas else {"effort", "format"}
    )
    if config.get("effort") is not None:
        if not rules.model.efforts:
            raise invalid("", "This model does not support the effort parameter.")
        one_of(config["effort"], rules.model.efforts, "output_config.effort")
    wanted = config.get("format")
    if wanted is None:
        return None
    tagged(wanted, ("json_schema",), "output_config.format")
    schema = needed(an_object(wanted, "output_config.format", {"type", "schema"}), "schema", "output_config.format")
    if rules.model.before(4, 1) or (rules.model.before(4, 5) and rules.model.line != "opus"):
        raise invalid("", f"'{rules.model.name[:64]}' does not support output format.")
    if not isinstance(schema, dict):
        raise invalid("output_config.format.schema", "Input should be a valid dictionary")
    _closed(schema, "output_config.format.schema")
    return schema


def stops_in(body: Json) -> tuple[str, ...]:
    given = a_list(body.get("stop_sequences") or [], "stop_sequences")
    stops = tuple(a_string(stop, f"stop_sequences.{i}") for i, stop in enumerate(given))
    if not all(stop.strip() for stop in stops):
        raise invalid("stop_sequences", "each stop sequence must contain non-whitespace")
    return stops


def _tool(value: Any, where: str) -> Tool:
    tool = an_object(value, where, _TOOL)
    name = matching(needed(tool, "name", where), _TOOL_NAME, f"{where}.name")
    if tool.get("description") is not None:
        a_string(tool["description"], f"{where}.description")
    schema = needed(tool, "input_schema", where)
    if not isinstance(schema, dict):
        raise invalid(f"{where}.input_schema", "Input should be a valid dictionary")
    one_of(needed(schema, "type", f"{where}.input_schema"), ("object",), f"{where}.input_schema.type")
    if a_flag(tool.get("strict") or False, f"{where}.strict"):
        _closed(schema, where)
    return Tool(name=name, schema=schema)


def _closed(schema: Any, where: str, depth: int = 0) -> None:
    """Where the answer must fit a schema, each object of it says what it may hold; raises Refusal."""
    if not isinstance(schema, dict) or depth > 64:  # noqa: PLR2004 - deeper than any schema that is meant
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise invalid(where, "For 'object' type, 'additionalProperties' must be explicitly set to false")
    for name in ("properties", "$defs", "definitions"):
        members = schema.get(name)
        for inner in members.values() if isinstance(members, dict) else ():
            _closed(inner, where, depth + 1)
    for name in ("anyOf", "allOf"):
        branches = schema.get(name)
        for inner in branches if isinstance(branches, list) else ():
            _closed(inner, where, depth + 1)
    _closed(schema.get("items"), where, depth + 1)
