"""The audit in the real store: written once whatever is replayed, asked for by page, kept for as long as was wanted."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.contracts.northern.v1.query_pb2 import ListTold, PiiAuditAsk
from libs.projection.loop import Projection
from libs.projection.tasks import stopped
from libs.store.clickhouse import ClickHouseStore
from libs.store.migrations import migrate
from libs.telemetry.metrics import Metrics
from services.pii.audit.desk import AuditDesk
from services.pii.audit.facts import facts_of
from services.pii.audit.table import AuditLog, facts_in
from services.pii.hop.base import Listed, Masked
from tests.contract.store.conftest import Host

NOW_MS = 1_795_000_000_000  # November 2026
TYPES = ("EMAIL", "PERSON")


def request_id(n: int) -> str:
    return f"{n:016x}"


def entity(n: int) -> Listed:
    return Listed(
        type=TYPES[n % 2],
        place=f"messages[{n}].content",
        count=1,
        substitute=f"s{n}",
        original_hash=b"h" * 16,
        original_shape="a:1-4",
        recognizer="test",
        score=0.5,
    )


@dataclass
class Log:
    store: ClickHouseStore
    bus: MemoryBus = field(default_factory=MemoryBus)

    async def say(self, n: int, entities: int, *, tenant: str = "t_one", days: int = 3_650, at_ms: int = NOW_MS) -> int:
        listed = [entity(one) for one in range(entities)]
        masked = Masked(policy="p", audit_days=days, counts={"EMAIL": entities}, listed=listed)
        envelope = Envelope(request_id=request_id(n), tenant=tenant, key_id="k")
        facts = FactBatch(facts=facts_of(envelope, masked, at_ms))
        return await self.bus.append("ev.pii.0", facts.SerializeToString())

    @asynccontextmanager
    async def projecting(self) -> AsyncIterator[Projection]:
        projection = Projection(
            bus=self.bus,
            sink=AuditLog(self.store),
            metrics=Metrics(),
            purpose="pii-audit",
            read=facts_in,
            linger_s=0.02,
        )
        task = asyncio.create_task(projection.run())
        try:
            yield projection
        finally:
            await stopped(task)

    async def written(self, seq: int) -> None:
        async with self.projecting() as projection, asyncio.timeout(20):
            while projection.done < seq:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.02)

    async def ask(self, **asked: Any) -> tuple[list[dict[str, Any]], str]:
        ask = PiiAuditAsk(**{"tenant": "t_one", **asked})
        told = ListTold.FromString(await AuditDesk(store=self.store).audit(ask.SerializeToString()))
        assert not told.HasField("failure"), told.failure.message
        return [orjson.loads(one) for one in told.entries], told.next


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One store for all of them: each test empties the table."""
    started = Host(tmp_path_factory.mktemp("clickhouse"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
async def log(host: Host) -> AsyncIterator[Log]:
    store = ClickHouseStore(host.settings)
    await migrate(store, Path("infra/clickhouse/migrations"))
    await store.command("TRUNCATE TABLE pii_audit_log")
    yield Log(store)
    await store.close()


async def test_pages_hold_every_row_once_newest_first_and_only_the_accounts_own(log: Log) -> None:
    await log.say(1, 3)
    await log.say(2, 2, tenant="t_two")
    await log.written(await log.say(3, 2))
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        rows, cursor = await log.ask(limit=2, cursor=cursor)
        found += rows
        if not cursor:
            break
    placed = [(row["request_id"], row["row"]) for row in found]
    assert placed == [(request_id(n), row) for n, row in ((3, 1), (3, 0), (1, 2), (1, 1), (1, 0))]
    assert found[0]["substitute"] == "s1"
    assert found[0]["score"] == 0.5


async def test_filters_narrow(log: Log) -> None:
    await log.say(1, 3)
    await log.written(await log.say(1 << 40, 3))
    assert len((await log.ask(request_id=request_id(1)))[0]) == 3
    assert {row["type"] for row in (await log.ask(type="EMAIL"))[0]} == {"EMAIL"}
    assert {row["request_id"] for row in (await log.ask(from_ms=1_767_225_600_001))[0]} == {request_id(1 << 40)}
    assert {row["request_id"] for row in (await log.ask(until_ms=1_767_225_600_001))[0]} == {request_id(1)}


async def test_what_is_replayed_is_there_once(log: Log) -> None:
    await log.written(await log.say(1, 3))
    again = AuditLog(log.store)
    stored = log.bus._streams["EVENTS"].messages[0]
    await again.write(facts_in(stored) or (), "another block")
    assert len((await log.ask())[0]) == 3
    assert await again.resume() == stored.seq


async def test_a_request_without_any_entity_has_a_position_and_no_entry(log: Log) -> None:
    seq = await log.say(1, 0)
    await log.written(seq)
    assert await AuditLog(log.store).resume() == seq
    assert await log.ask() == ([], "")


async def test_rows_are_kept_for_as_long_as_their_account_wanted(log: Log) -> None:
    await log.say(1, 1, days=1, at_ms=NOW_MS - 900 * 86_400_000)
    await log.written(await log.say(2, 1))
    assert [row["request_id"] for row in (await log.ask())[0]] == [request_id(2)]
    await log.store.command("OPTIMIZE TABLE pii_audit_log FINAL")
    (kept,) = await log.store.query("SELECT count() AS n FROM pii_audit_log")
    assert kept["n"] == 1
