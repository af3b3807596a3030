"""Signing: the head of the tree becomes a checkpoint, by one process at a time, never one that contradicts another."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from libs.bus.base import Bus, Conflict
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.subjects import CHECKPOINTS
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from libs.tlog import merkle
from libs.tlog.checkpoint import Checkpoint
from libs.tlog.merkle import extends
from libs.tlog.note import VerifierKey, signature_line
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import Tiles
from services.custody.log.growth import Growth
from services.custody.log.log import KEY, Head
from services.custody.log.signer import Signer, SigningFailed
from services.custody.log.witnesses import Witnesses
from services.custody.patience import patiently

_RETRY_S: Final = (0.2, 5.0)  # first and longest pause


@dataclass(kw_only=True)
class Publisher:
    """Run by the holder of the lease alone; what it writes is written by compare-and-set, so that two do no harm.

    `quorum`: of witnesses, without whom nothing is published.
    """

    bus: Bus
    growth: Growth
    signer: Signer
    key: VerifierKey
    witnesses: Witnesses
    quorum: int
    metrics: Metrics
    now_ms: Callable[[], int]

    async def run(self) -> None:
        """Sign each time the tree has grown, until another signs too. Raises Refused where signing would contradict.

        At first also where a witness is missing: one that is new need not wait until the log grows.
        """
        grown = asyncio.Event()
        self.growth.listeners.append(grown.set)
        try:
            last, revision = await self._last()
            signed = last.checkpoint if last else None
            lacking = last is not None and not self.witnesses.all_in(last.note)
            while True:
                grown.clear()
                if signed is None or self.growth.size != signed.size or lacking:
                    signed, revision = await self._publish(signed, revision)
                    lacking = False
                else:
                    await grown.wait()
        except Conflict:
            logger().warning("checkpoint_by_another")
        finally:
            self.growth.listeners.remove(grown.set)

    async def _last(self) -> tuple[Head | None, int]:
        entry = await patiently(lambda: self.bus.get(CHECKPOINTS, KEY))
        return (Head.decoded(entry.value, self.key), entry.revision) if entry else (None, 0)

    async def _publish(self, signed: Checkpoint | None, revision: int) -> tuple[Checkpoint, int]:
        """Sign what the tree is now, and write it down. Raises Conflict, Refused."""
        pause = _RETRY_S[0]
        while True:
            checkpoint = Checkpoint(origin=self.key.name, size=self.growth.size, root=self.growth.root)
            try:
                head = await self._signed(checkpoint, signed)
                if head is not None:
                    return checkpoint, await self._written(head, revision)
            except (BusUnavailable, Overloaded, SigningFailed) as error:
                logger().warning("checkpoint_waits", error_type=type(error).__name__, retry_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(_RETRY_S[1], pause * 2)

    async def _written(self, head: Head, revision: int) -> int:
        try:
            return await self.bus.put(CHECKPOINTS, KEY, head.encoded, revision=revision)
        except Conflict:
            entry = await self.bus.get(CHECKPOINTS, KEY)
            if entry is None or entry.value != head.encoded:
                raise
            return entry.revision  # ours, of a try whose answer did not arrive

    async def _signed(self, checkpoint: Checkpoint, signed: Checkpoint | None) -> Head | None:
        """None where too few witnesses have signed."""
        self._continues(checkpoint, signed)
        text = checkpoint.text
        note = f"{text}\n{signature_line(self.key, await self.signer.sign(text.encode()))}"
        tiles = Tiles(checkpoint.size, self.growth.folder.read)
        cosigned = await self.witnesses.cosigned(
            note, checkpoint, lambda old, new: merkle.consistency(old, new, tiles.subtree)
        )
        if cosigned.count("\n") < self.quorum:
            logger().warning("checkpoint_waits", reason="too few witnesses have signed it", count=cosigned.count("\n"))
            return None
        return Head(checkpoint=checkpoint, note=note + cosigned, at_ms=self.now_ms())

    def _continues(self, checkpoint: Checkpoint, signed: Checkpoint | None) -> None:
        """The one rule of signing: what is signed begins with what was. Proven, out of the tiles as they lie."""
        if signed is None:
            return
        if checkpoint.size < signed.size:
            why = f"a checkpoint of {signed.size} leaves is signed, and the log has {checkpoint.size}"
            raise Refused(Reason.ROLLED_BACK, why)
        tiles = Tiles(checkpoint.size, self.growth.folder.read)
        path = merkle.consistency(signed.size, checkpoint.size, tiles.subtree)
        if signed.size and not extends(signed.size, checkpoint.size, path, signed.root, checkpoint.root):
            raise Refused(Reason.INCONSISTENT, f"the tree does not begin with the signed one of {signed.size} leaves")
