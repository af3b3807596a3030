"""The reader of EVENTS: of each request the first Finished, as one settlement, journaled with how far was read."""

import asyncio
from collections.abc import Sequence
from typing import Final

from libs.catalog.live import Live
from libs.contracts.errors import BillingUnavailable, BusUnavailable, Overloaded
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.facts_pb2 import Fact
from libs.contracts.northern.v1.ledger_pb2 import EFFECT_LATE, EFFECT_UNHELD, LedgerResult, Settle
from libs.projection.base import Placed
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.books.calls import Calls, Ended, catalogues
from services.billing.charges import Charge, charge
from services.billing.ledger.rules import Rules, counted_as, day_and_month, opening
from services.billing.ledger.shard import Batch, Shard
from services.billing.ledger.snapshots import Snapshots

_MARK_EVERY: Final = 5_000  # messages of EVENTS
_TENANT_S: Final = 2.0  # how long the record of an account may lag behind its first request
_SETTLE_BYTES: Final = 400  # and no more: names are short
_LONGEST_NAME: Final = 64
_AT_ONCE: Final = 400


class Settlements:
    """libs.projection.base.Sink over a shard: its position is the journal's own, so that replay changes nothing."""

    def __init__(self, *, shard: Shard, rules: Rules, live: Live, snapshots: Snapshots, metrics: Metrics) -> None:
        self._shard, self._rules, self._live = shard, rules, live
        self._snapshots, self._metrics = snapshots, metrics
        self._calls = Calls()
        self._mark = self._marked = 0

    async def resume(self) -> int:
        """Where reading begins: early enough that every request still open is met again."""
        while True:
            try:
                mark = await self._snapshots.mark()
            except (BusUnavailable, Overloaded):
                await asyncio.sleep(0.2)
                continue
            self._calls = Calls()
            self._mark = self._marked = min(mark, self._shard.state.stream_seq)
            return self._mark

    async def write(self, block: Sequence[Placed], token: str) -> int:  # noqa: ARG002 - the position tells a repeat
        """One batch of the journal at the least; returns when it is on record."""
        # Whole messages: what is at or below the position has had its effect, whatever it says.
        done = self._shard.state.stream_seq
        await self._live.until(catalogues(block))
        settles: list[Settle] = []
        for placed in block:
            ended = self._calls.take(placed)
            if ended is None:
                if placed.kind == "finished" and placed.seq > done:
                    self._metrics.count("finished_ignored_total")
            elif placed.seq > done and (settle := self._settlement(ended)) is not None:
                settles.append(settle)
        if settles:
            await self._records_of({settle.account for settle in settles})
            await self._settle(settles)
        self._metrics.set("requests_open", len(self._calls))
        self._mark = min(self._calls.needed_from(block[-1].seq) - 1, self._shard.state.stream_seq)
        if self._mark - self._marked >= _MARK_EVERY:
            await self.save()
        return len(settles)

    async def _settle(self, settles: list[Settle]) -> None:
        first = 0
        while first < len(settles):
            last = first + 1
            while last < len(settles) and (
                last - first < _AT_ONCE or settles[last].stream_seq == settles[last - 1].stream_seq
            ):
                last += 1
            entry = Settled(rules=self._rules, metrics=self._metrics, settles=settles[first:last])
            while True:
                try:
                    self._shard.put(entry)
                    break
                except BillingUnavailable:
                    await asyncio.sleep(0.05)
            await entry.done
            first = last

    def _settlement(self, ended: Ended) -> Settle | None:
        """None for a fact with names that nothing here can have."""
        (placed, egress), fact = ended, ended.placed.fact
        if max(len(fact.tenant), len(egress.key_id)) > _LONGEST_NAME or not REQUEST_ID.fullmatch(fact.request_id):
            self._metrics.count("settlements_refused_total")
            logger().error("settlement_refused", sequence=placed.seq, code="invalid_request")
            return None
        charged = charge(self._live.under(egress.catalogue), egress, fact.finished, fact.at_ms)
        self._compare(fact, charged)
        day, month = day_and_month(self._rules.zone(fact.tenant), fact.at_ms)
        return Settle(
            op_id=f"settle:{fact.request_id}",
            request_id=fact.request_id,
            account=fact.tenant,
            key_id=counted_as(fact.tenant, egress.key_id),
            amount_nano=charged.amount_nano,
            fee_nano=charged.fee_nano,
            stream_seq=placed.seq,
            at_ms=fact.at_ms,
            estimated=charged.usage.estimated,
            outcome=fact.finished.outcome,
            day=day,
            month=month,
        )

    def _compare(self, fact: Fact, charged: Charge) -> None:
        """What the worker put on record is compared with what is reckoned here; a difference is an alarm."""
        said = fact.finished
        if charged.bill is None:
            self._metrics.count("settlements_unpriced_total")
            logger().error("settlement_unpriced", request_id=fact.request_id, tenant=fact.tenant)
        elif (said.billed_currency and said.billed_nano != charged.total_nano) or (
            said.currency and said.cost_nano != charged.bill.provider.total_nano
        ):
            self._metrics.count("cost_differs_total")
            logger().error("cost_differs", request_id=fact.request_id, tenant=fact.tenant, expected=charged.total_nano)

    async def _records_of(self, tenants: set[str]) -> None:
        """Give the record of an account that is not known yet a moment: with it comes the opening deposit."""
        for _ in range(round(_TENANT_S / 0.05)):
            if all(t in self._rules.accounts or t in self._shard.state.accounts for t in tenants):
                return
            await asyncio.sleep(0.05)

    async def save(self) -> None:
        """Remember where reading would have to begin."""
        try:
            await self._snapshots.save_mark(self._mark)
            self._marked = self._mark
        except (BusUnavailable, Overloaded) as error:
            logger().warning("snapshot_not_saved", error_type=type(error).__name__)


class Settled:
    """The settlements of whole messages; an Entry of the shard."""

    def __init__(self, *, rules: Rules, metrics: Metrics, settles: list[Settle]) -> None:
        self._rules, self._metrics, self._settles = rules, metrics, settles
        self._results: list[LedgerResult] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = len(settles) + 2 * len({settle.account for settle in settles})
        self.size = _SETTLE_BYTES * self.count

    def write(self, batch: Batch) -> None:
        for settle in self._settles:
            if settle.account not in batch.state.accounts:
                for op in opening(settle.account, self._rules.accounts.get(settle.account)):
                    batch.apply(op)
            self._results.append(batch.apply(settle))
        batch.read_to(self._settles[-1].stream_seq)

    def tell(self) -> None:
        for settle, result in zip(self._settles, self._results, strict=True):
            if result.code:
                self._metrics.count("settlements_refused_total")
                logger().error(
                    "settlement_refused", request_id=settle.request_id, tenant=settle.account, code=result.code
                )
            if result.effect == EFFECT_LATE and result.posted_nano:
                self._metrics.count("settled_late_total")
            elif result.effect == EFFECT_UNHELD and result.posted_nano:
                self._metrics.count("settled_unheld_total")
            elif result.overrun_nano:
                self._metrics.count("settled_overrun_total")
        if not self.done.done():
            self.done.set_result(None)
