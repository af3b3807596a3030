"""The catalogue of a running service: one value, replaced as a whole once its edited files stand still and hold."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

from libs.catalog.load import CatalogError, files, load
from libs.catalog.model import Catalog

LOOK_S: Final = 1.0
_KEPT: Final = 8  # catalogues that are remembered: what began under one of them is charged by it
_AWAITED_S: Final = 5.0  # how long another process may have read a new catalogue before this one
_IN_VAIN: Final = 64

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Of each file its name, inode, time of its last change in nanoseconds, and size; -1 where it cannot be looked at."""

Swap = Callable[[], None]
"""Puts in place what was derived from a catalogue. It runs in the same turn of the loop as the catalogue's own swap."""

Prepare = Callable[[Catalog], Swap]
"""Derives from a catalogue what a service keeps of it; called in a thread. What it raises refuses the catalogue."""


class Live:
    """`current` is an attribute to be read once a request. It is replaced on the event loop alone.

    So whoever does not await between two looks sees one catalogue, and whoever keeps it has it to the end.
    """

    def __init__(self, current: Catalog) -> None:
        self.current = current
        self._known = {current.digest: current}
        self._in_vain: dict[str, None] = {}
        self._news = asyncio.Event()

    def swap(self, catalog: Catalog) -> None:
        """From now on this one."""
        self.current = catalog
        self._known.pop(catalog.digest, None)
        self._known[catalog.digest] = catalog
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        news, self._news = self._news, asyncio.Event()
        news.set()

    def under(self, digest: str) -> Catalog:
        """The catalogue that was current under this digest here; the current one where that is not remembered."""
        return self._known.get(digest, self.current)

    async def until(self, digests: Iterable[str]) -> None:
        """Wait a moment for what another process has read already; once for each, as it may never come here."""
        for digest in digests:
            if digest and digest not in self._known and digest not in self._in_vain:
                await self._wait(digest)

    async def _wait(self, digest: str) -> None:
        try:
            async with asyncio.timeout(_AWAITED_S):
                while digest not in self._known:
                    await self._news.wait()
        except TimeoutError:
            self._in_vain[digest] = None
            if len(self._in_vain) > _IN_VAIN:
                del self._in_vain[next(iter(self._in_vain))]


class Report(Protocol):
    """Who says what came of an edit."""

    def taken(self, before: Catalog, now: Catalog) -> None:
        """It holds, and is current from now on; `before` has the same digest where only other files changed."""

    def refused(self, problems: tuple[str, ...]) -> None:
        """It does not hold, for these reasons; the one before it stays. Said once for each state of the files."""


def nothing_else(_: Catalog) -> Swap:
    """Prepare of a service that keeps nothing derived."""
    return lambda: None


class Following:
    """Reads the folder at once, raising CatalogError, and then follows it. `also`: files beside the catalogue's own."""

    def __init__(self, folder: Path, *, also: tuple[str, ...] = ()) -> None:
        self._folder, self._also = folder, also
        # Before the first reading: what changes meanwhile is another state than this one, and is read again.
        self._seen = self._judged = fingerprint(folder, also)
        self.live = Live(load(folder))

    async def forever(self, report: Report, prepare: Prepare = nothing_else) -> None:
        """Look once a second."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look(report, prepare)

    async def look(self, report: Report, prepare: Prepare = nothing_else) -> None:
        """Take what has changed and has been still since the look before, or refuse it; both once."""
        marks = await asyncio.to_thread(fingerprint, self._folder, self._also)
        still, self._seen = marks == self._seen, marks
        if not still or marks == self._judged:
            return
        try:
            catalog, swap = await asyncio.to_thread(self._read, prepare)
            problems: tuple[str, ...] = ()
        except CatalogError as error:
            problems = error.problems
        except Exception as error:  # noqa: BLE001 - whatever an edit brings about must not end the following of it
            problems = (f"{self._folder}: {error}" if isinstance(error, ValueError) else type(error).__name__,)
        self._seen = await asyncio.to_thread(fingerprint, self._folder, self._also)
        if self._seen != marks:
            return  # written to while it was read: nothing of that counts
        self._judged = marks
        if problems:
            report.refused(problems)
            return
        before = self.live.current
        self.live.swap(catalog)
        swap()
        report.taken(before, catalog)

    def _read(self, prepare: Prepare) -> tuple[Catalog, Swap]:
        catalog = load(self._folder)
        return catalog, prepare(catalog)


def fingerprint(folder: Path, also: tuple[str, ...] = ()) -> Fingerprint:
    """What tells one state of the files from another without reading them. Never raises."""
    return tuple(_mark(path) for path in (*files(folder), *(folder / name for name in also)))


def _mark(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), -1, -1, -1
    return str(path), found.st_ino, found.st_mtime_ns, found.st_size
