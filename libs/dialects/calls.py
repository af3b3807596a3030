"""Names of tools and ids of calls as a provider takes them: names that fit its letters, an id for each call."""

import hashlib
import re
from dataclasses import replace

from libs.dialects.form import Part, Request, ToolCall, ToolResult, Turn

_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_KEPT = 55  # of a name that does not fit: with the digest behind it 64, which every provider takes


def fitted(request: Request, takes: re.Pattern[str]) -> tuple[Request, dict[str, str]]:
    """The request under names that the provider takes, and for each new name the caller's own."""
    odd = {name: _fitting(name) for name in _names(request) if not takes.fullmatch(name)}
    if not odd:
        return request, {}
    choice = request.tool_choice
    renamed = replace(
        request,
        tools=tuple(replace(tool, name=odd.get(tool.name, tool.name)) for tool in request.tools),
        tool_choice=replace(choice, name=odd.get(choice.name, choice.name)),
        turns=tuple(
            replace(turn, parts=tuple(_renamed(part, odd) for part in turn.parts)) if _calls(turn) else turn
            for turn in request.turns
        ),
    )
    return renamed, {new: old for old, new in odd.items()}


def told_apart(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Some servers count their calls anew in each answer: an id that was there before becomes one of its own."""
    ids = [part.id for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    if len(set(ids)) == len(ids):
        return turns
    seen: dict[str, int] = {}
    return tuple(replace(turn, parts=tuple(_numbered(part, seen) for part in turn.parts)) for turn in turns)


def _names(request: Request) -> set[str]:
    names = {part.name for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
    if request.tools:
        names.update([tool.name for tool in request.tools])
    return names


def _calls(turn: Turn) -> list[ToolCall]:
    return [part for part in turn.parts if isinstance(part, ToolCall)]


def _fitting(name: str) -> str:
    """The same for the same name, in this request and in the next."""
    base = _ODD.sub("_", name)
    if not base[:1].isalpha():  # Gemini's begin with a letter or '_'
        base = f"_{base}"
    return f"{base[:_KEPT]}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _renamed(part: Part, odd: dict[str, str]) -> Part:
    return replace(part, name=odd[part.name]) if isinstance(part, ToolCall) and part.name in odd else part


def _numbered(part: Part, seen: dict[str, int]) -> Part:
    """A result belongs to the last call of its id; `seen` counts the calls."""
    match part:
        case ToolCall():
            times = seen[part.id] = seen.get(part.id, 0) + 1
        case ToolResult():
            times = seen.get(part.id, 1)
        case _:
            return part
    return part if times == 1 else replace(part, id=f"{part.id}-{times}")
