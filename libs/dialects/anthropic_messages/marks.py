"""Cache marks of a request that passes through to a cloud, which takes them on blocks alone and without a scope."""

from collections.abc import Iterator
from typing import Any

from libs.dialects.fields import obj, seq

_MARK = b'"cache_control":{'  # in the edge's own writing
_UNMARKED = ("thinking", "redacted_thinking")


def may_be_refused(body: bytes) -> bool:
    """A search, no reading: whether a mark has a scope, or stands where the request's own would."""
    at = body.find(_MARK)
    while at >= 0:
        end = body.find(b"}", at)
        # A block's mark mostly is its last member: what follows then is the block's own end.
        if b'"scope"' in body[at:end] or body[end + 1 : end + 2] == b"," or end + 2 == len(body):
            return True
        at = body.find(_MARK, end)
    return False


def without_refused(body: dict[str, Any]) -> dict[str, Any]:
    """Without scopes; the mark of the whole request goes to its last block that can carry one, as it means."""
    for block in _blocks(body):
        if "scope" in obj(block.get("cache_control")):
            block["cache_control"] = _unscoped(block["cache_control"])
    if not isinstance(body.get("cache_control"), dict):
        return body
    mark, rest = _unscoped(body["cache_control"]), {name: v for name, v in body.items() if name != "cache_control"}
    for message in reversed(seq(rest.get("messages"))):
        if isinstance(said := obj(message).get("content"), str) and said.strip():
            message["content"] = [{"type": "text", "text": said}]
        for block in reversed(seq(obj(message).get("content"))):
            if isinstance(block, dict) and block.get("type") not in _UNMARKED:
                block.setdefault("cache_control", mark)
                return rest
    return rest


def _unscoped(mark: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in mark.items() if name != "scope"}


def _blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything that may carry a mark."""
    for each in (*seq(body.get("system")), *seq(body.get("tools")), *seq(body.get("messages"))):
        if isinstance(each, dict):
            yield each
            for block in seq(each.get("content")):
                if isinstance(block, dict):
                    yield block
                    yield from (inner for inner in seq(block.get("content")) if isinstance(inner, dict))
