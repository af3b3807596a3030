"""The books of a test: the real store, a bus in memory with a journal and facts on it, projections that come and go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.bus.memory import MemoryBus
from libs.catalog.live import Live
from libs.catalog.load import load
from libs.contracts.northern.v1.facts_pb2 import Fact
from libs.contracts.northern.v1.ledger_pb2 import OpenAccount, Settle
from libs.ledger.apply import Operation
from libs.ledger.chain import Writing
from libs.ledger.state import State
from libs.projection.tasks import stopped
from libs.store.clickhouse import ClickHouseStore
from libs.telemetry.metrics import Metrics
from services.billing.books.calls import Calls
from services.billing.books.projections import Projections
from services.billing.books.reconcile import Reconciler
from services.billing.charges import charge
from tests.support.money_facts import AT_MS, message, placed

CATALOG = load(Path("infra/config"))


@dataclass
class Kept:
    """`state` is the ledger that writes the journal; `calls` what its reader of EVENTS remembers."""

    store: ClickHouseStore
    bus: MemoryBus = field(default_factory=MemoryBus)
    state: State = field(default_factory=State)
    calls: Calls = field(default_factory=Calls)
    metrics: Metrics = field(default_factory=Metrics)

    async def fact(self, *facts: Fact, settled: bool = True) -> int:
        """Facts of one kind on record, and the ends among them settled as the shard settles them."""
        kind = facts[0].WhichOneof("kind")
        seq = await self.bus.append(f"ev.{kind}.0", message(*facts))
        ops: list[Operation] = []
        for fact in facts:
            ended = self.calls.take(placed(seq, fact))
            if ended is not None:
                ops.append(self._settle(seq, fact, ended.egress))
        if ops and settled:
            await self.journal(*ops, read_to=seq)
        return seq

    async def journal(self, *ops: Operation, read_to: int = 0) -> int:
        """One batch."""
        writing = Writing(self.state, epoch=1, at_ms=AT_MS)
        for op in ops:
            account = getattr(op, "account", "")
            if account and account not in self.state.accounts:
                writing.apply(OpenAccount(op_id=f"open:{account}", account=account, currency="CAD"))
            writing.apply(op)
        return await self.bus.append("ledger.0", writing.seal(max(read_to, self.state.stream_seq)))

    @asynccontextmanager
    async def projecting(self) -> AsyncIterator[Reconciler]:
        """Both projections, as one process runs them."""
        projections = Projections(self.bus, self.store, Live(CATALOG), self.metrics)
        task = asyncio.create_task(projections.run())
        try:
            yield Reconciler(bus=self.bus, store=self.store, projections=projections, metrics=self.metrics)
        finally:
            await stopped(task)

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        return await self.store.query(sql)

    async def until(self, sql: str, done: Callable[[Any], bool]) -> None:
        """Until the one value that a statement answers is right."""
        async with asyncio.timeout(20):
            while True:
                (found,) = await self.rows(sql)
                if done(next(iter(found.values()))):
                    return
                await asyncio.sleep(0.05)

    def _settle(self, seq: int, fact: Fact, egress: Any) -> Settle:
        charged = charge(CATALOG, egress, fact.finished, fact.at_ms)
        return Settle(
            op_id=f"settle:{fact.request_id}",
            request_id=fact.request_id,
            account=fact.tenant,
            key_id=egress.key_id,
            amount_nano=charged.amount_nano,
            fee_nano=charged.fee_nano,
            stream_seq=seq,
            at_ms=fact.at_ms,
            day="2026-11-21",
            month="2026-11",
        )
