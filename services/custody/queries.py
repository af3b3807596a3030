"""The table `facts`: every statement of SQL that custody makes."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from libs.contracts.errors import StoreUnavailable
from libs.store.base import Store
from services.custody.records import Row

TABLE = "facts"
COLUMNS = ("tenant", "request_id", "kind", "stream_seq", "idx", "at", "fact")
_MOST = 1000  # facts of one request; a handful is usual

_POSITION = "SELECT max(stream_seq) AS last FROM facts"
_OF = """
    SELECT stream_seq, idx, fact FROM facts
    WHERE tenant = {tenant:String} AND request_id = {request_id:String} AND NOT startsWith(fact, '{"erased"')
    ORDER BY stream_seq, idx LIMIT {most:UInt32}
"""
# A day before the newest fact is far more than a request may take; older ones were closed, or were reaped.
_UNFINISHED = """
    SELECT stream_seq, idx, fact FROM facts
    WHERE kind IN ('egress', 'delivered') AND at > (SELECT max(at) FROM facts) - INTERVAL 1 DAY
      AND NOT startsWith(fact, '{"erased"')
      AND (tenant, request_id) NOT IN (
          SELECT tenant, request_id FROM facts
          WHERE kind = 'finished' AND at > (SELECT max(at) FROM facts) - INTERVAL 1 DAY)
    ORDER BY stream_seq, idx
"""


class FactTable:
    """The writer's and every reader's view of the table. Raises StoreUnavailable; `reachable` is the last answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reachable = False

    async def ping(self) -> None:
        """Ask whether the store is there, for `reachable` alone."""
        self.reachable = await self._store.ping()

    async def position(self) -> int:
        """The last sequence of EVENTS whose facts are in the table; 0 for an empty one."""
        rows = await self._ask(_POSITION, {})
        return int(rows[0]["last"] or 0)

    async def insert(self, rows: Sequence[tuple[object, ...]], token: str) -> None:
        """One block, whole or not at all; the same token again changes nothing."""
        try:
            await self._store.insert(TABLE, COLUMNS, rows, token=token)
        except StoreUnavailable:
            self.reachable = False
            raise
        self.reachable = True

    async def of(self, tenant: str, request_id: str) -> list[Row]:
        """The facts of one request of one tenant, in stream order."""
        return _rows(await self._ask(_OF, {"tenant": tenant, "request_id": request_id, "most": _MOST}))

    async def unfinished(self) -> list[Row]:
        """Egress and Delivered facts of the requests that have no Finished, in stream order."""
        return _rows(await self._ask(_UNFINISHED, {}))

    async def _ask(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        try:
            rows = await self._store.query(sql, parameters)
        except StoreUnavailable:
            self.reachable = False
            raise
        self.reachable = True
        return rows


def _rows(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [Row(stream_seq=r["stream_seq"], idx=r["idx"], said=orjson.loads(r["fact"])) for r in found]
