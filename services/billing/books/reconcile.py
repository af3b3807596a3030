"""Reconciliation: journal = its copy = transactions = usage rows = finished facts, as far as all of them have read."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson
from google.protobuf.message import DecodeError

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, InvalidRequest, NorthernError, Overloaded, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.query_pb2 import ReconcileAsk, ReconcileTold
from libs.contracts.subjects import EVENTS, LEDGER
from libs.projection.base import UnreadableError
from libs.store.base import Store
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.books.projections import Projections
from services.billing.books.sums import Book, Compared, JournalBook, Pair, Sum, compared, reported, sealed_alike
from services.billing.books.transactions import booked

_EVERY_S: Final = 60.0
_WHOLE_EVERY_S: Final = 24 * 3600.0  # in between, only what came since the last time all was right
_WAIT_S: Final = 20.0
_LOOK_S: Final = 0.2
_MOST_WAIT_MS: Final = 60_000
_AGAIN: Final = 1_000_000  # messages of EVENTS within which a second Finished of a request may come

_AT: Final = """
    SELECT (SELECT max(stream_seq) FROM facts) AS facts, (SELECT max(stream_seq) FROM usage) AS usage,
        (SELECT max(stream_seq) FROM ledger_journal) AS settled, (SELECT max(seq) FROM ledger_journal) AS journal
"""
_SEALS: Final = "SELECT seq, hash FROM ledger_journal FINAL WHERE seq > {since:UInt64} AND seq <= {to:UInt64}"
_LEDGER: Final = """
    SELECT tenant, type AS kind, count() AS entries, sum(amount) AS nano FROM ledger FINAL
    WHERE seq > {since:UInt64} AND seq <= {to:UInt64} GROUP BY tenant, kind
"""
_BALANCES: Final = """
    SELECT tenant, '' AS kind, 1 AS entries, sum(amount) AS nano, argMax(balance_after, op) AS stated
    FROM ledger FINAL WHERE seq <= {to:UInt64} GROUP BY tenant
"""
_DEDUCTED: Final = """
    SELECT tenant, '' AS kind, count() AS entries, -sum(amount) AS nano FROM ledger FINAL
    WHERE type = 'deduction' AND stream_seq > {since:UInt64} AND stream_seq <= {to:UInt64} GROUP BY tenant
"""
_COST: Final = """
    SELECT tenant, '' AS kind, count() AS entries, sum(cost) AS nano FROM usage FINAL
    WHERE cost != 0 AND stream_seq > {since:UInt64} AND stream_seq <= {to:UInt64} GROUP BY tenant
"""
# What a lost worker's request cost nobody could put on record, so that such rows are counted and not added up.
_ROWS: Final = """
    SELECT tenant, '' AS kind, count() AS entries, sumIf(provider_cost, status != 'worker_lost') AS nano
    FROM usage FINAL WHERE stream_seq > {since:UInt64} AND stream_seq <= {to:UInt64} GROUP BY tenant
"""
_FINISHED: Final = """
    SELECT tenant, '' AS kind, count() AS entries, sum(cost) AS nano FROM (
        SELECT tenant, request_id, argMin(fact, (stream_seq, idx)) AS first,
            if(JSONExtractString(first, 'outcome') = 'worker_lost', 0, JSONExtractInt(first, 'cost_nano')) AS cost
        FROM facts WHERE kind = 'finished' AND stream_seq > {since:UInt64} AND stream_seq <= {to:UInt64}
            AND (tenant, request_id) NOT IN (
                SELECT tenant, request_id FROM facts
                WHERE kind = 'finished' AND stream_seq > {earlier:UInt64} AND stream_seq <= {since:UInt64})
        GROUP BY tenant, request_id)
    GROUP BY tenant
"""


Differ = Callable[[Mapping[str, int]], Awaitable[None]]  # told differences by pair of books, where there are any


async def nobody(pairs: Mapping[str, int]) -> None:
    """Where nobody is to be told beyond the metric and the log."""


class Cut(NamedTuple):
    """Up to where books are compared: a sequence of LEDGER and one of EVENTS."""

    journal: int = 0
    events: int = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """`behind`: which copies had not read far enough when the wait was over: the comparison ends before them."""

    since: Cut
    cut: Cut
    pairs: tuple[Compared, ...]
    behind: tuple[str, ...]

    @property
    def differences(self) -> int:
        return sum(len(one.differences) for one in self.pairs)

    def encoded(self) -> bytes:
        return orjson.dumps(
            {
                "object": "reconciliation",
                "since": self.since._asdict(),
                "up_to": self.cut._asdict(),
                "behind": self.behind,
                "differences": self.differences,
                "pairs": [reported(one) for one in self.pairs],
            }
        )


@dataclass(kw_only=True)
class Reconciler:
    """Runs where the projections run: how far they have read is known here. `now` is monotonic seconds."""

    bus: Bus
    store: Store
    projections: Projections
    metrics: Metrics
    now: Callable[[], float] = time.monotonic
    now_s: Callable[[], float] = time.time
    every_s: float = _EVERY_S
    differ: Differ = nobody
    _right: Cut = field(default=Cut(), init=False)  # up to here everything agreed
    _whole_at: float = field(default=float("-inf"), init=False)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)  # two at once would read everything twice

    async def run(self) -> None:
        """Compare every minute, for ever."""
        while True:
            await asyncio.sleep(self.every_s)
            try:
                await self._job()
            except (StoreUnavailable, BusUnavailable, Overloaded) as error:
                logger().warning("reconcile_waits", error_type=type(error).__name__)

    async def answer(self, data: bytes) -> bytes:
        """ReconcileAsk in, ReconcileTold out: everything since the beginning."""
        try:
            ask = ReconcileAsk.FromString(data)
            report = await self.compare(Cut(), min(ask.wait_ms, _MOST_WAIT_MS) / 1000)
            return ReconcileTold(report=report.encoded()).SerializeToString()
        except DecodeError:
            error: NorthernError = InvalidRequest("the question cannot be read")
        except NorthernError as refused:
            error = refused
        return ReconcileTold(failure=to_query_failure(error)).SerializeToString()

    async def compare(self, since: Cut, wait_s: float) -> Report:
        """Wait for every copy to hold what there was when this began, then compare what lies behind `since`.

        Raises StoreUnavailable, BusUnavailable, Overloaded.
        """
        async with self._one:
            at, behind = await self._caught_up(wait_s)
            cut = Cut(at["journal"], min(at["facts"], at["usage"], at["settled"]))
            journal = await self._journal(since.journal, cut.journal)
            pairs = (
                await self._seals(journal, since, cut),
                compared(Pair.JOURNAL_LEDGER, journal.sums, await self._book(_LEDGER, since.journal, cut.journal)),
                await self._balances(cut),
                await self._pair(Pair.LEDGER_USAGE, _DEDUCTED, _COST, since, cut),
                await self._pair(Pair.FACTS_USAGE, _FINISHED, _ROWS, since, cut),
            )
            return Report(since=since, cut=cut, pairs=pairs, behind=behind)

    async def _job(self) -> None:
        whole = self.now() - self._whole_at > _WHOLE_EVERY_S
        report = await self.compare(Cut() if whole else self._right, _WAIT_S)
        for one in report.pairs:
            self.metrics.set("reconcile_difference", len(one.differences), one.pair.value)
            for each in one.differences[:10]:
                logger().error("books_differ", name=one.pair.value, tenant=each.tenant, target=each.kind)
        await self.differ({one.pair.value: len(one.differences) for one in report.pairs if one.differences})
        if report.behind:
            logger().warning("reconcile_behind", name=", ".join(report.behind))
            return
        self.metrics.set("reconciled_timestamp_seconds", self.now_s())
        if not report.differences:
            self._right = report.cut
            self._whole_at = self.now() if whole else self._whole_at

    async def _caught_up(self, wait_s: float) -> tuple[dict[str, int], tuple[str, ...]]:
        """How far each copy has read, and which of them not far enough."""
        until = self.now() + wait_s
        events, ledger = await self.bus.last_seq(EVENTS), await self.bus.last_seq(LEDGER)
        due = -1  # the last end of a request that the log had when it had read all of `events`
        while True:
            read = self.projections.usage.done >= events  # before looking: what it wrote is seen then
            (found,) = await self.store.query(_AT)
            at = {name: int(value or 0) for name, value in found.items()}
            if due < 0 and read:
                due = at["usage"]
            behind = {
                "usage": due < 0,
                "journal": at["journal"] < ledger,
                "settlements": at["settled"] < due,
                "facts": at["facts"] < due,
            }
            if not any(behind.values()) or self.now() > until:
                return at, tuple(name for name, is_behind in behind.items() if is_behind)
            await asyncio.sleep(_LOOK_S)

    async def _journal(self, since: int, to: int) -> JournalBook:
        """The journal as the broker has it, from behind one sequence to another, or to its end if that comes first."""
        book = JournalBook()
        at, to = since, min(to, await self.bus.last_seq(LEDGER))
        while at < to:
            async for batch in self.bus.follow(LEDGER, after=at):
                for message in batch:
                    if message.seq > to:
                        return book
                    at = message.seq
                    try:
                        for item in booked(message) or ():
                            book.take(item)
                    except UnreadableError:
                        book.seals[message.seq] = "broken"
                if at >= to:
                    return book
        return book

    async def _seals(self, journal: JournalBook, since: Cut, cut: Cut) -> Compared:
        rows = await self.store.query(_SEALS, {"since": since.journal, "to": cut.journal})
        return sealed_alike(journal.seals, {row["seq"]: row["hash"] for row in rows})

    async def _balances(self, cut: Cut) -> Compared:
        rows = await self.store.query(_BALANCES, {"to": cut.journal})
        stated = {(row["tenant"], ""): Sum(1, row["stated"]) for row in rows}
        return compared(Pair.LEDGER_BALANCE, _book(rows), stated)

    async def _pair(self, pair: Pair, left: str, right: str, since: Cut, cut: Cut) -> Compared:
        return compared(
            pair,
            await self._book(left, since.events, cut.events),
            await self._book(right, since.events, cut.events),
        )

    async def _book(self, sql: str, since: int, to: int) -> Book:
        return _book(await self.store.query(sql, {"since": since, "to": to, "earlier": max(0, since - _AGAIN)}))


def _book(rows: list[dict[str, Any]] | list[Mapping[str, Any]]) -> Book:
    return {(row["tenant"], row["kind"]): Sum(int(row["entries"]), int(row["nano"])) for row in rows}
