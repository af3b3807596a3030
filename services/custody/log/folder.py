"""The tiles as plain files, and beside them how far they reach: written whole, synced, then renamed to their names.

    tile/…       as https://c2sp.org/tlog-tiles names them: any web server can serve them as they lie
    checkpoint   the signed note that was last shown from here
    shown.json   the same, and when it was signed
    reach.json   how many leaves the tiles have, and which message of TLOG was the last; written after them

A power cut leaves tiles that reach further than `reach.json` says; they are written again, with the same contents.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from libs.tlog.merkle import HASH_BYTES
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import HEIGHT, WIDTH, Tile, bundle, entries_in

_REACH: Final = "reach.json"
_SHOWN: Final = "shown.json"
_CHECKPOINT: Final = "checkpoint"
_MANY: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far the tiles go: `seq` of the last message of TLOG in them, and SHA-256 of its data, as hex."""

    size: int = 0
    root: str = ""
    seq: int = 0
    digest: str = ""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Folder:
    """One replica's tiles. Blocks: for a thread, but for `read`, which reads a file of 8 kB."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = -1

    def open(self) -> None:
        """Make the folder and lock it for this process. Raises BlockingIOError where another works in it."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise
        self._lock = fd

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def reach(self) -> Reach:
        """What the tiles hold; nothing where there are none. Raises ValueError, TypeError where it cannot be read."""
        try:
            return Reach(**orjson.loads((self.root / _REACH).read_bytes()))
        except FileNotFoundError:
            return Reach()

    def read(self, tile: Tile) -> bytes:
        """A tile, out of a wider one where that is what there is. Raises Refused: MISSING_TILE, MALFORMED_TILE."""
        exact = self._data(tile, tile.width)
        if exact is not None:
            return exact
        for width in self._wider(tile):
            data = self._data(tile, width)
            if data is not None:
                return _narrowed(data, tile)
        raise Refused(Reason.MISSING_TILE, f"{tile.path} is not there")

    def _data(self, tile: Tile, width: int) -> bytes | None:
        try:
            return (self.root / Tile(level=tile.level, index=tile.index, width=width).path).read_bytes()
        except FileNotFoundError:
            return None

    def _wider(self, tile: Tile) -> list[int]:
        """Widths of the same tile that may be there: a tree that grew by many leaves at once has not had each one."""
        partial = (self.root / Tile(level=tile.level, index=tile.index, width=1).path).parent
        try:
            widths = sorted(int(path.name) for path in partial.iterdir() if path.name.isdigit())
        except FileNotFoundError:
            widths = []
        return [*(width for width in widths if width > tile.width), WIDTH]

    def write(self, tiles: Iterable[tuple[Tile, bytes]], reach: Reach) -> None:
        """On disk, all of it, when this returns; cut short, `reach` is still that of before."""
        folders: set[Path] = set()
        paths: list[Path] = []
        full: list[Path] = []
        for tile, data in tiles:
            path = self.root / tile.path
            folders |= _made(path.parent, self.root) | {path.parent}
            paths.append(path)
            _write(_fresh(path), data, sync=False)
            if tile.width == WIDTH:
                full.append(path)
        _sync_all(_fresh(path) for path in paths)
        for path in paths:
            _fresh(path).replace(path)
        _sync_all(folders)
        _replace(self.root / _REACH, orjson.dumps(asdict(reach)))
        _sync(self.root)
        for path in full:  # what its narrower forms hold is read out of it from now on
            shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)

    def shown(self) -> bytes:
        """What `show` was last given; empty where it never was."""
        try:
            return (self.root / _SHOWN).read_bytes()
        except FileNotFoundError:
            return b""

    def show(self, kept: bytes, note: str) -> None:
        """Keep what is shown from now on: after a restart nothing smaller may be."""
        _replace(self.root / _SHOWN, kept)
        _replace(self.root / _CHECKPOINT, note.encode())
        _sync(self.root)

    def set_aside(self) -> None:
        """Begin anew: the tiles, which are not what they should be, lie under another name. `shown` stays."""
        aside = self.root / "tile.damaged"
        shutil.rmtree(aside, ignore_errors=True)
        if (self.root / "tile").exists():
            (self.root / "tile").rename(aside)
        (self.root / _REACH).unlink(missing_ok=True)
        _sync(self.root)


def covers(tile: Tile, size: int) -> bool:
    """Whether a tree of so many leaves has this tile."""
    return tile.index * WIDTH + tile.width <= size >> HEIGHT * max(0, tile.level)


def _narrowed(data: bytes, tile: Tile) -> bytes:
    if tile.level >= 0:
        return data[: tile.width * HASH_BYTES]
    return bundle(entries_in(data)[: tile.width])


def _made(folder: Path, root: Path) -> set[Path]:
    """Make a folder; those whose entries changed by it."""
    if folder.exists():
        return set()
    changed = _made(folder.parent, root) if folder != root else set()
    folder.mkdir(mode=0o755, exist_ok=True)
    return changed | {folder.parent}


def _replace(path: Path, data: bytes) -> None:
    _write(_fresh(path), data, sync=True)
    _fresh(path).replace(path)


def _fresh(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _write(path: Path, data: bytes, *, sync: bool) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)


def _sync_all(paths: Iterable[Path]) -> None:
    """Files and folders, one by one; of very many at once, as when all tiles are made anew, the whole machine."""
    listed = list(paths)
    if len(listed) > _MANY:
        os.sync()
        return
    for path in listed:
        _sync(path)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
