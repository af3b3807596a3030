"""The single writer of a shard: what arrives while a batch is on its way to the journal rides in the next one."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from libs.contracts.errors import BillingUnavailable, BusUnavailable, Overloaded
from libs.contracts.northern.v1.ledger_pb2 import Effect, Expire, LedgerResult, Settle
from libs.ledger.apply import Operation, apply
from libs.ledger.chain import Writing
from libs.ledger.state import State
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.ledger.journal import Journal
from services.billing.ledger.snapshots import Snapshots, packed

_MOST_OPS: Final = 500
_MOST_BYTES: Final = 384 << 10  # of operations; results and seal add less than a third
_MOST_WAITING: Final = 20_000  # entries; beyond it the process refuses work instead of growing
_TICK_MS: Final = 1_000  # how far the ledger's clock may lag behind while anything happens, or is due
_SNAPSHOT_OPS: Final = 100_000
# While several ask at once, batches begin no closer than this: what a batch costs, here, on the broker and on the disk,
# is what ten operations cost. One that asks alone never waits.
_PACE_S: Final = 0.004
_EFFECTS: Final = {number: name.removeprefix("EFFECT_").lower() for name, number in Effect.items()}


class Batch:
    """One message of the journal being written. The state moves as operations are applied to it."""

    def __init__(self, state: State, epoch: int, at_ms: int) -> None:
        self.state, self.at_ms = state, at_ms
        self._writing = Writing(state, epoch=epoch, at_ms=at_ms)
        self._read_to = state.stream_seq
        self.results: list[LedgerResult] = []
        self.touched: set[str] = set()  # accounts
        self.expired: LedgerResult | None = None

    def __len__(self) -> int:
        return len(self._writing)

    def apply(self, op: Operation) -> LedgerResult:
        """What came of it; it is true once the batch is on record. A repeat is answered as before and not written."""
        if not isinstance(op, Settle | Expire) and self.state.knows(op.op_id):
            return apply(self.state, op)
        if self.expired is None and self.at_ms - self.state.now_ms >= _TICK_MS:
            self.expire()  # what is remembered, and for how long, is reckoned from the ledger's own clock
        result = self._writing.apply(op)
        self.results.append(result)
        if not isinstance(op, Expire):
            self.touched.add(op.account)
        return result

    def expire(self) -> None:
        """Set the ledger's clock."""
        self.expired = LedgerResult()
        self.expired = self.apply(Expire(now_ms=self.at_ms))
        self.touched |= {self.state.requests[request].account.id for request in self.expired.expired}

    def read_to(self, stream_seq: int) -> None:
        """EVENTS is read up to here, in whole messages."""
        self._read_to = max(self._read_to, stream_seq)

    def seal(self) -> bytes:
        return self._writing.seal(self._read_to)


class Entry(Protocol):
    """What wants to be in the journal. `count` operations of `size` bytes in all, at most, in one batch."""

    @property
    def count(self) -> int: ...

    @property
    def size(self) -> int: ...

    def write(self, batch: Batch) -> None:
        """Apply to the batch; decide by the state as it is then."""

    def tell(self) -> Awaitable[None] | None:
        """The batch is on record."""


class Shard:
    """The ledger while this process owns it. What it was not able to put on record it never tells anybody."""

    def __init__(
        self,
        *,
        state: State,
        journal: Journal,
        snapshots: Snapshots,
        epoch: int,
        now_ms: Callable[[], int],
        metrics: Metrics,
        on_record: Callable[[set[str]], None] = lambda _: None,
    ) -> None:
        self.state, self._journal, self._snapshots = state, journal, snapshots
        self._epoch, self.now_ms, self._metrics, self._on_record = epoch, now_ms, metrics, on_record
        self._waiting: deque[Entry] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._taking = True
        self._saved_at = state.ops
        self._saving: asyncio.Task[None] | None = None

    def put(self, entry: Entry) -> None:
        """Have it written with the next batch. Raises BillingUnavailable where too much waits, or no more is taken."""
        if not self._taking or len(self._waiting) >= _MOST_WAITING:
            raise BillingUnavailable(
                "the account's books are busy right now; try again in a moment", retry_after_ms=1000
            )
        self._waiting.append(entry)
        self._idle.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Write for ever. Raises Fenced: another process owns the shard, so this one must end without another word."""
        busy, began = False, 0.0
        try:
            while True:
                await self._something()
                if busy and (wait := began + _PACE_S - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                began = time.perf_counter()
                busy = await self._commit() > 1
                if not self._waiting:
                    self._idle.set()
        finally:
            self._taking = False
            if self._saving is not None:
                self._saving.cancel()

    async def claim(self) -> None:
        """Write the first batch of this owner, behind which no other can write. Raises Fenced."""
        await self._commit(claiming=True)

    async def close(self) -> None:
        """Take no more, finish what waits, and leave a snapshot: the next owner begins there."""
        self._taking = False
        await self._idle.wait()
        if self._saving is not None:
            await self._saving
        if self.state.ops > self._saved_at:
            await self._save(packed(self.state), self._journal.seq)

    async def _something(self) -> None:
        """Return when there is an entry, or when a hold may have run out."""
        while not self._waiting and not self._due():
            self._arrived.clear()
            try:
                async with asyncio.timeout(_TICK_MS / 1000):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    def _due(self) -> bool:
        due = self.state.due
        return bool(due) and due[0][0] <= self.now_ms() and self.now_ms() > self.state.now_ms

    async def _commit(self, *, claiming: bool = False) -> int:
        """Write one batch, if there is something to write, and tell who waits for it; how many entries it had."""
        await asyncio.sleep(0)  # whatever this turn of the loop still brings rides along
        now_ms = self.now_ms()
        batch = Batch(self.state, self._epoch, now_ms)
        if claiming or self._due():
            batch.expire()
        written = self._write(batch)
        if len(batch):
            began = time.perf_counter()
            await self._journal.append(batch.seal())
            self._metrics.observe("ledger_commit_seconds", time.perf_counter() - began)
            self._counted(batch)
        for entry in written:
            telling = entry.tell()
            if telling is not None:
                await telling
        self._on_record(batch.touched)
        self._snapshot_at_times()
        return len(written)

    def _write(self, batch: Batch) -> list[Entry]:
        written: list[Entry] = []
        size = 0
        while self._waiting:
            entry = self._waiting[0]
            if written and (len(batch) + entry.count > _MOST_OPS or size + entry.size > _MOST_BYTES):
                break
            self._waiting.popleft()
            size += entry.size
            entry.write(batch)
            written.append(entry)
        return written

    def _counted(self, batch: Batch) -> None:
        if batch.expired is not None:
            self._ran_out(batch.expired)
        for outcome, times in Counter(result.code or _EFFECTS[result.effect] for result in batch.results).items():
            self._metrics.count("ledger_operations_total", outcome, by=times)
        self._metrics.count("ledger_batches_total")
        self._metrics.set("ledger_queue", len(self._waiting))

    def _ran_out(self, result: LedgerResult) -> None:
        if result.expired:
            # The detector of lost facts: in a street that loses nothing this stays at zero.
            self._metrics.count("holds_expired_total", by=len(result.expired))
            logger().warning("holds_expired", count=len(result.expired), request_id=result.expired[0])
        if result.unfinished:
            self._arrived.set()

    def _snapshot_at_times(self) -> None:
        if self.state.ops - self._saved_at < _SNAPSHOT_OPS or (self._saving and not self._saving.done()):
            return
        self._saved_at = self.state.ops
        self._saving = asyncio.create_task(self._save(packed(self.state), self._journal.seq))

    async def _save(self, raw: Awaitable[bytes], seq: int) -> None:
        began = time.perf_counter()
        try:
            await self._snapshots.save(await raw, seq)
        except (BusUnavailable, Overloaded) as error:
            logger().warning("snapshot_not_saved", error_type=type(error).__name__)
            return
        took = round((time.perf_counter() - began) * 1000)
        logger().info("snapshot_saved", sequence=seq, duration_ms=took)
