"""Leases in the bucket `leases`: who may act for a while, decided by compare-and-set on one key.

A key holds {owner, epoch, expires_at_ms}. It is free where it never existed or its time is past by the asker's own
clock; keys are never left to the broker's own expiry, so the epoch only grows.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import orjson

from libs.bus.base import Bus, Conflict
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.ids import SLOTS
from libs.telemetry.log import logger

BUCKET = "leases"
SLOT_TTL_MS = 15_000
_RETRY_S = 0.5

NowMs = Callable[[], int]  # Unix milliseconds


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a key of the bucket says."""

    owner: str
    epoch: int
    expires_at_ms: int

    def encoded(self) -> bytes:
        return orjson.dumps({"owner": self.owner, "epoch": self.epoch, "expires_at_ms": self.expires_at_ms})

    @classmethod
    def decoded(cls, value: bytes) -> Self:
        said = orjson.loads(value)
        return cls(owner=said["owner"], epoch=said["epoch"], expires_at_ms=said["expires_at_ms"])


class Lease:
    """A lease that is held and renewed every third of its time until closed, or until another owner's claim is found.

    `until_ms` is the end of what was granted, in the holder's own clock, `from_ms` the end of what was granted to the
    holder before; `lost` says that somebody else holds it now. `epoch` is larger than that of every holder before.
    """

    def __init__(self, bus: Bus, name: str, now_ms: NowMs, ttl_ms: int) -> None:
        self._bus, self.name, self._now_ms, self._ttl_ms = bus, name, now_ms, ttl_ms
        self._claim = Claim(owner="", epoch=0, expires_at_ms=0)
        self._revision = 0
        self._deadline = 0.0  # of the loop's clock: a wall clock that steps does not prolong a lease
        self._gone = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None
        self.from_ms = self.until_ms = 0

    @property
    def epoch(self) -> int:
        return self._claim.epoch

    @property
    def lost(self) -> bool:
        return self._gone.is_set()

    async def ended(self) -> None:
        """Return when the lease is no longer ours: another took it, or it could not be renewed in time."""
        loop = asyncio.get_running_loop()
        while not self.lost and (left := self._deadline - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._gone.wait()
            except TimeoutError:
                continue

    async def taken(self) -> None:
        """Return when it is another's, or closed: from then on it cannot come back."""
        await self._gone.wait()

    async def close(self) -> None:
        """Stop renewing and give the lease back, where the broker can be reached."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
        if not self.lost:
            self._gone.set()
            # Never later than granted; never earlier than anything this clock has shown.
            now = min(self.until_ms, max(self._now_ms(), self.until_ms - self._ttl_ms) + 1)
            self.until_ms = now
            released = Claim(owner=self._claim.owner, epoch=self._claim.epoch, expires_at_ms=now)
            try:
                await self._bus.put(BUCKET, self.name, released.encoded(), revision=self._revision)
            except (BusUnavailable, Overloaded, Conflict):
                return

    async def _take(self, owner: str) -> bool:
        """Claim the key if it is free; False where another holds it or was quicker."""
        entry = await self._bus.get(BUCKET, self.name)
        before = Claim.decoded(entry.value) if entry else Claim(owner="", epoch=0, expires_at_ms=0)
        if before.expires_at_ms > self._now_ms():
            return False
        self._claim = Claim(owner=owner, epoch=before.epoch + 1, expires_at_ms=0)
        self.from_ms = before.expires_at_ms
        self._revision = entry.revision if entry else 0
        try:
            await self._extend()
        except Conflict:
            return False
        self._renewing = asyncio.create_task(self._renew(), name=f"lease-{self.name}")
        return True

    async def _extend(self) -> None:
        began = asyncio.get_running_loop().time()
        until = self._now_ms() + self._ttl_ms
        claim = Claim(owner=self._claim.owner, epoch=self._claim.epoch, expires_at_ms=max(until, self.until_ms))
        self._revision = await self._bus.put(BUCKET, self.name, claim.encoded(), revision=self._revision)
        self._claim, self.until_ms = claim, claim.expires_at_ms
        self._deadline = began + self._ttl_ms / 1000

    async def _renew(self) -> None:
        pause = self._ttl_ms / 3000
        while True:
            await asyncio.sleep(pause)
            pause = self._ttl_ms / 3000
            try:
                async with asyncio.timeout(self._ttl_ms / 3000):
                    await self._extend()
            except (BusUnavailable, Overloaded, TimeoutError):
                pause = min(_RETRY_S, pause)
            except Conflict:
                if not await self._still_ours():
                    self._gone.set()
                    logger().warning("lease_lost", name=self.name)
                    return
                pause = 0.0

    async def _still_ours(self) -> bool:
        """Whether the write that beat ours was our own, acknowledged too late for us to hear."""
        try:
            entry = await self._bus.get(BUCKET, self.name)
        except (BusUnavailable, Overloaded):
            return True  # not known: the next renewal asks again
        if entry is None:
            return False
        said = Claim.decoded(entry.value)
        if (said.owner, said.epoch) != (self._claim.owner, self._claim.epoch):
            return False
        self._revision = entry.revision
        return True


class SlotLease(Lease):
    """The slot of a replica's request ids. Ids from `from_ms` to below `until_ms` are this holder's whatever any clock
    says. Each renewal moves the end on; once `lost` it moves no more, and a new slot is needed.
    """

    def __init__(self, bus: Bus, slot: int, now_ms: NowMs) -> None:
        super().__init__(bus, f"slot.{slot}", now_ms, SLOT_TTL_MS)
        self.slot = slot


async def acquire(bus: Bus, name: str, owner: str, now_ms: NowMs, ttl_ms: int) -> Lease | None:
    """The lease, renewed from now on; None while another owner holds it. Raises BusUnavailable, Overloaded."""
    lease = Lease(bus, name, now_ms, ttl_ms)
    return lease if await lease._take(owner) else None  # noqa: SLF001 - the constructor of this module's own class


async def lease_slot(bus: Bus, owner: str, now_ms: NowMs, slots: Iterable[int] | None = None) -> SlotLease:
    """A free slot of 1,024, in random order unless `slots` says otherwise.

    Raises BusUnavailable, Overloaded, and LookupError when all are held.
    """
    for slot in random.sample(range(SLOTS), SLOTS) if slots is None else slots:
        lease = SlotLease(bus, slot, now_ms)
        if await lease._take(owner):  # noqa: SLF001 - as above
            return lease
    raise LookupError(f"all {SLOTS} id slots are held")
