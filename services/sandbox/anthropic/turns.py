"""The messages of a request in their order: roles, tool calls and their results, thinking before a tool loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from services.sandbox.anthropic.blocks import Block, Rules, read_content
from services.sandbox.anthropic.shapes import a_list, an_object, invalid, needed, one_of

_MOST = 100_000
_THOUGHT = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message; `index` is its place in the request."""

    index: int
    role: str
    blocks: tuple[Block, ...]


Run = Sequence[Turn]  # neighbours of one role: the API reads them as one


def read_turns(messages: Any, rules: Rules) -> Sequence[Turn]:
    """Every message checked, alone and in its place; raises Refusal."""
    listed = a_list(messages, "messages")
    if not listed:
        raise invalid("messages", "at least one message is required")
    if len(listed) > _MOST:
        raise invalid("messages", f"List should have at most {_MOST} items after validation, not {len(listed)}")
    turns = [_turn(message, i, len(listed), rules) for i, message in enumerate(listed)]
    if turns[0].role == "assistant":
        raise invalid("messages", 'first message must use the "user" role')
    _prefilled(turns[-1], rules)
    _tools_answered(runs(turns))
    return turns


def runs(turns: Sequence[Turn]) -> Sequence[Run]:
    return [list(run) for _, run in groupby(turns, key=lambda turn: turn.role)]


def thinking_first(turns: Sequence[Turn]) -> None:
    """With a thinking budget, a tool loop that is not at its end must begin with the thinking that began it.

    Raises Refusal.
    """
    found = runs(turns)
    begun = max((i for i, run in enumerate(found) if run[0].role == "user" and not _results(run)), default=-1)
    for turn in (turn for run in found[begun + 1 :] for turn in run if turn.role == "assistant" and turn.blocks):
        first = turn.blocks[0].kind
        if first not in _THOUGHT:
            raise invalid(
                f"messages.{turn.index}.content.0.type",
                f"Expected `thinking` or `redacted_thinking`, but found `{first}`. When `thinking` is enabled, "
                "a final `assistant` message must start with a thinking block (preceeding the lastmost set of "
                "`tool_use` and `tool_result` blocks). We recommend you include thinking blocks from previous "
                "turns. To avoid this requirement, disable `thinking`. Please consult our documentation at "
                "https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
            )
        return


def last_user(turns: Sequence[Turn]) -> tuple[Run, str]:
    """The last run of user messages, and the text of the last one that has some of its own."""
    users = [run for run in runs(turns) if run[0].role == "user"]
    texts = (_text(run) for run in reversed(users))
    return users[-1] if users else [], next((text for text in texts if text), "")


def _turn(value: Any, i: int, count: int, rules: Rules) -> Turn:
    where = f"messages.{i}"
    message = an_object(value, where, {"role", "content"})
    role = one_of(needed(message, "role", where), _roles(message.get("role")), f"{where}.role")
    if role == "system" and rules.model.before(4, 8):
        if rules.model.since(4, 7):
            raise invalid("", "role 'system' is not supported on this model")
        raise invalid(
            "messages",
            'Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
            'not "system" as an input message role.',
        )
    blocks = read_content(needed(message, "content", where), f"{where}.content", role, rules)
    if not blocks and not (role == "assistant" and i == count - 1):
        raise invalid(
            where,
            "user messages must have non-empty content"
            if role == "user"
            else "all messages must have non-empty content except for the optional final assistant message",
        )
    return Turn(index=i, role=role, blocks=blocks)


def _roles(given: Any) -> tuple[str, ...]:
    return ("user", "assistant", "system") if given == "system" else ("user", "assistant")


def _prefilled(last: Turn, rules: Rules) -> None:
    if last.role != "assistant":
        return
    if rules.model.since(4, 6):
        raise invalid(
            "",
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        )
    if last.blocks and last.blocks[-1].kind == "text" and last.blocks[-1].text != last.blocks[-1].text.rstrip():
        raise invalid("messages", "final assistant content cannot end with trailing whitespace")


def _tools_answered(found: Sequence[Run]) -> None:
    """Calls are answered at the start of the very next turn, each once; results answer calls of the turn before."""
    waiting: dict[str, int] = {}
    seen: set[str] = set()
    for run in found:
        if run[0].role == "user":
            _matched(run, waiting)
        _none_missing({call: i for call, i in waiting.items() if call not in _leading(run)})
        waiting = {}
        if run[0].role == "assistant":
            for turn in run:
                for block in turn.blocks:
                    if block.kind != "tool_use":
                        continue
                    if block.id in seen:
                        raise invalid("messages", "`tool_use` ids must be unique")
                    seen.add(block.id)
                    waiting[block.id] = turn.index
    _none_missing(waiting)


def _matched(run: Run, waiting: dict[str, int]) -> None:
    answered: set[str] = set()
    for turn in run:
        for k, block in enumerate(turn.blocks):
            if block.kind != "tool_result":
                continue
            where = f"messages.{turn.index}.content.{k}"
            if block.id not in waiting:
                raise invalid(
                    where,
                    f"unexpected `tool_use_id` found in `tool_result` blocks: {block.id}. Each `tool_result` block "
                    "must have a corresponding `tool_use` block in the previous message.",
                )
            if block.id in answered:
                raise invalid(
                    where,
                    f"each tool_use must have a single result. Found multiple `tool_result` blocks with id: {block.id}",
                )
            answered.add(block.id)


def _leading(run: Run) -> set[str]:
    """The calls that are answered before anything else is said."""
    found: set[str] = set()
    for block in (block for turn in run for block in turn.blocks):
        if block.kind != "tool_result":
            break
        found.add(block.id)
    return found


def _none_missing(waiting: dict[str, int]) -> None:
    if not waiting:
        return
    index = min(waiting.values())
    raise invalid(
        f"messages.{index}",
        f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(waiting)}. Each "
        "`tool_use` block must have a corresponding `tool_result` block in the next message.",
    )


def _results(run: Run) -> bool:
    return any(block.kind == "tool_result" for turn in run for block in turn.blocks)


def _text(run: Run) -> str:
    return "\n".join(block.text for turn in run for block in turn.blocks if block.kind == "text")
