"""A log on a bus in memory: sequencer, tiles and signer as one process runs them, and facts to seal."""

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.bus.memory import MemoryBus
from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.custody_pb2 import Leaf, SealedBatch
from libs.contracts.northern.v1.facts_pb2 import Delivered, Egress, Fact, FactBatch, Finished, Outcome, Refused
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.contracts.subjects import TLOG
from libs.projection.tasks import stopped
from libs.telemetry.metrics import Metrics
from services.custody.log.folder import Folder
from services.custody.log.growth import Growth
from services.custody.log.log import Head, Log
from services.custody.log.publisher import Publisher
from services.custody.log.signer import FileSigner, verifier_key
from services.custody.log.witnesses import Witness, Witnesses
from services.custody.sealing.sequencer import Sequencer

SEED = b"k" * 32


_NUMBERS = itertools.count(secrets.randbits(16))


def new_id() -> str:
    """Never the same twice."""
    return f"{((time.time_ns() // 1_000_000 - EPOCH_MS) << 23) | next(_NUMBERS) % (1 << 23):016x}"


def egress(request_id: str, *, tenant: str = "t_one", salt: bytes = b"s" * 32) -> Fact:
    said = Egress(boot_id="w", route=RouteFacts(route_id="a/b", provider="P"), salt=salt, received_at_ms=1)
    return Fact(request_id=request_id, tenant=tenant, at_ms=1000, egress=said)


def finished(
    request_id: str, outcome: Outcome = Outcome.OUTCOME_COMPLETED, code: str = "", *, tenant: str = "t_one"
) -> Fact:
    said = Finished(boot_id="w", attempts=1, outcome=outcome, error_code=code)
    return Fact(request_id=request_id, tenant=tenant, at_ms=2000, finished=said)


def delivered(request_id: str, *, tenant: str = "t_one") -> Fact:
    return Fact(request_id=request_id, tenant=tenant, at_ms=2001, delivered=Delivered(status=200, size=7))


def refused(request_id: str, *, tenant: str = "t_one") -> Fact:
    return Fact(request_id=request_id, tenant=tenant, at_ms=1000, refused=Refused(code="residency_refused", rule="r"))


async def tell(bus: MemoryBus, *facts: Fact) -> None:
    """State facts, a message each."""
    for fact in facts:
        await bus.append(f"ev.{fact.WhichOneof('kind')}.0", FactBatch(facts=[fact]).SerializeToString())


async def ended(bus: MemoryBus, *ids: str) -> None:
    """State all there is of requests that ended well."""
    for request_id in ids:
        await tell(bus, egress(request_id), finished(request_id), delivered(request_id))


@dataclass(kw_only=True)
class Process:
    """What one process has of the log, while it runs."""

    bus: MemoryBus
    growth: Growth
    log: Log
    sequencer: Sequencer
    publisher: Publisher

    async def head(self, size: int, wait_s: float = 5.0) -> Head:
        """The head once it has that many leaves."""
        head = await self.log.covering(size - 1, wait_s)
        assert head is not None, f"{self.growth.size} leaves in the tiles, {size} wanted"
        return head


@dataclass(kw_only=True)
class Machine:
    """A bus and a folder that outlive processes. `skip_s` is how far the sequencer's monotonic clock is ahead."""

    bus: MemoryBus
    root: Path
    witnesses: Sequence[Witness] = ()
    quorum: int = 0
    skip_s: float = 0.0
    wall_ms: int = 0  # added to Unix time
    every_s: float = 0.01
    metrics: Metrics = field(default_factory=Metrics)

    def now(self) -> float:
        return time.monotonic() + self.skip_s

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.wall_ms

    def parts(self, folder: Folder | None = None) -> Process:
        """One process's parts, nothing opened."""
        signer = FileSigner(SEED)
        key = verifier_key(signer, "")
        growth = Growth(bus=self.bus, folder=folder or Folder(self.root), metrics=self.metrics)
        common: dict[str, Any] = {"bus": self.bus, "metrics": self.metrics}
        witnesses = Witnesses(witnesses=self.witnesses, deadline_s=1.0, metrics=self.metrics)
        return Process(
            bus=self.bus,
            growth=growth,
            log=Log(growth=growth, key=key, **common),
            sequencer=Sequencer(now=self.now, now_ms=self.now_ms, every_s=self.every_s, **common),
            publisher=Publisher(
                growth=growth,
                signer=signer,
                key=key,
                witnesses=witnesses,
                quorum=self.quorum,
                now_ms=self.now_ms,
                **common,
            ),
        )

    @asynccontextmanager
    async def running(self, *, leader: bool = True) -> AsyncIterator[Process]:
        """A process of it. Left, it is gone as after kill -9: nothing is said, nothing is finished."""
        process = self.parts()
        process.growth.folder.open()
        try:
            await process.growth.open()
            await process.log.open()
            loops = [process.growth.run(), process.log.run()]
            if leader:
                loops += [process.sequencer.run(), process.publisher.run()]
            tasks = [asyncio.create_task(loop) for loop in loops]
            try:
                yield process
            finally:
                await stopped(*tasks)
        finally:
            process.growth.folder.close()


async def in_log(bus: MemoryBus) -> list[Leaf]:
    """Every leaf, in order; that none is missing is checked on the way."""
    found: list[Leaf] = []
    last = await bus.last_seq(TLOG)
    if not last:
        return found
    async for messages in bus.follow(TLOG):
        for message in messages:
            batch = SealedBatch.FromString(message.data)
            assert batch.first_index == len(found)
            found += batch.leaves
            if message.seq == last:
                return found
    raise AssertionError("the stream ended early")
