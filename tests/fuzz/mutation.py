"""Inputs changed so that they stay nearly right: members and values of the JSON in their lines, lines themselves."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Bytes = Callable[[bytes, int], bytes]  # an input and its longest length -> another
Place = tuple[Any, Any]  # a list or an object, and an index or a member of it

_DEEP = 300  # levels: orjson reads 1,024 and writes 254, which is why these inputs are written by json
_BY_BYTES = 0.35  # so often is an input changed without regard to what it says


def _nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"a": value}
    return value


VALUES: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 1,
    lambda: 429,
    lambda: 2**63,
    lambda: 1.5,
    lambda: 1e300,
    lambda: "",
    lambda: " ",
    lambda: "x",
    lambda: "é😀\u2028",
    lambda: "{",
    lambda: '{"a":',
    lambda: "}",
    lambda: "error",
    lambda: "text",
    lambda: "tool_use",
    lambda: "A" * 300,
    list,
    dict,
    lambda: [[]],
    lambda: [{}],
    lambda: {"": None},
    lambda: _nested(_DEEP),
)


def changed(data: bytes, most: int, seed: int, by_bytes: Bytes) -> bytes:
    """Another input of at most `most` bytes; the same for the same seed, as far as `by_bytes` is."""
    random = Random(seed)
    if random.random() < _BY_BYTES:
        return by_bytes(data, most)
    lines = data.split(b"\n")
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(lines))
        if random.random() < 0.25:
            _change_lines(lines, at, random)
        else:
            try:
                lines[at] = _changed_line(lines[at], random)
            except RecursionError:  # deeper than json goes by now
                return by_bytes(data, most)
    out = b"\n".join(lines)
    return out if 0 < len(out) <= most else by_bytes(data, most)


def _change_lines(lines: list[bytes], at: int, random: Random) -> None:
    other = random.randrange(len(lines))
    match random.randrange(4):
        case 0 if len(lines) > 1:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case _:
            del lines[at + 1 :]


def _changed_line(line: bytes, random: Random) -> bytes:
    start = min((place for place in (line.find(b"{"), line.find(b"[")) if place >= 0), default=-1)
    if start < 0:
        return line
    try:
        value = json.loads(line[start:])
    except ValueError:
        return line
    places = list(_places(value))
    if not places:
        return line
    for _ in range(random.randrange(1, 4)):
        _change(*random.choice(places), places, random)
    return line[:start] + json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _places(value: Any) -> Iterator[Place]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield value, name
            yield from _places(inner)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value, at
            yield from _places(inner)


def _change(holder: Any, at: Any, places: list[Place], random: Random) -> None:
    if at not in holder if isinstance(holder, dict) else at >= len(holder):
        return  # an earlier change took it away
    other, where = random.choice(places)
    there = other.get(where) if isinstance(other, dict) else other[where] if where < len(other) else None
    match random.randrange(7):
        case 0:
            del holder[at]
        case 1:
            holder[at] = [holder[at]]
        case 2 if isinstance(holder, list):
            holder.append(holder[at])
        case 3 if isinstance(holder, dict):
            holder[where if isinstance(where, str) else "x"] = holder.pop(at)
        case 4:
            holder[at] = json.loads(json.dumps(there))
        case 5 if isinstance(holder[at], str):
            holder[at] = holder[at][: len(holder[at]) // 2]
        case _:
            holder[at] = random.choice(VALUES)()


def random_bytes(seed: int) -> Bytes:
    """A plain change of bytes, for where no fuzzer is there to make one."""
    random = Random(seed)

    def change(data: bytes, most: int) -> bytes:
        changing = bytearray(data or b"\0")
        for _ in range(random.randrange(1, 6)):
            at = random.randrange(len(changing) + 1)
            match random.randrange(3):
                case 0:
                    changing[at:at] = random.randbytes(random.randrange(1, 5))
                case 1:
                    del changing[at : at + random.randrange(1, 9)]
                case _:
                    changing[at : at + 1] = random.choice((b"\n", b"\r", b'"', b"{", b"}", b"\\", b"\xff"))
        return bytes(changing[:most])

    return change
