"""The sink of custody's reader: facts into the table, and the set of open requests beside it."""

from collections.abc import Sequence

from libs.projection.base import Placed
from libs.telemetry.metrics import Metrics
from services.custody.domain import OpenRequests
from services.custody.queries import FactTable
from services.custody.statements import canonical, statement


class Records:
    """libs.projection.base.Sink over the table of facts. `open` is what the written facts leave open."""

    def __init__(self, table: FactTable, metrics: Metrics) -> None:
        self._table, self._metrics = table, metrics
        self.open = OpenRequests()

    async def resume(self) -> int:
        position = await self._table.position()
        rebuilt = OpenRequests()
        for row in await self._table.unfinished():
            rebuilt.observe(row.said)
        self.open = rebuilt
        self._metrics.set("requests_open", len(rebuilt))
        return position

    async def write(self, block: Sequence[Placed], token: str) -> int:
        said = [statement(placed.fact) for placed in block]
        await self._table.insert(
            [
                (s["tenant"], s["request_id"], p.kind, p.seq, p.idx, s["at_ms"], canonical(s).decode())
                for p, s in zip(block, said, strict=True)
            ],
            token,
        )
        ignored = sum(not self.open.observe(s) for s in said)
        if ignored:
            self._metrics.count("finished_ignored_total", by=ignored)
        self._metrics.set("requests_open", len(self.open))
        return len(block)
