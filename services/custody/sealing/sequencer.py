"""The sequencer: reads EVENTS, and puts what is complete into the log, one batch after the other."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.northern.v1.custody_pb2 import SealedBatch
from libs.contracts.subjects import EVENTS
from libs.projection.base import Placed
from libs.projection.loop import Projection
from libs.projection.tasks import together
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.custody.patience import patiently
from services.custody.sealing.journal import Fenced, Journal
from services.custody.sealing.leaves import MOST_LEAVES, Batch, RandomBytes, sealed
from services.custody.sealing.requests import Requests

_LOOK_S: Final = 0.25  # how often what waits is looked at
_NOTHING_S: Final = 5.0
_GATHER_S: Final = 0.2  # of what a second may take, for fewer looks at a busy stream
_SLICE: Final = 50  # records made before others get their turn
_FULL: Final = 5 * MOST_LEAVES  # complete requests: more than this wait, and nothing more is read
_IDLE: Final = 50_000  # messages of EVENTS without a leaf: then a batch without leaves says how far it was read


@dataclass(kw_only=True)
class Sequencer:
    """One at a time, by lease and fence. `now` is monotonic seconds, `now_ms` Unix time, `every_s` between batches."""

    bus: Bus
    metrics: Metrics
    now: Callable[[], float]
    now_ms: Callable[[], int]
    every_s: float = 1.0
    random_bytes: RandomBytes = secrets.token_bytes
    running: bool = field(default=False, init=False)
    reading: Projection | None = field(default=None, init=False)

    def keeps_up(self, within: int) -> bool:
        """Whether fewer than so many messages of EVENTS wait to be read; true of one that stands by."""
        return self.reading is None or self.reading.keeps_up(within)

    async def run(self) -> None:
        """Seal until another does. Raises Refused where the log cannot be read."""
        self.running = True
        try:
            await self._term()
        except Fenced:
            logger().warning("sequencer_fenced")
        finally:
            self.running, self.reading = False, None

    async def _term(self) -> None:
        journal = Journal(self.bus)
        last = await patiently(journal.last)
        done = await patiently(lambda: journal.sealed(last.open_from))
        requests = Requests(done)
        requests.read = last.open_from - 1
        sink = _Sink(requests=requests, now=self.now)
        self.reading = Projection(
            bus=self.bus,
            sink=sink,
            metrics=self.metrics,
            purpose="sealing",
            linger_s=0.0,
            gather_s=_GATHER_S,
        )
        logger().info("sequencer_starts", count=last.first_index + len(last.leaves), sequence=last.open_from)
        await together(self.reading.run(), self._expire(sink, self.reading), self._seal(sink, journal, last))

    async def _expire(self, sink: "_Sink", reading: Projection) -> None:
        """Give up waiting for what did not come: once everything was read that stood there when it was due."""
        while True:
            await asyncio.sleep(_LOOK_S)
            now = self.now()
            if not sink.requests.overdue(now):
                continue
            try:
                last = await self.bus.last_seq(EVENTS)
            except (BusUnavailable, Overloaded):
                continue
            while reading.done < last:  # noqa: ASYNC110 - what is read meanwhile has an event, that all is read has none
                await asyncio.sleep(_LOOK_S)
            sink.requests.expire(now)
            sink.look()

    async def _seal(self, sink: "_Sink", journal: Journal, last: SealedBatch) -> None:
        requests, index, at_ms, read = sink.requests, last.first_index + len(last.leaves), last.at_ms, last.events_read
        due = self.now()
        while True:
            await sink.complete(max(0.0, due - self.now()))
            began = self.now()
            batch = await self._drawn(requests)
            # What found no room in the batch has waited already, and the next one need not be long.
            due = began if len(requests) else began + self.every_s
            sink.drawn()
            if not batch.leaves and requests.read - read < _IDLE:
                continue
            at_ms, read = (
                max(at_ms, self.now_ms()),
                max(read, requests.read),
            )  # neither goes back, whatever is read again
            sealing = SealedBatch(
                epoch=last.epoch + 1,
                at_ms=at_ms,
                first_index=index,
                leaves=batch.leaves,
                events_read=read,
                open_from=requests.open_from(),
            )
            if batch.leaves:
                sealing.records_seq = await journal.put_records(batch.encoded())
            await journal.append(sealing)
            index += len(batch.leaves)
            self.metrics.count("leaves_sealed_total", by=len(batch.leaves))
            self.metrics.set("log_size", index, "tlog")
            self.metrics.set("leaves_waiting", len(requests))

    async def _drawn(self, requests: Requests) -> Batch:
        """As many complete requests as fit."""
        batch = Batch()
        for number, request in enumerate(requests.next()):
            if not batch.add(sealed(request, self.now_ms(), self.random_bytes)):
                requests.back(request)
                break
            if batch.full:
                break
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        return batch


@dataclass(kw_only=True)
class _Sink:
    """libs.projection.base.Sink into the open requests; what is read again after a restart is in the log already."""

    requests: Requests
    now: Callable[[], float]
    _some: asyncio.Event = field(default_factory=asyncio.Event)
    _many: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def resume(self) -> int:
        return self.requests.read

    async def write(self, block: Sequence[Placed], token: str) -> int:  # noqa: ARG002 - nothing is written twice here
        while len(self.requests) >= _FULL:
            self._room.clear()
            await self._room.wait()
        now = self.now()
        for placed in block:
            self.requests.take(placed, now)
        self.look()
        return 0

    def look(self) -> None:
        """Something may be complete."""
        if len(self.requests):
            self._some.set()
        if len(self.requests) >= MOST_LEAVES:
            self._many.set()

    async def complete(self, pause_s: float) -> None:
        """Return when something is complete and the pause is over; sooner with a whole batch, later with nothing."""
        await _within(pause_s, self._many)
        await _within(_NOTHING_S, self._some)

    def drawn(self) -> None:
        """A batch was taken out."""
        waiting = len(self.requests)
        if not waiting:
            self._some.clear()
        if waiting < MOST_LEAVES:
            self._many.clear()
        if waiting < _FULL:
            self._room.set()


async def _within(seconds: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
