"""Group commit: facts gather while the batch before them is on its way to the disk; one PubAck for many."""

import asyncio
import secrets
import time
from collections import deque

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, Overloaded, RecordUnavailable
from libs.contracts.members import member
from libs.contracts.northern.v1.facts_pb2 import Fact
from libs.contracts.subjects import fact as fact_subject
from libs.contracts.subjects import shard_of
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

_MAX_FACTS = 500
_MAX_BYTES = 512 << 10  # half of the broker's max_payload
_MAX_WAITING = 50_000  # facts of one kind; beyond it the process refuses work instead of growing
_ACK_S = 2.0


class FactPublisher:
    """Durable facts. `publish` answers a future that is done when the broker has them on disk.

    A batch that got no PubAck is sent again, the same bytes under the same message id, until it has one: a fact once
    taken is never dropped while the process lives. Raises RecordUnavailable when too many wait already.
    """

    def __init__(self, bus: Bus, metrics: Metrics) -> None:
        self._bus = bus
        self._metrics = metrics
        self._lanes: dict[tuple[str, int], _Lane] = {}

    def publish(self, kind: str, fact: Fact) -> "asyncio.Future[None]":
        place = (kind, shard_of(fact.tenant))
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(self._bus, self._metrics, kind, fact_subject(*place))
        return lane.add(fact)

    @property
    def waiting(self) -> int:
        """Facts without a PubAck yet."""
        return sum(lane.waiting for lane in self._lanes.values())

    async def close(self, deadline_s: float = 10.0) -> None:
        """Wait for every fact, at most that long."""
        lanes = [lane.drained() for lane in self._lanes.values()]
        if lanes:
            _, late = await asyncio.wait([asyncio.ensure_future(d) for d in lanes], timeout=deadline_s)
            for waiting in late:
                waiting.cancel()
        if self.waiting:
            logger().error("facts_not_stored", count=self.waiting)
        for lane in self._lanes.values():
            await lane.stop()


class _Lane:
    """One subject: one batch on its way at a time, so that its facts stay in order."""

    def __init__(self, bus: Bus, metrics: Metrics, kind: str, subject: str) -> None:
        self._bus, self._metrics, self._kind, self._subject = bus, metrics, kind, subject
        self._facts: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._on_its_way = 0
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run())

    @property
    def waiting(self) -> int:
        return len(self._facts) + self._on_its_way

    def add(self, fact: Fact) -> "asyncio.Future[None]":
        piece = member(fact.SerializeToString())
        if self.waiting >= _MAX_WAITING or len(piece) > _MAX_BYTES:  # too large a one would be sent again for ever
            raise RecordUnavailable(
                "the record cannot be written right now; try again in a moment", retry_after_ms=1000
            )
        done: asyncio.Future[None] = self._loop.create_future()
        self._facts.append((piece, done))
        self._empty.clear()
        self._arrived.set()
        return done

    async def drained(self) -> None:
        if self.waiting:
            await self._empty.wait()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._facts:
                await asyncio.sleep(0)  # whatever this turn of the loop still brings rides along
                batch, waiters = self._take()
                await self._store(batch)
                self._on_its_way = 0
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_result(None)
                self._metrics.count("facts_published_total", self._kind, by=len(waiters))
                self._metrics.count("fact_batches_total", self._kind)
                self._metrics.set("fact_queue", self.waiting, self._kind)
            self._empty.set()

    def _take(self) -> tuple[bytes, list["asyncio.Future[None]"]]:
        pieces: list[bytes] = []
        waiters: list[asyncio.Future[None]] = []
        size = 0
        while self._facts and len(pieces) < _MAX_FACTS:
            piece, done = self._facts[0]
            if pieces and size + len(piece) > _MAX_BYTES:
                break
            self._facts.popleft()
            pieces.append(piece)
            waiters.append(done)
            size += len(piece)
        self._on_its_way = len(waiters)
        return b"".join(pieces), waiters

    async def _store(self, batch: bytes) -> None:
        msg_id = secrets.token_hex(12)
        wait = 0.05
        began = time.perf_counter()
        while True:
            try:
                await self._bus.append(self._subject, batch, msg_id=msg_id, timeout_s=_ACK_S)
                self._metrics.observe("durable_publish_seconds", time.perf_counter() - began)
                return
            except (BusUnavailable, Overloaded):
                self._metrics.count("fact_retries_total")
                self._metrics.set("fact_queue", self.waiting, self._kind)
                await asyncio.sleep(wait)
                wait = min(1.0, wait * 2)
