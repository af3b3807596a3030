"""The projections into ClickHouse: facts into the request log, the journal into transactions and its second copy."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from libs.bus.base import Bus, Stored
from libs.catalog.live import Live
from libs.contracts.subjects import LEDGER
from libs.projection.base import Placed
from libs.projection.following import Following
from libs.projection.loop import Projection
from libs.projection.tasks import together
from libs.store.base import Store
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.acts import log
from services.billing.acts.credits import stated
from services.billing.acts.log import acts_in
from services.billing.books import transactions, usage
from services.billing.books.calls import Calls, calls_in, catalogues
from services.billing.books.transactions import Booked, booked, operations
from services.billing.feedback.counting import Opinions
from services.billing.feedback.given import feedback_in

# Each block is a write to the disk; a request log that lags by a second is as good. The second value: where many come.
_LINGER_S: Final = (0.6, 2.0)
_COPY_LINGER_S: Final = (1.0, 3.0)  # transactions and the second copy: nobody waits for them
_FACTS: Final = 5_000  # of a block; with smaller ones the store merges longer than it writes
_OPERATIONS: Final = 5_000  # of the journal
_SLICE: Final = 100  # facts read before others get their turn: the ledger answers in the same process

_USAGE_AT = "SELECT max(stream_seq) AS done, argMax(open_from, stream_seq) AS needed FROM usage"
_JOURNAL_AT = "SELECT max(seq) AS done FROM ledger_journal"


class RequestLog:
    """libs.projection.base.Sink over `usage`: a row when a request is finished, complete and never changed.

    Beside it `admin_log` and `feedback`, because whoever reads all of EVENTS need not do so twice: their rows may come
    again.

    Delivered is not waited for: what is charged, and how long the model took, is known without it; a row that could
    still change would have to be counted with care for ever. What the client got is in the custody record.
    """

    def __init__(self, store: Store, live: Live, opinions: Opinions | None = None) -> None:
        self._store, self._live, self._opinions = store, live, opinions
        self._calls = Calls()
        self._done = 0  # facts up to here have their rows
        self._made: tuple[str, list[tuple[Any, ...]]] = ("", [])  # of the block being written: calls are taken once

    async def resume(self) -> int:
        """Read on from where the oldest request began that was open at the last row; its rows are not made again."""
        (found,) = await self._store.query(_USAGE_AT)
        self._calls, self._made = Calls(), ("", [])
        self._done = int(found["done"] or 0)
        await self._store.insert(usage.TABLE, usage.COLUMNS, [])  # the first block need not ask for the columns' types
        await self._store.insert(log.TABLE, log.COLUMNS, [])
        if self._opinions is not None:
            await self._opinions.resume()
        return max(0, int(found["needed"] or 0) - 1)

    async def write(self, block: Sequence[Placed], token: str) -> int:
        if self._made[0] != token:
            await self._live.until(catalogues(block))
            self._made = (token, await self._rows(block))
        rows, acts = self._made[1], log.rows(block)
        said = await self._opinions.write(block, token) if self._opinions is not None else 0
        if acts:
            await self._store.insert(log.TABLE, log.COLUMNS, acts, token=token)
        if rows:
            await self._store.insert(usage.TABLE, usage.COLUMNS, rows, token=token)
        return len(rows) + len(acts) + said

    async def _rows(self, block: Sequence[Placed]) -> list[tuple[Any, ...]]:
        made: list[tuple[Any, ...]] = []
        for number, placed in enumerate(block, 1):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            ended = self._calls.take(placed)
            if ended is None or placed.seq <= self._done:
                continue
            if (row := usage.row(self._live.under(ended.egress.catalogue), ended)) is None:
                logger().error("usage_unreadable", sequence=placed.seq)
            else:
                made.append(row)
        needed_from = self._calls.needed_from(block[-1].seq)
        return [(*row, needed_from) for row in made]


class JournalCopy:
    """libs.projection.base.Sink over `ledger` and `ledger_journal`; the latter is written last and is the position."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store, self._bus = store, bus

    async def resume(self) -> int:
        (found,) = await self._store.query(_JOURNAL_AT)
        for table, columns in (
            (transactions.TABLE, transactions.COLUMNS),
            (transactions.JOURNAL, transactions.JOURNAL_COLUMNS),
        ):
            await self._store.insert(table, columns, [])
        return int(found["done"] or 0)

    async def write(self, block: Sequence[Booked], token: str) -> int:
        rows = [row for item in block for row in transactions.rows(item)]
        if rows:
            await self._store.insert(transactions.TABLE, transactions.COLUMNS, rows, token=token)
        for item in block:
            await stated(self._bus, item)
        copies = [transactions.journal_row(item) for item in block]
        await self._store.insert(transactions.JOURNAL, transactions.JOURNAL_COLUMNS, copies, token=token)
        return len(rows) + len(copies)


def _everything_in(message: Stored) -> Sequence[Placed] | None:
    """What is told of calls, administrators' acts, and feedback. Raises UnreadableError."""
    return feedback_in(message) or acts_in(message) or calls_in(message)


class Projections:
    """Both, for the one process that holds the lease."""

    def __init__(self, bus: Bus, store: Store, live: Live, metrics: Metrics) -> None:
        self.usage = Projection(
            bus=bus,
            sink=RequestLog(store, live, Opinions(store, bus)),
            metrics=metrics,
            purpose="billing-usage",
            read=_everything_in,
            rows=_FACTS,
            linger_s=_LINGER_S[0],
            busy_linger_s=_LINGER_S[1],
        )
        self.journal = Following[Booked](
            bus=bus,
            sink=JournalCopy(store, bus),
            metrics=metrics,
            purpose="billing-journal",
            stream=LEDGER,
            read=booked,
            rows=_OPERATIONS,
            weigh=operations,
            linger_s=_COPY_LINGER_S[0],
            busy_linger_s=_COPY_LINGER_S[1],
        )

    async def run(self) -> None:
        """Project for ever; leave by cancelling."""
        await together(self.usage.run(), self.journal.run())

    def keep_up(self, within: int) -> bool:
        """Whether fewer than so many messages wait in either; true where this process does not project."""
        return self.usage.keeps_up(within) and self.journal.keeps_up(within)
