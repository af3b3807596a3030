"""The sink of custody's reader: facts into the table, custody's own acts into theirs, open requests beside them."""

from collections.abc import Sequence

from libs.projection.base import Placed
from libs.telemetry.metrics import Metrics
from services.custody.domain import OpenRequests
from services.custody.queries import FactTable
from services.custody.receipts.erasures import ErasureTable
from services.custody.statements import canonical, statement


class Records:
    """libs.projection.base.Sink over the table of facts. `open` is what the facts read so far leave open."""

    def __init__(self, table: FactTable, metrics: Metrics, acts: ErasureTable | None = None) -> None:
        self._table, self._metrics, self._acts = table, metrics, acts
        self._observed = ""  # token of the last block whose facts `open` knows
        self.open = OpenRequests()

    async def resume(self) -> int:
        position = await self._table.position()
        rebuilt = OpenRequests()
        for row in await self._table.unfinished():
            rebuilt.observe(row.said)
        self.open, self._observed = rebuilt, ""
        self._metrics.set("requests_open", len(rebuilt))
        return position

    async def write(self, block: Sequence[Placed], token: str) -> int:
        new, self._observed = token != self._observed, token
        acts = [placed for placed in block if placed.kind == "admin"]
        if acts and self._acts is not None:
            await self._acts.take(acts)
        # One statement at a time: measured, a block of them alive at once costs as much again in garbage collection.
        rows = [self._row(placed, new=new) for placed in block if placed.kind != "admin"]
        if rows:
            await self._table.insert(rows, token)
        self._metrics.set("requests_open", len(self.open))
        return len(block)

    def _row(self, placed: Placed, *, new: bool) -> tuple[object, ...]:
        said = statement(placed.fact)
        if new and not self.open.observe(said):
            self._metrics.count("finished_ignored_total")
        fact = placed.fact
        return (
            fact.tenant,
            fact.request_id,
            placed.kind,
            placed.seq,
            placed.idx,
            fact.at_ms,
            canonical(said).decode(),
        )
