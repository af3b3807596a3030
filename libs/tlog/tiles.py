"""The tree as tiles, the entries as bundles (https://c2sp.org/tlog-tiles): names, contents, hashes read back."""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from libs.tlog.merkle import HASH_BYTES, node_hash
from libs.tlog.refusals import Reason, Refused

WIDTH: Final = 256
HEIGHT: Final = 8  # a tile is a subtree of this height
LARGEST_ENTRY: Final = 65_535
_LEVELS: Final = 8  # of tiles: 2**64 leaves
_GROUP: Final = 1000
_PATH: Final = re.compile(r"tile/(entries|[0-7])/((?:x\d{3}/){0,6}\d{3})(?:\.p/([1-9]\d{0,2}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """The `index`-th tile of a level, `width` hashes wide; `level` -1: a bundle of as many entries."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Relative to the log's prefix."""
        parts, rest = [f"{self.index % _GROUP:03d}"], self.index // _GROUP
        while rest:
            parts.insert(0, f"x{rest % _GROUP:03d}")
            rest //= _GROUP
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        level = "entries" if self.level < 0 else str(self.level)
        return f"tile/{level}/{'/'.join(parts)}{suffix}"

    @classmethod
    def named(cls, path: str) -> "Tile":
        """The tile with this path, which has one spelling. Raises ValueError."""
        found = _PATH.fullmatch(path)
        if found is None:
            raise ValueError("no tile is called that")
        level, groups, width = found.groups()
        index = int(groups.replace("x", "").replace("/", ""))
        tile = cls(level=-1 if level == "entries" else int(level), index=index, width=int(width or WIDTH))
        if tile.path != path:
            raise ValueError("no tile is called that")
        return tile


def tiles_of(size: int, *, after: int = 0) -> Iterator[Tile]:
    """The tiles of a tree that differ from those of the tree of its first `after` leaves, bundles included."""
    for level in (-1, *range(_LEVELS)):
        shift = HEIGHT * max(0, level)
        count, before = size >> shift, after >> shift
        if not count:
            return
        if count == before:
            continue
        for index in range(before // WIDTH, -(-count // WIDTH)):
            yield Tile(level=level, index=index, width=min(WIDTH, count - index * WIDTH))


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as they lie in a bundle. Raises ValueError for one that is too large."""
    if any(len(entry) > LARGEST_ENTRY for entry in entries):
        raise ValueError(f"an entry has at most {LARGEST_ENTRY} bytes")
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def entries_in(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises Refused."""
    entries, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            raise Refused(Reason.MALFORMED_TILE, "a bundle of entries ends within a length")
        (size,) = struct.unpack_from(">H", data, at)
        at += 2
        if at + size > len(data):
            raise Refused(Reason.MALFORMED_TILE, "a bundle of entries ends within an entry")
        entries.append(data[at : at + size])
        at += size
    return entries


def hashes_in(data: bytes, tile: Tile) -> list[bytes]:
    """The hashes of a tile. Raises Refused where it has not its width."""
    if len(data) != tile.width * HASH_BYTES:
        raise Refused(Reason.MALFORMED_TILE, f"{tile.path} has {len(data)} bytes, not {tile.width * HASH_BYTES}")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


class Tiles:
    """Hashes of the complete subtrees of a tree of `size` leaves, out of its tiles.

    `read` gives the content of a tile. Levels between those that tiles hold are hashed anew. Raises what `read` raises,
    and Refused.
    """

    def __init__(self, size: int, read: Callable[[Tile], bytes], *, kept: int = 64) -> None:
        self.size, self._read = size, read
        self._tile = lru_cache(maxsize=kept)(self._loaded)

    def subtree(self, level: int, index: int) -> bytes:
        """`libs.tlog.merkle.Subtree`."""
        if (index + 1) << level > self.size:
            raise ValueError(f"the tree of {self.size} leaves has no complete subtree {index} of level {level}")
        tile_level, height = divmod(level, HEIGHT)
        at = (index << height) % WIDTH
        hashes = self._tile(tile_level, (index << height) // WIDTH)[at : at + (1 << height)]
        while len(hashes) > 1:
            hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def _loaded(self, level: int, index: int) -> list[bytes]:
        count = self.size >> HEIGHT * level
        tile = Tile(level=level, index=index, width=min(WIDTH, count - index * WIDTH))
        return hashes_in(self._read(tile), tile)
