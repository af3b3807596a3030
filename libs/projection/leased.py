"""One active reader per purpose: work that runs while a lease is held and stops at once when it is not."""

import asyncio
from collections.abc import Callable, Coroutine

from libs.bus.base import Bus
from libs.bus.lease import NowMs, acquire
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.projection.tasks import together
from libs.telemetry.log import logger

TTL_MS = 5_000  # how long nobody reads after a reader was killed
_ASK_S = 0.5


async def while_leased(
    bus: Bus,
    name: str,
    owner: str,
    now_ms: NowMs,
    work: Callable[[], Coroutine[None, None, None]],
    ttl_ms: int = TTL_MS,
) -> None:
    """Run `work` whenever `name` is ours, for ever; it is cancelled when the lease ends. What it raises is raised."""
    while True:
        try:
            lease = await acquire(bus, name, owner, now_ms, ttl_ms)
        except (BusUnavailable, Overloaded):
            lease = None
        if lease is None:
            await asyncio.sleep(_ASK_S)
            continue
        logger().info("lease_taken", name=name, count=lease.epoch)
        try:
            await together(work(), lease.ended())
        finally:
            await lease.close()
        logger().warning("lease_ended", name=name)
