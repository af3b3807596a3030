"""Owning a shard: from the lease to the first answer, and in order back to the next owner's."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from libs.bus.base import Bus, Subscription
from libs.bus.lease import Lease, acquire
from libs.bus.responder import Answering, answer
from libs.catalog.live import Live
from libs.contracts.errors import BusUnavailable, Overloaded, StoreUnavailable
from libs.contracts.subjects import ledger, query
from libs.ledger.seal import LedgerBroken
from libs.ledger.state import State
from libs.projection.loop import Projection
from libs.projection.tasks import stopped, together
from libs.store.base import StoreRefused
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.books.calls import calls_in
from services.billing.ledger.asked import open_soon
from services.billing.ledger.balances import Balances
from services.billing.ledger.counter import Counter
from services.billing.ledger.journal import Fenced, Journal
from services.billing.ledger.rules import Rules
from services.billing.ledger.settling import Settlements
from services.billing.ledger.shard import Shard
from services.billing.ledger.snapshots import Snapshots

LEASE_MS: Final = 4_000  # how long nobody owns the shard after an owner was killed, and a little more
_ASK_S: Final = 0.25
_CLAIMS: Final = 5
_COPY_S: Final = 1.0
_GATHER_S: Final = 0.03  # where many end, an ended request holds its credit for so long

# The last message of the journal that the second copy holds, sequence and seal; None where it holds none.
CopyHead = Callable[[], Awaitable[tuple[int, bytes] | None]]


@dataclass(kw_only=True)
class Ownership:
    """Takes the shard whenever it is free. `run` raises Fenced or LedgerBroken: then the process must end."""

    bus: Bus
    shard: int
    owner: str
    rules: Rules
    live: Live
    metrics: Metrics
    now_ms: Callable[[], int]
    copy_head: CopyHead
    owned: Shard | None = field(default=None, init=False)
    standing_by: bool = field(default=False, init=False)
    _closing: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _closed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    reading: Projection | None = field(default=None, init=False)

    @property
    def ready(self) -> bool:
        """Whether this process answers, or another does and this one waits for its turn."""
        return self.owned is not None or self.standing_by

    def keeps_up(self, within: int) -> bool:
        """Whether fewer than so many facts wait to be settled; true of one that stands by."""
        return self.reading is None or self.reading.keeps_up(within)

    async def run(self) -> None:
        """Own the shard whenever it is free, until `close`."""
        try:
            while not self._closing.is_set():
                await self._turn()
        finally:
            self._closed.set()

    async def _turn(self) -> None:
        try:
            lease = await acquire(self.bus, f"ledger.{self.shard}", self.owner, self.now_ms, LEASE_MS)
            self.standing_by = lease is None
            if lease is not None:
                await self._leased(lease)
        except (BusUnavailable, Overloaded) as error:
            self.standing_by = False
            logger().warning("shard_waits", error_type=type(error).__name__)
        if not self._closing.is_set():
            await asyncio.sleep(_ASK_S)

    async def close(self, deadline_s: float) -> None:
        """Have `run` end in order: no more is taken, what was taken is on record, the lease given back."""
        self._closing.set()
        try:
            async with asyncio.timeout(deadline_s):
                await self._closed.wait()
        except TimeoutError:
            logger().warning("shard_closed_late", reason="what waits could not be put on record in time")

    async def _leased(self, lease: Lease) -> None:
        logger().info("lease_taken", name=lease.name, count=lease.epoch)
        try:
            await together(self._own(lease.epoch), lease.ended())
        except LedgerBroken as broken:
            logger().error("ledger_broken", reason=str(broken))
            raise
        finally:
            self.owned = None
            self.metrics.set("ledger_owner", 0)
            await lease.close()
        if not self._closing.is_set():
            logger().warning("lease_ended", name=lease.name)

    async def _own(self, epoch: int) -> None:
        snapshots, journal = Snapshots(self.bus, self.shard), Journal(self.bus, self.shard)
        shard, balances = await self._claimed(epoch, snapshots, journal)
        settlements = Settlements(
            shard=shard, rules=self.rules, live=self.live, snapshots=snapshots, metrics=self.metrics
        )
        counter = Counter(self.bus, shard, self.rules)
        await together(
            shard.run(),
            balances.run(),
            counter.sweep(),
            self._serve(shard, counter, settlements),
        )

    async def _serve(self, shard: Shard, counter: Counter, settlements: Settlements) -> None:
        """Take what is asked and what is finished, until it is time to close; then see to it that all is on record."""
        self.reading = Projection(
            bus=self.bus,
            sink=settlements,
            metrics=self.metrics,
            purpose="billing",
            read=calls_in,
            linger_s=0.0,
            gather_s=_GATHER_S,
        )
        reading = asyncio.create_task(self.reading.run())
        self.rules.on_account = lambda tenant: open_soon(shard, self.rules, tenant)
        subscriptions: list[Subscription | Answering] = []
        try:
            subscriptions.append(await self.bus.subscribe(ledger(self.shard), counter.take))
            subscriptions.append(await answer(self.bus, query("billing", "credits"), "", counter.credits, limit=1000))
            self.owned = shard
            self.metrics.set("ledger_owner", 1)
            for tenant in sorted(self.rules.accounts.keys() - shard.state.accounts.keys()):
                open_soon(shard, self.rules, tenant)
            await together(self._closing_time(), _ended(reading))
        finally:
            self.rules.on_account = lambda _: None
            self.owned = None
            async with AsyncExitStack() as ending:  # a term that is cancelled lets go of all of it, too
                for subscription in subscriptions:
                    ending.push_async_callback(subscription.stop)
                await stopped(reading)
        await shard.close()
        await settlements.save()

    async def _closing_time(self) -> None:
        await self._closing.wait()

    async def _claimed(self, epoch: int, snapshots: Snapshots, journal: Journal) -> tuple[Shard, Balances]:
        """The ledger as the journal tells it, and the first batch of ours behind it. Raises Fenced, LedgerBroken."""
        for claims_left in reversed(range(_CLAIMS)):
            state = await self._rebuilt(snapshots, journal)
            balances = Balances(self.bus, state)
            shard = Shard(
                state=state,
                journal=journal,
                snapshots=snapshots,
                epoch=max(epoch, state.epoch + 1),
                now_ms=self.now_ms,
                metrics=self.metrics,
                on_record=balances.changed,
            )
            try:
                await shard.claim()
                return shard, balances
            except Fenced:  # the owner before us had one more batch on its way
                if not claims_left:
                    raise
        raise AssertionError("unreachable")

    async def _rebuilt(self, snapshots: Snapshots, journal: Journal) -> State:
        began = time.perf_counter()
        copied = asyncio.create_task(self._copied())
        try:
            state, seq = await snapshots.load()
            before = state.ops
            await journal.replay(state, seq, await copied)
        finally:
            copied.cancel()
        took = round((time.perf_counter() - began) * 1000)
        logger().info("ledger_rebuilt", count=state.ops - before, sequence=journal.seq, duration_ms=took)
        return state

    async def _copied(self) -> tuple[int, bytes] | None:
        """What the second copy knows of the journal; the ledger does not wait for a store that is away."""
        try:
            async with asyncio.timeout(_COPY_S):
                return await self.copy_head()
        except (TimeoutError, StoreUnavailable, StoreRefused) as error:
            logger().warning("journal_copy_not_asked", error_type=type(error).__name__)
            return None


async def _ended(task: "asyncio.Task[None]") -> None:
    await asyncio.wait([task])
    task.result()
