"""Whether a log has only grown since a checkpoint was last seen: by its tiles, and by every entry added since."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from libs.tlog.checkpoint import Checkpoint
from libs.tlog.merkle import EMPTY, Frontier, leaf_hash, root
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import HEIGHT, WIDTH, Tile, Tiles, entries_in, hashes_in

Read = Callable[[Tile], Awaitable[bytes]]
T = TypeVar("T")
_KEPT: Final = 16  # tiles at the growing edge: one of each level


def nothing(origin: str) -> Checkpoint:
    """Before the first entry: what follows from here is read whole."""
    return Checkpoint(origin=origin, size=0, root=EMPTY)


async def begun(head: Checkpoint, read: Read) -> None:
    """A first look: nothing, where the tiles at the right edge are of the tree that was signed. Raises Refused."""
    frontier = await _by_tiles(head.size, read, lambda tiles: Frontier.of(head.size, tiles.subtree))
    if frontier.root() != head.root:
        raise Refused(Reason.INCONSISTENT, f"the tiles are not of the tree of {head.size} that was signed")


async def followed(old: Checkpoint, new: Checkpoint, read: Read) -> None:
    """Nothing, where `new` continues `old`, and tiles and entries are its own. Raises Refused, and what `read` raises.

    The tree that was seen is put together from today's tiles, then grown by today's entries: both roots must be those
    that were signed, and every tile's hash on the way that of what lies below it.
    """
    if new.size < old.size:
        await _no_fork(old, new, read)
        raise Refused(Reason.ROLLED_BACK, f"the log had {old.size} entries and now has {new.size}")
    if new.size == old.size:
        if new.root != old.root:
            raise Refused(Reason.INCONSISTENT, f"two different trees of {new.size} entries were signed")
        return
    frontier = await _by_tiles(new.size, read, lambda tiles: Frontier.of(old.size, tiles.subtree))
    if frontier.root() != old.root:
        raise Refused(Reason.INCONSISTENT, f"the tree of {new.size} does not begin with that of {old.size}")
    await _grown(frontier, new.size, read)
    if frontier.root() != new.root:
        raise Refused(Reason.INCONSISTENT, f"the entries are not those of the tree of {new.size} that was signed")


async def _no_fork(old: Checkpoint, new: Checkpoint, read: Read) -> None:
    """Nothing, where the smaller `new` may be a beginning of `old`. Raises Refused: INCONSISTENT where it is none.

    A replica that is behind has no tiles of the tree that was seen, so nothing is known yet: a later look will tell.
    """
    try:
        heads = await _by_tiles(
            old.size, read, lambda tiles: tuple(root(size, tiles.subtree) for size in (old.size, new.size))
        )
    except Refused as refused:
        if refused.reason is not Reason.MISSING_TILE:
            raise
        return
    if heads != (old.root, new.root):
        raise Refused(
            Reason.INCONSISTENT, f"the tree of {old.size} that was seen does not begin with that of {new.size}"
        )


async def _grown(frontier: Frontier, size: int, read: Read) -> None:
    hashes: dict[Tile, list[bytes]] = {}

    async def told(level: int, index: int) -> bytes:
        tile = _tile(level, index // WIDTH, size)
        if tile not in hashes:
            if len(hashes) >= _KEPT:
                hashes.clear()
            hashes[tile] = hashes_in(await read(tile), tile)
        return hashes[tile][index % WIDTH]

    for number in range(frontier.size // WIDTH, -(-size // WIDTH)):
        tile = _tile(-1, number, size)
        entries = entries_in(await read(tile))
        if len(entries) != tile.width:
            raise Refused(Reason.MALFORMED_TILE, f"{tile.path} has {len(entries)} entries, not {tile.width}")
        for entry in entries[frontier.size - number * WIDTH :]:
            for level, index, found in frontier.append(leaf_hash(entry)):
                if level % HEIGHT == 0 and found != await told(level // HEIGHT, index):
                    where = f"hash {index % WIDTH} of {_tile(level // HEIGHT, index // WIDTH, size).path}"
                    raise Refused(Reason.INCONSISTENT, f"{where} is not of the entries below it")


def _tile(level: int, index: int, size: int) -> Tile:
    count = size >> HEIGHT * max(0, level)
    return Tile(level=level, index=index, width=min(WIDTH, count - index * WIDTH))


async def _by_tiles(size: int, read: Read, work: Callable[[Tiles], T]) -> T:
    """What `work` makes of the tree's tiles; each is read when it is found to be missing."""
    held: dict[Tile, bytes] = {}
    tiles = Tiles(size, held.__getitem__)
    while True:
        try:
            return work(tiles)
        except KeyError as missing:
            wanted: Tile = missing.args[0]
            held[wanted] = await read(wanted)
