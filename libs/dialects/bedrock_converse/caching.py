"""Marks of what to cache as Converse's cache points: for the models that take them, at most as many as they take."""

from typing import Any

from libs.dialects.form import Cache, Part, Request, ToolResult
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
    own = getattr(part, "cache", Cache.NONE)
    if own is Cache.NONE and isinstance(part, ToolResult):
        return next((inner.cache for inner in part.parts if inner.cache is not Cache.NONE), Cache.NONE)
    return own


def trim(body: dict[str, Any]) -> None:
    """Keeps the last points: they cover the most. A request with one too many would be refused."""
    tools = body.get("toolConfig", {}).get("tools", [])
    lists = [tools, body.get("system", []), *(message["content"] for message in body["messages"])]
    spare = sum(len(_points(each)) for each in lists) - _MOST
    for each in lists:
        for at in reversed(_points(each)[: max(0, spare)]):
            del each[at]
            spare -= 1


def left_out(request: Request, model: ModelFlags, body: dict[str, Any]) -> bool:
    """Whether a mark of the caller's came to nothing, or to less than was asked."""
    marks = [tool.cache for tool in request.tools] + [part.cache for part in request.system]
    marks += [mark_of(part) for turn in request.turns for part in turn.parts]
    asked = [mark for mark in marks if mark is not Cache.NONE]
    lists = [body.get("toolConfig", {}).get("tools", []), body.get("system", [])]
    kept = sum(len(_points(each)) for each in [*lists, *(message["content"] for message in body["messages"])])
    return kept < len(asked) or (not model.claude and Cache.LONG in asked)


def _points(blocks: list[dict[str, Any]]) -> list[int]:
    return [at for at, block in enumerate(blocks) if "cachePoint" in block]
