"""The beginnings of a prompt that `cachePoint` blocks mark, as the prompt cache knows them."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from services.sandbox.bedrock.blocks import invalid, text_of
from services.sandbox.domain import Prefix, input_tokens

_KEEP_S = {"5m": 300, "1h": 3600}
_MOST = 4
_LOOK_BACK = 20  # blocks before a mark whose ends are tried too


def prefixes_in(body: Mapping[str, Any], model: str) -> tuple[Prefix, ...]:
    """Every marked end, and the ends of the blocks before it; `body` has been checked. Raises Refusal."""
    ends: list[Prefix] = []
    kept: dict[int, int] = {}
    so_far, size = sha256(model.encode()).digest(), 0
    for block in _blocks(body):
        if "cachePoint" in block:
            seconds = _seconds(block["cachePoint"])
            if ends:
                kept[len(ends) - 1] = seconds
            continue
        so_far = sha256(so_far + orjson.dumps(block)).digest()
        size += len(text_of([block]).encode())
        ends.append(Prefix(key=so_far, tokens=input_tokens(size), keep_s=0))
    if len(kept) > _MOST:
        raise invalid(f"A maximum of {_MOST} cachePoint blocks may be provided. Found {len(kept)}.")
    near = sorted({k for i in kept for k in range(max(0, i - _LOOK_BACK), i + 1)})
    return tuple(Prefix(key=ends[i].key, tokens=ends[i].tokens, keep_s=kept.get(i, 0)) for i in near)


def _blocks(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All blocks in the order in which they are read: tools, system, messages."""
    yield from (body.get("toolConfig") or {}).get("tools") or ()
    yield from body.get("system") or ()
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    for message in messages:
        for block in message["content"]:
            yield block if "cachePoint" in block else {**block, "role": message["role"]}


def _seconds(point: Any) -> int:
    if not isinstance(point, dict) or point.get("type") != "default" or set(point) - {"type", "ttl"}:
        raise invalid("The cachePoint block must have the type default, and may have a ttl.")
    ttl = point.get("ttl", "5m")
    if not isinstance(ttl, str) or ttl not in _KEEP_S:
        raise invalid("The ttl of a cachePoint block must be one of: 1h, 5m.")
    return _KEEP_S[ttl]
