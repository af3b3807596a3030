"""A shard in one process on the fake bus, with a clock that a test moves: owned, asked, crashed, owned again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from libs.bus.base import Stored
from libs.bus.memory import MemoryBus
from libs.catalog.live import Live
from libs.contracts.errors import BusUnavailable
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch
from libs.contracts.northern.v1.ledger_pb2 import Hold, LedgerReply, TopUp
from libs.contracts.northern.v1.query_pb2 import CreditsTold
from libs.contracts.subjects import fact as fact_subject
from libs.telemetry.metrics import Metrics
from services.billing.ledger.owner import Ownership
from services.billing.ledger.rules import Rules
from tests.support import billing
from tests.support.billing import CATALOG, credits_of, insist, open_account, open_key


class FaultyBus(MemoryBus):
    """The fake with faults of appending to the journal: `lose` answers of what was stored, `refuse` before storing.

    Answers leave while `answers` is set; whoever follows a stream misses its next `deaf` cancellations.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lose = self.refuse = self.deaf = 0
        self.gate, self.answers = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.answers.set()
        self.appended = 0

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        if not reply:
            await self.answers.wait()
        await super().publish(subject, data, reply)

    async def follow(
        self, stream: str, *, after: int = 0, latest: bool = False, gather_s: float = 0.0
    ) -> AsyncIterator[list[Stored]]:
        try:
            async for batch in super().follow(stream, after=after, latest=latest, gather_s=gather_s):
                yield batch
        except asyncio.CancelledError:
            while self.deaf:
                self.deaf -= 1
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
            raise

    async def append(
        self,
        subject: str,
        data: bytes,
        *,
        msg_id: str = "",
        expected: int | None = None,
        timeout_s: float = 5.0,
    ) -> int:
        if not subject.startswith("ledger."):
            return await super().append(subject, data, msg_id=msg_id, expected=expected)
        await self.gate.wait()
        if self.refuse:
            self.refuse -= 1
            raise BusUnavailable("not now")
        seq = await super().append(subject, data, msg_id=msg_id, expected=expected)
        self.appended += 1
        if self.lose:
            self.lose -= 1
            raise BusUnavailable("the answer was lost")
        return seq


@dataclass
class Clock:
    """Unix milliseconds that pass only when a test says so."""

    ms: int = field(default_factory=billing.now_ms)

    def __call__(self) -> int:
        return self.ms


@dataclass
class Rig:
    bus: FaultyBus
    rules: Rules
    metrics: Metrics
    clock: Clock
    copied: tuple[int, bytes] | None = None
    _names: int = 0

    def ownership(self) -> Ownership:
        self._names += 1

        async def copy_head() -> tuple[int, bytes] | None:
            return self.copied

        return Ownership(
            bus=self.bus,
            shard=0,
            owner=f"owner-{self._names}",
            rules=self.rules,
            live=Live(CATALOG),
            metrics=self.metrics,
            now_ms=self.clock,
            copy_head=copy_head,
        )

    @asynccontextmanager
    async def owned(self, *, crash: bool = False) -> AsyncIterator[Ownership]:
        """An owner at work; it leaves in order, or dies with what it holds in memory."""
        ownership = self.ownership()
        running = asyncio.create_task(ownership.run())
        try:
            while ownership.owned is None:
                if running.done():
                    running.result()
                await asyncio.sleep(0.001)
            yield ownership
            if not crash:
                await ownership.close(5)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self.clock.ms += 5_000 if crash else 2  # its lease runs out, or is free from the next moment on

    async def ask(self, op: billing.Operation) -> LedgerReply:
        return await insist(self.bus, op)

    async def credits(self, tenant: str = "t_one") -> CreditsTold:
        return await credits_of(self.bus, tenant)

    async def publish(self, kind: str, *facts: Fact) -> int:
        return await self.bus.append(fact_subject(kind, 0), FactBatch(facts=facts).SerializeToString())

    def counted(self, name: str) -> float:
        """A counter's value, without labels."""
        for line in self.metrics.text().decode().splitlines():
            if line.startswith(f"ni_{name} "):
                return float(line.split()[1])
        return 0.0


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """One account without money and one key."""
    bus, metrics = FaultyBus(), Metrics()
    await open_account(bus)
    await open_key(bus)
    rules = Rules(bus, metrics)
    await rules.start()
    try:
        yield Rig(bus, rules, metrics, Clock())
    finally:
        await rules.close()


def hold(request: str, amount: int = 10, **more: object) -> Hold:
    made = {"op_id": request, "account": "t_one", "key_id": "k_one", "request_id": request, "amount_nano": amount}
    return Hold(**{**made, **more})  # type: ignore[arg-type]  # members of Hold


def top_up(amount: int, op_id: str = "top", account: str = "t_one") -> TopUp:
    return TopUp(op_id=op_id, account=account, amount_nano=amount, note="", by="test")
