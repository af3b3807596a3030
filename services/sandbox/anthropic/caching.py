"""The beginnings of a prompt that `cache_control` marks: checked, and as the prompt cache knows them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from services.sandbox.anthropic.shapes import Path, an_object, invalid, one_of, tagged
from services.sandbox.domain import Prefix, input_tokens

_MOST_MARKS = 4
_LOOK_BACK = 20  # blocks before a mark whose ends are tried too
_KEEP_S = {"5m": 300, "1h": 3600}
_NEVER = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """One block of the prompt, in the order in which it is read: tools, system, messages."""

    where: Path
    value: Mapping[str, Any]
    text_bytes: int
    role: str
    mark: Any


def prefixes_in(body: Mapping[str, Any], model: str, *, scoped: bool = False) -> tuple[Prefix, ...]:
    """Every marked end, and the ends of the blocks before it; `body` has been checked. Raises Refusal.

    `scoped`: a mark may say who shares what it keeps.
    """
    pieces = list(_pieces(body))
    if body.get("cache_control") is not None and pieces:
        last = max((i for i, piece in enumerate(pieces) if piece.value.get("type") not in _NEVER), default=0)
        piece = pieces[last]
        mark = piece.mark if piece.mark is not None else body["cache_control"]
        pieces[last] = _Piece(where="", value=piece.value, text_bytes=piece.text_bytes, role=piece.role, mark=mark)
    kept = _kept(pieces, {"type", "ttl", "scope"} if scoped else {"type", "ttl"})
    if not kept:
        return ()
    near = {k for i in kept for k in range(max(0, i - _LOOK_BACK), i + 1)}
    found = []
    so_far, size = sha256(model.encode()).digest(), 0
    for i, piece in enumerate(pieces[: max(kept) + 1]):
        bare = {name: value for name, value in piece.value.items() if name != "cache_control"}
        so_far = sha256(so_far + piece.role.encode() + orjson.dumps(bare)).digest()
        size += piece.text_bytes
        if i in near:
            found.append(Prefix(key=so_far, tokens=input_tokens(size), keep_s=kept.get(i, 0)))
    return tuple(found)


def text_bytes_in(body: Mapping[str, Any]) -> int:
    """All text of the system prompt and of the messages."""
    return sum(piece.text_bytes for piece in _pieces(body))


def _kept(pieces: Sequence[_Piece], members: set[str]) -> dict[int, int]:
    """How long each marked end is kept, in seconds."""
    kept: dict[int, int] = {}
    for i, piece in enumerate(pieces):
        if piece.mark is None:
            continue
        where = f"{piece.where}.cache_control".lstrip(".")
        if piece.value.get("type") in _NEVER:
            raise invalid(where, "Extra inputs are not permitted")
        tagged(piece.mark, ("ephemeral",), where)
        mark = an_object(piece.mark, f"{where}.ephemeral", members)
        seconds = _KEEP_S[one_of(mark.get("ttl") or "5m", _KEEP_S, f"{where}.ephemeral.ttl")]
        if kept and seconds > min(kept.values()):
            raise invalid(
                f"{where}.ttl",
                "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
                "Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
            )
        kept[i] = seconds
    if len(kept) > _MOST_MARKS:
        raise invalid("", f"A maximum of 4 blocks with cache_control may be provided. Found {len(kept)}.")
    return kept


def _pieces(body: Mapping[str, Any]) -> Iterator[_Piece]:
    for i, tool in enumerate(body.get("tools") or ()):
        yield _piece(tool, f"tools.{i}", "tools")
    system = body.get("system") or ()
    for i, block in enumerate([{"type": "text", "text": system}] if isinstance(system, str) else system):
        yield _piece(block, f"system.{i}", "system")
    for i, message in enumerate(body["messages"]):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for k, block in enumerate(blocks):
            yield _piece(block, f"messages.{i}.content.{k}", message["role"])


def _piece(value: Mapping[str, Any], where: Path, role: str) -> _Piece:
    return _Piece(where=where, value=value, text_bytes=_size(value), role=role, mark=value.get("cache_control"))


def _size(value: Mapping[str, Any]) -> int:
    """The bytes of text in a block: what it counts for."""
    match value.get("type"):
        case "text":
            return len(value["text"].encode())
        case "tool_result" | "search_result":
            return _held(value.get("content", ""))
        case "document":
            source = value["source"]
            return _held(source["data"] if source["type"] == "text" else source.get("content", ""))
        case _:
            return 0


def _held(content: str | Sequence[Mapping[str, Any]]) -> int:
    return len(content.encode()) if isinstance(content, str) else sum(map(_size, content))
