"""Marks of what to cache as Converse's cache points: for the models that take them, at most as many as they take."""

from typing import Any

from libs.dialects.form import Cache, Part, Reasoning, Request, ToolResult
from libs.dialects.models import ModelFlags

# AWS, "Prompt caching for faster model inference": four checkpoints a request; Nova takes none among its tools, and
# keeps them for five minutes only.
_MOST = 4


def point(mark: Cache, model: ModelFlags) -> list[dict[str, Any]]:
    """The block that stands behind the marked one."""
    if mark is Cache.NONE or not (model.claude or model.cache_points):
        return []
    lifetime = {"ttl": mark.value} if mark is Cache.LONG and model.claude else {}
    return [{"cachePoint": {"type": "default", **lifetime}}]


def mark_of(part: Part) -> Cache:
    """A result's content holds no points: its marks move behind the result."""
    match part:
        case ToolResult() if not part.cache:
            for inner in part.parts:
                if inner.cache:
                    return inner.cache
            return Cache.NONE
        case Reasoning():
            return Cache.NONE
        case _:
            return part.cache


def trimmed(request: Request, model: ModelFlags, body: dict[str, Any]) -> bool:
    """Keeps the last points: they cover the most, and a request with one too many would be refused.

    Whether a mark of the caller's came to nothing, or to less than was asked.
    """
    marks = [tool.cache for tool in request.tools] + [part.cache for part in request.system]
    marks += [mark_of(part) for turn in request.turns for part in turn.parts]
    asked = [mark for mark in marks if mark]
    if not asked:
        return False
    tools = body.get("toolConfig", {}).get("tools", [])
    lists = [tools, body.get("system", []), *(message["content"] for message in body["messages"])]
    points = sum(len(_points(each)) for each in lists)
    spare = points - _MOST
    for each in lists if spare > 0 else ():
        for at in reversed(_points(each)[: max(0, spare)]):
            del each[at]
            spare -= 1
    return min(points, _MOST) < len(asked) or (not model.claude and Cache.LONG in asked)


def _points(blocks: list[dict[str, Any]]) -> list[int]:
    return [at for at, block in enumerate(blocks) if "cachePoint" in block]
