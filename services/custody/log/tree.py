"""The tree in memory: its right edge and the tiles that are not full yet; pure. Everything else lies in the folder."""

from collections.abc import Callable, Iterable, Iterator

from libs.tlog.merkle import Frontier, leaf_hash
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import HEIGHT, WIDTH, Tile, Tiles, bundle, entries_in, hashes_in, tiles_of

_ENTRIES = -1  # level of the bundles


class Tree:
    """Grows by entries. What it has grown by since `settle` is in `grown`, as tiles to be written."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._held: dict[tuple[int, int], list[bytes]] = {}  # hashes, or entries, by level and index of a tile
        self._settled = 0  # leaves whose tiles are written

    @classmethod
    def read(cls, size: int, read: Callable[[Tile], bytes]) -> "Tree":
        """The tree of which the tiles have `size` leaves. Raises what `read` raises, and Refused."""
        tree = cls()
        tree._frontier = Frontier.of(size, Tiles(size, read).subtree)
        tree._settled = size
        for tile in tiles_of(size):
            if tile.width == WIDTH:
                continue
            if tile.level == 0:
                sound(tile, size, read)  # its bundle is no part of the root, and is gone on from
            data = read(tile)
            tree._held[tile.level, tile.index] = entries_in(data) if tile.level < 0 else hashes_in(data, tile)
        return tree

    @property
    def size(self) -> int:
        return self._frontier.size

    def root(self) -> bytes:
        return self._frontier.root()

    def append(self, entries: Iterable[bytes]) -> None:
        """Take the next entries, each of them less than 64 KiB."""
        for entry in entries:
            self._hold(_ENTRIES, self._frontier.size, entry)
            for level, index, found in self._frontier.append(leaf_hash(entry)):
                if level % HEIGHT == 0:
                    self._hold(level // HEIGHT, index, found)

    def grown(self) -> Iterator[tuple[Tile, bytes]]:
        """The tiles that are other than when it was last settled, and their contents."""
        for tile in tiles_of(self.size, after=self._settled):
            held = self._held[tile.level, tile.index]
            yield tile, bundle(held) if tile.level == _ENTRIES else b"".join(held)

    def settle(self) -> None:
        """Everything that `grown` told is written: full tiles need not be kept here."""
        self._settled = self.size
        self._held = {place: held for place, held in self._held.items() if len(held) < WIDTH}

    def _hold(self, level: int, index: int, value: bytes) -> None:
        self._held.setdefault((level, index // WIDTH), []).append(value)


def sound(tile: Tile, size: int, read: Callable[[Tile], bytes]) -> None:
    """Nothing, where a tile of hashes is of its entries, on the lowest level, and a full one of the tile above it.

    Raises Refused, and what `read` raises.
    """
    hashes = hashes_in(read(tile), tile)
    if tile.width == WIDTH and _root(hashes) != Tiles(size, read).subtree(HEIGHT * (tile.level + 1), tile.index):
        raise Refused(Reason.MALFORMED_TILE, f"{tile.path} is not of the tile above it")
    below = Tile(level=_ENTRIES, index=tile.index, width=tile.width)
    if tile.level == 0 and [leaf_hash(entry) for entry in entries_in(read(below))] != hashes:
        raise Refused(Reason.MALFORMED_TILE, f"{below.path} is not of the tile above it")


def _root(hashes: Iterable[bytes]) -> bytes:
    frontier = Frontier()
    for each in hashes:
        frontier.append(each)
    return frontier.root()
