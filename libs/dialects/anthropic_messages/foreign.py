"""Thoughts of other families in a history that passes through: taken out, for Claude refuses what it did not sign."""

from typing import Any

from libs.dialects.fields import obj, seq, string
from libs.dialects.signatures import PREFIX, unmarked

# A caller whose last answer came from elsewhere sends it back as it got it. Bodies come in the edge's own writing.
_TRACES = (b'"%b' % PREFIX.encode(), b'"signature":""')


def may_hold_foreign(body: bytes) -> bool:
    return any(trace in body for trace in _TRACES)


def without_foreign(body: dict[str, Any]) -> dict[str, Any]:
    """The request without them, and without messages of an assistant that held nothing else."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    return {**body, "messages": [kept for message in messages for kept in _own(message)]}


def _own(message: object) -> list[object]:
    """The message as it may go, or none."""
    content = obj(message).get("content")
    if obj(message).get("role") != "assistant" or not isinstance(content, list):
        return [message]
    kept = [block for block in seq(content) if not _is_foreign(obj(block))]
    if len(kept) == len(content):
        return [message]
    return [{**obj(message), "content": kept}] if kept else []


def _is_foreign(block: dict[str, Any]) -> bool:
    match block.get("type"):
        case "thinking":
            return not unmarked("", string(block.get("signature")))
        case "redacted_thinking":
            return not unmarked("", string(block.get("data")))
        case _:
            return False
