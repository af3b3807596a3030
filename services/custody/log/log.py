"""The transparency log as this process can show it: the signed checkpoint, tiles, proofs out of them; signs nothing.

A replica shows a checkpoint once its own tiles reach it, so everything that a head promises can be read here. What is
shown never goes back, and is never other than what this process has computed from the leaves itself.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import orjson

from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.contracts.errors import NotFound
from libs.contracts.subjects import CHECKPOINTS
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from libs.tlog import merkle
from libs.tlog.checkpoint import Checkpoint, open_checkpoint
from libs.tlog.note import VerifierKey
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import Tile, Tiles
from services.custody.log.folder import covers
from services.custody.log.growth import Growth
from services.custody.patience import patiently

KEY: Final = "log"  # in the bucket
_WAITING: Final = 64  # signed checkpoints that our tiles have not reached yet


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A signed checkpoint whose tiles are here. `note` is served as it stands; `at_ms`: Unix time it was signed at."""

    checkpoint: Checkpoint  # origin, size, root
    note: str
    at_ms: int

    @property
    def encoded(self) -> bytes:
        """As the bucket and the folder keep it."""
        return orjson.dumps({"note": self.note, "at_ms": self.at_ms})

    @classmethod
    def decoded(cls, value: bytes, key: VerifierKey) -> "Head":
        """What `encoded` made, if `key` signed it. Raises Refused."""
        try:
            said = orjson.loads(value)
            note, at_ms = str(said["note"]), int(said["at_ms"])
        except (ValueError, KeyError, TypeError):
            raise Refused(Reason.MALFORMED_CHECKPOINT, "a checkpoint that was kept cannot be read") from None
        return cls(checkpoint=open_checkpoint(note, key)[0], note=note, at_ms=at_ms)


class Log:
    """What readers ask. Before the first checkpoint is signed there is no head, and nothing is sealed.

    `key`: the log's own, None where this process has not been told (then it has never a head). To see whether a leaf
    is sealed: `head.checkpoint.size > index`.
    """

    def __init__(self, *, bus: Bus, growth: Growth, key: VerifierKey | None, metrics: Metrics) -> None:
        self.key = key
        self._bus, self._growth, self._metrics = bus, growth, metrics
        self._head: Head | None = None
        self._ahead: dict[int, Head] = {}  # signed, by size; our tiles do not reach them yet
        self._told, self._shown = asyncio.Event(), asyncio.Event()
        self._wrong: Refused | None = None
        growth.listeners.append(self._told.set)

    def head(self) -> Head | None:
        """The newest signed checkpoint that can be proven from here."""
        return self._head

    async def covering(self, index: int, wait_s: float) -> Head | None:
        """The head once it has the leaf `index`; None where that takes longer than `wait_s`."""
        try:
            async with asyncio.timeout(wait_s):
                while (head := self._head) is None or head.checkpoint.size <= index:
                    await self._shown.wait()
        except TimeoutError:
            return None
        return head

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of the first `size`, from its sibling upwards. Raises ValueError.

        Reads a few files of 8 kB: about a millisecond.
        """
        return merkle.inclusion(index, size, self._tiles(size).subtree)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """What shows that the tree of `old` leaves is a prefix of that of `new`. Raises ValueError."""
        return merkle.consistency(old, new, self._tiles(new).subtree)

    def tile(self, path: str) -> bytes:
        """The content of `tile/<level>/<index>[.p/<width>]` or of `tile/entries/…`, which never changes.

        Raises NotFound for any other path and for what lies beyond the head.
        """
        try:
            tile = Tile.named(path)
        except ValueError:
            raise NotFound("the log has no tile of that name") from None
        head = self._head
        if head is None or not covers(tile, head.checkpoint.size):
            raise NotFound("the log has no tile of that name")
        return self._growth.folder.read(tile)

    async def open(self) -> None:
        """Compare what was signed, and what was shown from here, with the tree. Raises Refused: then nothing starts.

        To be called when the tree has every leaf that is on record.
        """
        shown = self._believed(await asyncio.to_thread(self._growth.folder.shown))
        entry = await patiently(lambda: self._bus.get(CHECKPOINTS, KEY))
        signed = self._believed(entry.value if entry else b"")
        if shown is not None and (signed is None or signed.checkpoint.size < shown.checkpoint.size):
            size = signed.checkpoint.size if signed else 0
            why = f"a checkpoint of {shown.checkpoint.size} leaves was shown from here; the last on record has {size}"
            raise Refused(Reason.ROLLED_BACK, why)
        for head in (shown, signed):
            if head is not None:
                self._growth.confirm(head.checkpoint)
        self._head = signed

    async def run(self) -> None:
        """Take up each checkpoint as it is signed and reached, for ever. Raises Refused: one is of another tree."""
        if self.key is None:
            await asyncio.Event().wait()
        watch = Watch(self._bus, CHECKPOINTS, self._signed, self._metrics)
        try:
            await watch.start(deadline_s=3600.0)
            while True:
                self._told.clear()
                await self._take_up()
                await self._told.wait()
        finally:
            await watch.close()

    def _signed(self, key: str, value: bytes | None) -> None:
        """Called by the watch. What is wrong is raised by `run`."""
        if key == KEY and value is not None and self.key is not None:
            try:
                head = Head.decoded(value, self.key)
            except Refused as refused:
                self._wrong = refused
            else:
                self._ahead[head.checkpoint.size] = head
                if len(self._ahead) > _WAITING:
                    del self._ahead[min(self._ahead)]
        self._told.set()

    async def _take_up(self) -> None:
        if self._wrong is not None:
            raise self._wrong
        reached = max((size for size in self._ahead if size <= self._growth.size), default=None)
        if reached is None:
            return
        head = self._ahead[reached]
        self._growth.confirm(head.checkpoint)
        self._ahead = {size: each for size, each in self._ahead.items() if size > reached}
        if self._head is not None and reached < self._head.checkpoint.size:
            logger().error("checkpoint_smaller", count=reached, expected=self._head.checkpoint.size)
            return
        await asyncio.to_thread(self._growth.folder.show, head.encoded, head.note)
        self._head = head
        self._metrics.set("log_size", reached, "signed")
        shown, self._shown = self._shown, asyncio.Event()
        shown.set()

    def _believed(self, value: bytes) -> Head | None:
        return Head.decoded(value, self.key) if value and self.key is not None else None

    def _tiles(self, size: int) -> Tiles:
        if size > self._growth.size:
            raise ValueError(f"the tree has no {size} leaves yet")
        return Tiles(size, self._growth.folder.read)
