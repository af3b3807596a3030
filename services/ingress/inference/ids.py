"""The request ids of this edge: issued under a leased slot, and under another one where that was lost."""

import asyncio
from collections.abc import Callable
from typing import Self

from libs.bus.base import Bus
from libs.bus.lease import SlotLease, lease_slot
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.ids import RequestIds
from libs.telemetry.log import logger

_RETRY_S = 0.5


class Ids:
    """Call it for an id; LookupError while there is no slot to issue it under. `now_ms` is Unix time."""

    def __init__(self, bus: Bus, owner: str, now_ms: Callable[[], int], lease: SlotLease) -> None:
        self._bus, self._owner, self._now_ms, self._lease = bus, owner, now_ms, lease
        self._issue = RequestIds(lease.slot, now_ms, lease.until_ms, lease.from_ms)
        self._keeping = asyncio.create_task(self._keep())

    @classmethod
    async def leased(cls, bus: Bus, owner: str, now_ms: Callable[[], int]) -> Self:
        """With a slot of its own. Raises BusUnavailable, Overloaded, and LookupError where all slots are held."""
        return cls(bus, owner, now_ms, await lease_slot(bus, owner, now_ms))

    async def close(self) -> None:
        """Give the slot back."""
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await self._lease.close()

    @property
    def held(self) -> bool:
        """Whether an id could be issued: the slot is ours, and was renewed in time."""
        return not self._lease.lost and self._now_ms() < self._lease.until_ms

    def __call__(self) -> str:
        if self._now_ms() >= self._lease.until_ms:  # which the issuer must not see: it never goes back
            raise LookupError("the lease of this id slot has run out")
        self._issue.until_ms = self._lease.until_ms
        return self._issue()

    async def _keep(self) -> None:
        """A broker that was away for longer than a lease lasts, and the slot is another's: take one that is free."""
        while True:
            await self._lease.taken()
            try:
                lease = await lease_slot(self._bus, self._owner, self._now_ms)
            except (BusUnavailable, Overloaded, LookupError) as error:
                logger().warning("id_slot_missing", error_type=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
                continue
            await self._lease.close()
            self._lease = lease
            self._issue.move(lease.slot, lease.until_ms, lease.from_ms)
            logger().info("id_slot_leased", name=lease.name)
