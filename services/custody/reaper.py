"""Closing what nobody else will: requests whose worker has gone silent get their Finished from here."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.contracts.northern.v1.street_pb2 import Beat
from libs.contracts.subjects import EVENTS, fact, shard_of
from libs.projection.loop import Projection
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.custody.domain import SILENT_S, OpenRequest, abandoned, closing, lost
from services.custody.reader import Records

_EVERY_S = 1.0
_STALL_S = 3.0  # a pause of our own longer than this: beats may lie unread, so nobody's silence is known
_CATCH_UP_S = 5.0
_AT_ONCE = 64


@dataclass(kw_only=True)
class Reaper:
    """Listens to the workers' beats and, while this process reads the facts, closes what lost ones left open.

    `now` is monotonic seconds, `now_ms` Unix time. Nothing is closed before 15 s of listening on one connection without
    a pause, nor before everything the stream held at the end of that time was read: a Finished that is there counts.
    """

    bus: Bus
    records: Records
    projection: Projection
    metrics: Metrics
    now: Callable[[], float]
    now_ms: Callable[[], int]
    heard: dict[str, float] = field(default_factory=dict)
    _since: float = field(default=0.0, init=False)
    _connects: int = field(default=-1, init=False)
    _looked: float = field(default=0.0, init=False)

    def hear(self, message: Message) -> None:
        """A beat; one that says `leaving` gets the same 15 s as any other last one."""
        try:
            self.heard[Beat.FromString(message.data).boot_id] = self.now()
        except DecodeError:
            return

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._close(await self.due())
            except (BusUnavailable, Overloaded) as error:
                logger().warning("reaper_waits", error_type=type(error).__name__)

    async def due(self) -> list[OpenRequest]:
        """What is to be closed now. Raises BusUnavailable, Overloaded."""
        now = self.now()
        if not self._listening(now) or not self._left(now):
            return []
        last = await self.bus.last_seq(EVENTS)
        for _ in range(round(_CATCH_UP_S / 0.1)):
            if self.projection.done >= last:
                return self._left(now)
            await asyncio.sleep(0.1)
            if not self._listening(self.now()):
                break
        return []

    def _left(self, now: float) -> list[OpenRequest]:
        """What nobody will close, as far as is known at `now`."""
        dead = lost(self.records.open, self.heard, self._since, now)
        return dead + [each for each in abandoned(self.records.open, self.now_ms()) if each not in dead]

    def _listening(self, now: float) -> bool:
        """Whether silence means anything; forgets workers that have been gone for long."""
        broken = not self.bus.connected or self.bus.connects != self._connects or now - self._looked > _STALL_S
        self._looked = now
        if broken:
            self._connects, self._since = self.bus.connects, now
        self.heard = {boot: at for boot, at in self.heard.items() if now - at < 4 * SILENT_S}
        return now - self._since >= SILENT_S

    async def _close(self, requests: Sequence[OpenRequest]) -> None:
        for first in range(0, len(requests), _AT_ONCE):
            async with asyncio.TaskGroup() as tasks:
                for request in requests[first : first + _AT_ONCE]:
                    tasks.create_task(self._close_one(request))
            if not self._listening(self.now()):
                return

    async def _close_one(self, request: OpenRequest) -> None:
        batch = FactBatch(facts=(closing(request, self.now_ms()),)).SerializeToString()
        subject = fact("finished", shard_of(request.tenant))
        try:
            await self.bus.append(subject, batch, msg_id=f"reaped-{request.request_id}")
        except (BusUnavailable, Overloaded) as error:
            # Still open, hence due again; should the first have been stored, its message id makes the second nothing.
            logger().warning("reaper_waits", error_type=type(error).__name__)
            return
        self.metrics.count("finished_reaped_total")
        logger().warning("request_reaped", request_id=request.request_id, tenant=request.tenant)
