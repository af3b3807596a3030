"""The tree as it grows: TLOG followed from where the tiles end, each message's leaves appended, tiles on disk."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, cast

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Stored
from libs.contracts.errors import BusUnavailable
from libs.contracts.northern.v1.custody_pb2 import SealedBatch
from libs.contracts.subjects import TLOG
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from libs.tlog import merkle
from libs.tlog.checkpoint import Checkpoint
from libs.tlog.merkle import HASH_BYTES
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import WIDTH, Tiles, tiles_of
from services.custody.log.folder import Folder, Reach, digest
from services.custody.log.tree import Tree, sound
from services.custody.patience import patiently

_RETRY_S: Final = (0.2, 5.0)  # first and longest pause, where the disk is full
_REOPEN_S: Final = 0.1
_CHECK_S: Final = 0.01  # between two tiles, each of a millisecond: nobody waits for this


@dataclass(kw_only=True)
class Growth:
    """`size` and `root` are of the tree whose tiles are on disk; `listeners` are called each time it has grown."""

    bus: Bus
    folder: Folder
    metrics: Metrics
    listeners: list[Callable[[], None]] = field(default_factory=list)
    size: int = field(default=0, init=False)
    root: bytes = field(default=merkle.EMPTY, init=False)
    seq: int = field(default=0, init=False)  # of TLOG, the last whose leaves are in the tree
    _tree: Tree = field(default_factory=Tree, init=False)

    async def open(self) -> None:
        """Read the tiles and take in everything that is on record now. Raises Refused: then nothing starts.

        Tiles that are damaged are made anew from TLOG; a TLOG that ends before them, or goes on otherwise, is refused.
        """
        reach = await asyncio.to_thread(self._read)
        last = await patiently(lambda: self.bus.last_seq(TLOG))
        if last < reach.seq:
            why = f"the tiles here hold message {reach.seq} of TLOG, which ends at {last}: the broker lost its tail"
            raise Refused(Reason.ROLLED_BACK, why)
        if reach.seq:
            found = await patiently(lambda: self._message(reach.seq))
            if digest(found.data) != reach.digest:
                raise Refused(Reason.INCONSISTENT, f"message {reach.seq} of TLOG is another than the one in the tiles")
        while self.seq < last:
            await patiently(lambda: self._follow(until=last))

    async def run(self) -> None:
        """Take in what comes, for ever."""
        while True:
            await patiently(self._follow)
            await asyncio.sleep(_REOPEN_S)  # the connection was made anew

    async def check(self) -> None:
        """Look through the full tiles, once: a start reads no more of them than their roots.

        Raises Refused or OSError where one is damaged: all are set aside, and the next start makes them anew.
        """
        size = self.size
        for tile in tiles_of(size):
            if tile.level < 0 or tile.width < WIDTH:
                continue
            try:
                await asyncio.to_thread(sound, tile, size, self.folder.read)
            except (Refused, OSError) as error:
                await asyncio.to_thread(self._damaged, error)
                raise
            await asyncio.sleep(_CHECK_S)

    def confirm(self, signed: Checkpoint) -> None:
        """Nothing, where `signed` is a head that our tree had. Raises Refused."""
        if signed.size > self.size:
            why = f"a checkpoint of {signed.size} leaves is signed, and the log has {self.size}"
            raise Refused(Reason.ROLLED_BACK, why)
        if merkle.root(signed.size, Tiles(signed.size, self.folder.read).subtree) != signed.root:
            raise Refused(Reason.INCONSISTENT, f"the signed checkpoint of {signed.size} leaves is of another tree")

    def _read(self) -> Reach:
        try:
            reach = self.folder.reach()
            tree = Tree.read(reach.size, self.folder.read)
            if reach.size and tree.root().hex() != reach.root:
                raise Refused(Reason.INCONSISTENT, "the tiles have another root than they had")  # noqa: TRY301
        except (Refused, OSError, ValueError, TypeError) as error:
            self._damaged(error)
            reach, tree = Reach(), Tree()
        self._tree, self.size, self.root, self.seq = tree, tree.size, tree.root(), reach.seq
        return reach

    def _damaged(self, error: Exception) -> None:
        logger().error("tiles_damaged", error_type=type(error).__name__, reason=str(error)[:200])
        self.folder.set_aside()

    async def _message(self, seq: int) -> Stored:
        async with aclosing(self._messages(seq - 1)) as batches:
            async for messages in batches:
                if messages and messages[0].seq == seq:
                    return messages[0]
                if messages:
                    raise Refused(Reason.INCONSISTENT, f"message {seq} of TLOG is gone")
        raise BusUnavailable("the connection ended while the log was read")

    async def _follow(self, until: int | None = None) -> None:
        async with aclosing(self._messages(self.seq)) as batches:
            async for messages in batches:
                if messages:
                    await self._grow(messages)
                if until is not None and self.seq >= until:
                    return

    def _messages(self, after: int) -> "AsyncGenerator[list[Stored], None]":
        return cast(AsyncGenerator[list[Stored], None], self.bus.follow(TLOG, after=after))

    async def _grow(self, messages: Sequence[Stored]) -> None:
        await asyncio.to_thread(self._append, messages)
        pause = _RETRY_S[0]
        while True:
            try:
                await asyncio.to_thread(self._write, messages[-1])
                break
            except OSError as error:  # a full disk: leaves are on record, and wait there
                logger().error("tiles_wait", error_type=type(error).__name__, retry_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(_RETRY_S[1], pause * 2)
        self.size, self.root, self.seq = self._tree.size, self._tree.root(), messages[-1].seq
        self.metrics.set("log_size", self.size, "tiles")
        for heard in self.listeners:
            heard()

    def _append(self, messages: Sequence[Stored]) -> None:
        for message in messages:
            try:
                batch = SealedBatch.FromString(message.data)
            except DecodeError:
                raise Refused(Reason.INCONSISTENT, f"message {message.seq} of TLOG cannot be read") from None
            if batch.first_index != self._tree.size:
                why = (
                    f"message {message.seq} of TLOG begins at leaf {batch.first_index}, after {self._tree.size} leaves"
                )
                raise Refused(Reason.INCONSISTENT, why)
            entries = [leaf.commitment for leaf in batch.leaves]
            if any(len(entry) != HASH_BYTES for entry in entries):
                raise Refused(Reason.INCONSISTENT, f"message {message.seq} of TLOG has a leaf that is none")
            self._tree.append(entries)

    def _write(self, last: Stored) -> None:
        tree = self._tree
        reach = Reach(size=tree.size, root=tree.root().hex(), seq=last.seq, digest=digest(last.data))
        self.folder.write(tree.grown(), reach)
        tree.settle()
