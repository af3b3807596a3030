"""One active reader per purpose: work that runs while a lease is held and stops at once when it is not."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.bus.base import Bus
from libs.bus.lease import Lease, NowMs, acquire
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.telemetry.log import logger

TTL_MS = 5_000  # how long nobody reads after a reader was killed
_ASK_S = 0.5
_INSIST_S = 0.1


async def while_leased(bus: Bus, name: str, owner: str, now_ms: NowMs, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` whenever `name` is ours, for ever; it is cancelled when the lease ends. What it raises is raised."""
    while True:
        try:
            lease = await acquire(bus, name, owner, now_ms, TTL_MS)
        except (BusUnavailable, Overloaded):
            lease = None
        if lease is None:
            await asyncio.sleep(_ASK_S)
            continue
        logger().info("lease_taken", name=name, count=lease.epoch)
        try:
            await _until_ended(lease, work)
        finally:
            await lease.close()
        logger().warning("lease_ended", name=name)


async def _until_ended(lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
    working = asyncio.ensure_future(work())
    ended = asyncio.create_task(lease.ended())
    try:
        await asyncio.wait((working, ended), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        await stopped(working)
        await stopped(ended)


async def stopped(task: "asyncio.Future[None]") -> None:
    """Cancel until it is over: `asyncio.wait_for` loses a cancellation that meets its result (gh-86296, Python < 3.12)."""
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=_INSIST_S)
