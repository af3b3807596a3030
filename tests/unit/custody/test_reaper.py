"""The reaper on the fake bus with a clock of its own: whom it closes, and when it does not dare."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from libs.bus.base import Message
from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch
from libs.contracts.northern.v1.street_pb2 import Beat
from libs.projection.loop import Projection
from libs.projection.tasks import stopped
from libs.telemetry.metrics import Metrics
from services.custody.domain import ABANDONED_MS
from services.custody.reader import Records
from services.custody.reaper import Reaper

if TYPE_CHECKING:
    from tests.unit.custody.conftest import KeptTable

Make = Callable[..., Fact]


@dataclass
class Street:
    bus: MemoryBus
    records: Records
    projection: Projection
    reaper: Reaper
    metrics: Metrics
    now: float = 1000.0

    def beat(self, boot_id: str, *, leaving: bool = False) -> None:
        self.reaper.hear(Message("ni.beat.worker", Beat(boot_id=boot_id, leaving=leaving).SerializeToString()))

    async def tell(self, kind: str, made: Fact) -> None:
        seq = await self.bus.append(f"ev.{kind}.0", FactBatch(facts=[made]).SerializeToString())
        await self.read_to(seq)

    async def read_to(self, seq: int) -> None:
        async with asyncio.timeout(3):
            while self.projection.done < seq:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)

    async def wait(self, seconds: int, *beating: str) -> list[str]:
        """Let seconds go by as the reaper's own loop would; what it would close at the end."""
        due = []
        for _ in range(seconds):
            self.now += 1
            for boot_id in beating:
                self.beat(boot_id)
            due = await self.reaper.due()
        return [r.request_id for r in due]


@asynccontextmanager
async def street(table: "KeptTable") -> AsyncIterator[Street]:
    bus, metrics = MemoryBus(), Metrics()
    records = Records(table, metrics)
    projection = Projection(bus=bus, sink=records, metrics=metrics, purpose="custody", linger_s=0.01)
    reaper = Reaper(
        bus=bus,
        records=records,
        projection=projection,
        metrics=metrics,
        now=lambda: made.now,
        now_ms=lambda: 1_800_000_000_000,
    )
    made = Street(bus=bus, records=records, projection=projection, reaper=reaper, metrics=metrics)
    task = asyncio.create_task(projection.run())
    try:
        yield made
    finally:
        await stopped(task)


async def test_a_lost_worker_s_request_is_closed_once_and_its_late_finished_is_ignored(
    table: "KeptTable", fact: Make
) -> None:
    async with street(table) as st:
        await st.wait(1)
        await st.tell("egress", fact("egress"))
        await st.tell("delivered", fact("delivered", output_bytes=40))
        st.beat("worker-1")
        assert await st.wait(14) == []
        assert await st.wait(1) == ["0" * 16]
        await st.reaper._close(list(st.records.open))
        await st.reaper._close(list(st.records.open))
        await st.tell("finished", fact("finished"))
        assert len(st.records.open) == 0
        kinds = [row["kind"] for row in table.kept.rows("facts")]
        assert kinds == ["egress", "delivered", "finished", "finished"]
        rows = await table.of("t_one", "0" * 16)
        assert rows[2].said["outcome"] == "worker_lost"
        assert rows[2].said["usage"]["output"] == 10
        assert b"ni_finished_ignored_total 1.0" in st.metrics.text()


async def test_a_worker_that_beats_or_left_less_than_15_s_ago_keeps_its_requests(
    table: "KeptTable", fact: Make
) -> None:
    async with street(table) as st:
        await st.wait(1)
        await st.tell("egress", fact("egress"))
        assert await st.wait(60, "worker-1") == []
        st.beat("worker-1", leaving=True)
        assert await st.wait(14) == []
        assert await st.wait(1) == ["0" * 16]


async def test_what_was_handed_on_and_lost_is_closed_though_the_worker_that_did_it_lives(
    table: "KeptTable", fact: Make
) -> None:
    async with street(table) as st:
        await st.wait(1)
        await st.tell("egress", fact("egress"))
        await st.tell("delivered", fact("delivered", at_ms=1_800_000_000_000 - ABANDONED_MS))
        assert await st.wait(14, "worker-1") == []
        assert await st.wait(1, "worker-1") == ["0" * 16]
        await st.reaper._close(list(st.records.open))
        await st.read_to(3)
        assert await st.wait(1, "worker-1") == []


async def test_custody_that_just_started_gives_every_worker_15_s(table: "KeptTable", fact: Make) -> None:
    async with street(table) as st:
        await st.tell("egress", fact("egress"))
        assert await st.wait(15) == []
        assert await st.wait(1) == ["0" * 16]


async def test_a_reconnect_begins_the_15_s_again(table: "KeptTable", fact: Make) -> None:
    async with street(table) as st:
        await st.wait(1)
        await st.tell("egress", fact("egress"))
        assert await st.wait(14) == []
        st.bus.fail()
        st.bus.heal()
        assert await st.wait(15) == []
        assert await st.wait(1) == ["0" * 16]


async def test_a_pause_of_our_own_begins_the_15_s_again(table: "KeptTable", fact: Make) -> None:
    async with street(table) as st:
        await st.wait(1)
        await st.tell("egress", fact("egress"))
        st.now += 60
        assert await st.wait(15) == []
        assert await st.wait(1) == ["0" * 16]


async def test_nothing_is_closed_while_the_reading_is_behind(table: "KeptTable", fact: Make) -> None:
    async with street(table) as st:
        await st.wait(1)
        await st.tell("egress", fact("egress"))
        await st.wait(14)
        table.kept.fail()
        await st.bus.append("ev.finished.0", FactBatch(facts=[fact("finished")]).SerializeToString())
        asking = asyncio.create_task(st.wait(1))
        await asyncio.sleep(0.2)
        assert not asking.done()
        table.kept.heal()
        assert await asking == []


async def test_a_restart_knows_the_open_requests_again(table: "KeptTable", fact: Make) -> None:
    async with street(table) as st:
        await st.tell("egress", fact("egress"))
    async with street(table) as st:
        await st.read_to(1)
        assert [r.request_id for r in st.records.open] == ["0" * 16]
        assert [r.boot_id for r in st.records.open] == ["worker-1"]
