"""Buckets as accounts holds them: a watched copy that can be asked to be current, and changes by compare-and-set."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Final, Generic, Protocol, Self, TypeVar

from libs.auth.records import UnreadableRecord
from libs.bus.base import Bus, Conflict
from libs.bus.watch import Watch
from libs.contracts.errors import BusUnavailable, NotFound, Overloaded
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

_ATTEMPTS: Final = 24  # others who write the same record at the same moment
_CURRENT_S: Final = 3.0
_LOOK_S: Final = 0.002


class Record(Protocol):
    """A record that can be stored."""

    def to_bytes(self) -> bytes: ...

    @classmethod
    def from_bytes(cls, data: bytes) -> Self: ...


R = TypeVar("R", bound=Record)


class Held(Generic[R]):
    """One bucket: every readable record by its place, and grouped by the account it belongs to."""

    def __init__(self, bus: Bus, bucket: str, kind: type[R], owner: Callable[[R], str], metrics: Metrics) -> None:
        self._bus, self._bucket, self._kind, self._owner = bus, bucket, kind, owner
        self._records: dict[str, R] = {}
        self._by_tenant: dict[str, dict[str, R]] = {}
        self.watch = Watch(bus, bucket, self._keep, metrics)

    def get(self, place: str) -> R | None:
        return self._records.get(place)

    def everything(self) -> Mapping[str, R]:
        return self._records

    def of_tenant(self, tenant: str) -> Mapping[str, R]:
        """The records of one account, by place."""
        return self._by_tenant.get(tenant, {})

    async def current(self) -> None:
        """Return when the copy has what the bucket had at the moment of asking. Raises BusUnavailable."""
        wanted = await self._bus.last_seq(f"KV_{self._bucket}")
        try:
            async with asyncio.timeout(_CURRENT_S):
                while self.watch.seq < wanted:  # noqa: ASYNC110 - a copy is behind for a millisecond or two, if at all
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise BusUnavailable("accounts cannot be looked up right now; try again in a moment") from None

    async def create(self, place: str, record: R) -> int:
        """Store what is not there yet and answer its revision. Raises Conflict where something is."""
        return await self._bus.put(self._bucket, place, record.to_bytes(), revision=0)

    async def replace(self, place: str, record: R, revision: int) -> int:
        """Store under the condition that `revision` is still the last one; otherwise Conflict."""
        return await self._bus.put(self._bucket, place, record.to_bytes(), revision=revision)

    async def read(self, place: str) -> tuple[R, int]:
        """The record as the broker has it now, with its revision. Raises NotFound, also where it cannot be read."""
        entry = await self._bus.get(self._bucket, place)
        try:
            if entry is not None:
                return self._kind.from_bytes(entry.value), entry.revision
        except UnreadableRecord as error:
            logger().error("record_unreadable", bucket=self._bucket, reason=str(error))
        raise NotFound("There is nothing of that name.")

    async def change(self, place: str, decide: Callable[[R], R]) -> R:
        """Read, decide, compare-and-set; where somebody else wrote meanwhile, decide again on what they wrote.

        What `decide` raises ends it; the same record means that there is nothing to write. Raises NotFound.
        """
        for attempt in range(_ATTEMPTS):
            held, revision = await self.read(place)
            decided = decide(held)
            if decided == held:
                return held
            try:
                await self.replace(place, decided, revision)
            except Conflict:
                # A wait by chance, longer each time, so that those who collide part.
                await asyncio.sleep(random.random() * 0.002 * (attempt + 1))  # noqa: S311 - no secret
            else:
                return decided
        raise Overloaded("Others are changing the same thing. Try again.", retry_after_ms=200)

    async def remove(self, place: str) -> None:
        await self._bus.delete(self._bucket, place)

    def _keep(self, place: str, value: bytes | None) -> None:
        before = self._records.pop(place, None)
        if before is not None:
            self._by_tenant[self._owner(before)].pop(place, None)
        if value is None:
            return
        try:
            record = self._kind.from_bytes(value)
        except UnreadableRecord as error:
            logger().error("record_unreadable", bucket=self._bucket, reason=str(error))
            return
        self._records[place] = record
        self._by_tenant.setdefault(self._owner(record), {})[place] = record
