"""Feedback kept and counted: rows into the store, and what they come to, account by account, into the bucket."""

from collections.abc import Sequence
from typing import Final

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, Overloaded, StoreUnavailable
from libs.contracts.northern.v1.facts_pb2 import FeedbackCounts
from libs.projection.base import Placed
from libs.store.base import Store
from services.billing.feedback import given

BUCKET: Final = "feedback"
MOST: Final = 500  # routes and tasks of an account; those that were rated last
_COUNTS: Final = """
    SELECT route, task, countIf(rating > 0) AS good, countIf(rating < 0) AS bad, max(version) AS latest
    FROM feedback FINAL WHERE tenant = {tenant:String} AND task != ''
    GROUP BY route, task ORDER BY latest DESC LIMIT {most:UInt32}
"""


class Opinions:
    """Part of the request log's sink, which reads all of EVENTS already.

    Counts are made of the rows each time, so that what is stated twice, changed or read again counts once.
    """

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store, self._bus = store, bus

    async def resume(self) -> None:
        """The first block need not ask for the columns' types."""
        await self._store.insert(given.TABLE, given.COLUMNS, [])

    async def write(self, block: Sequence[Placed], token: str) -> int:
        """Raises StoreUnavailable: the same block comes again, later."""
        rows = given.rows(block)
        if rows:
            await self._store.insert(given.TABLE, given.COLUMNS, rows, token=token)
        for tenant in dict.fromkeys(row[0] for row in rows):
            await self._count(tenant)
        return len(rows)

    async def _count(self, tenant: str) -> None:
        found = await self._store.query(_COUNTS, {"tenant": tenant, "most": MOST})
        told = FeedbackCounts(
            counts=[
                FeedbackCounts.Count(route_id=row["route"], task=row["task"], good=row["good"], bad=row["bad"])
                for row in found
            ]
        )
        try:
            await self._bus.put(BUCKET, tenant, told.SerializeToString())
        except (BusUnavailable, Overloaded) as error:
            raise StoreUnavailable("the counts cannot be written right now") from error
