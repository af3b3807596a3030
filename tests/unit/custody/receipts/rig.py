"""Custody's tables over the fake store; all of it on a bus in memory: facts in, look-ups and receipts out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from libs.bus.memory import MemoryBus
from libs.contracts.subjects import TLOG
from libs.projection.following import Following
from libs.projection.loop import Projection
from libs.projection.tasks import stopped
from libs.store.memory import MemoryStore
from services.custody.handlers import Handlers
from services.custody.reader import Records
from services.custody.receipts.acts import Desk
from services.custody.receipts.erasures import ERASURES, RULES, Erasure, ErasureTable, Rule, facts_and_acts_in
from services.custody.receipts.projection import SealedRecords, batches_in
from services.custody.receipts.table import TABLE, RecordTable, Sealed, sealed
from services.custody.receipts.trimming import Trimming
from services.custody.unread import Unread
from tests.unit.custody.conftest import KeptTable
from tests.unit.custody.log.rig import Machine, Process


class KeptRecords(RecordTable):
    """The table's questions answered from the fake store's rows; its SQL is tested on the real host."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.kept = store
        self.asked = 0

    async def position(self) -> int:
        self.kept._reach()
        return max((row["tlog_seq"] for row in self.kept.rows(TABLE)), default=0)

    async def leaves(self) -> int:
        self.kept._reach()
        return max((row["leaf"] + 1 for row in self.kept.rows(TABLE)), default=0)

    async def of(self, tenant: str, request_id: str) -> Sealed | None:
        self.asked += 1
        self.kept._reach()
        mine = {"tenant": tenant, "request_id": request_id}
        rows = [{**row, "at": _at(row["sealed_at"]), "actor": ""} for row in self.kept.rows(TABLE, **mine)[:1]]
        gone = [{**row, "at": _at(row["at"])} for row in self.kept.rows(ERASURES, **mine)[:1]]
        return sealed(rows + gone)


class KeptErasures(ErasureTable):
    """The same of erasures and rules: of rows with one key the last version counts."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.kept = store

    async def among(self, ids: Sequence[str]) -> frozenset[tuple[str, str]]:
        self.kept._reach()
        return frozenset((r["tenant"], r["request_id"]) for r in self.kept.rows(ERASURES) if r["request_id"] in ids)

    async def due(self, most: int) -> list[Erasure]:
        done = {(r["tenant"], r["request_id"]) for r in self.kept.rows(ERASURES, purged=1)}
        rows = {(r["tenant"], r["request_id"]): r for r in self.kept.rows(ERASURES)}
        names = Erasure.__dataclass_fields__
        return [Erasure(**{n: row[n] for n in names}) for key, row in rows.items() if key not in done][:most]

    async def holds(self, tenant: str) -> list[Rule]:
        return sorted((rule for rule in self._rules("hold", tenant) if rule.value), key=lambda rule: rule.target)

    async def retention(self, tenant: str) -> Rule | None:
        return next(iter(self._rules("retention", tenant)), None)

    def _rules(self, rule: str, tenant: str) -> list[Rule]:
        self.kept._reach()
        last: dict[str, dict[str, Any]] = {}
        for row in sorted(self.kept.rows(RULES, rule=rule, tenant=tenant), key=lambda row: int(row["version"])):
            last[row["target"]] = row
        names = Rule.__dataclass_fields__
        return [Rule(**{**{n: row[n] for n in names}, "at": _at(row["at"])}) for row in last.values()]


def _at(at_ms: Any) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


@dataclass(kw_only=True)
class Room:
    """What one process of custody has, while it runs."""

    bus: MemoryBus
    store: MemoryStore
    process: Process
    handlers: Handlers
    desk: Desk


def parts(machine: Machine, process: Process, store: MemoryStore, now_ms: Callable[[], int] | None = None) -> Room:
    """A room of it, nothing running."""
    now = now_ms or machine.now_ms
    table = KeptTable(store)
    unread = Unread(bus=machine.bus, table=table)
    handlers = Handlers(table=table, records=KeptRecords(store), log=process.log, now_ms=now, unread=unread)
    desk = Desk(
        bus=machine.bus, erasures=KeptErasures(store), known=handlers.known, missing=handlers.missing, now_ms=now
    )
    return Room(bus=machine.bus, store=store, process=process, handlers=handlers, desk=desk)


@asynccontextmanager
async def room(root: Path, store: MemoryStore | None = None, bus: MemoryBus | None = None) -> AsyncIterator[Room]:
    """All of it running: sequencer, tiles, signer, both projections."""
    machine = Machine(bus=bus or MemoryBus(), root=root)
    async with machine.running() as process:
        made = parts(machine, process, store or MemoryStore())
        erasures = KeptErasures(made.store)
        common: dict[str, Any] = {"bus": machine.bus, "metrics": machine.metrics, "linger_s": 0.01}
        reading = Projection(
            sink=Records(KeptTable(made.store), machine.metrics, erasures),
            purpose="custody",
            read=facts_and_acts_in,
            **common,
        )
        table = KeptRecords(made.store)
        sealing = Following(
            sink=SealedRecords(bus=machine.bus, table=table, erasures=erasures, trimming=Trimming(bus=machine.bus)),
            purpose="records",
            stream=TLOG,
            read=batches_in,
            **common,
        )
        tasks = [asyncio.create_task(loop) for loop in (reading.run(), sealing.run())]
        try:
            yield made
        finally:
            await stopped(*tasks)
