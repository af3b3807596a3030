"""Custody as a process, on a real broker and the real store, which a test may kill."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.facts_pb2 import Delivered, Egress, Fact, FactBatch, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.contracts.northern.v1.query_pb2 import CustodyGet, CustodyGot
from libs.contracts.northern.v1.street_pb2 import Beat
from libs.store.clickhouse import ClickHouseStore
from libs.store.migrations import migrate
from tests.contract.store.conftest import PASSWORD, Host
from tests.support.broker import Broker, apart, open_to_all

MIGRATIONS = Path("infra/clickhouse/migrations")


@dataclass
class Street:
    broker: Broker
    host: Host
    log_key: Path
    custody: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_custody(self) -> subprocess.Popen[bytes]:
        env = os.environ | {
            "NI_NATS_URL": self.broker.url,
            "NI_STORE_URL": f"http://127.0.0.1:{self.host.port}",
            "NI_STORE_PASSWORD": PASSWORD,
            "NI_PROJECTION_LINGER_MS": "50",
            "NI_SEAL_EVERY_MS": "100",
            "NI_LOG_KEY_FILE": str(self.log_key),
            "NI_DRAIN_S": "2",
        }
        process = subprocess.Popen([sys.executable, "-m", "services.custody"], env=env, stdout=subprocess.DEVNULL)
        self.custody.append(process)
        return process

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        store = ClickHouseStore(self.host.settings)
        try:
            return await store.query(sql)
        finally:
            await store.close()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    broker = Broker(tmp_path / "nats", open_to_all)
    broker.start()
    broker.provision()
    host = Host(tmp_path / "clickhouse")
    host.start()
    apart(_migrated(host))
    log_key = tmp_path / "log.key"
    log_key.write_bytes(b"k" * 32)
    made = Street(broker, host, log_key)
    made.start_custody()
    yield made
    for process in made.custody:
        if process.poll() is None:
            process.terminate()
            assert process.wait(15) == 0
    host.stop()
    broker.kill()


async def _migrated(host: Host) -> None:
    store = ClickHouseStore(host.settings)
    await migrate(store, MIGRATIONS)
    await store.close()


@asynccontextmanager
async def bus_of(street: Street) -> AsyncIterator[Bus]:
    async with connect("ingress", street.broker.settings) as bus:
        yield bus


def new_id(age_ms: int = 0) -> str:
    return f"{((time.time_ns() // 1_000_000 - age_ms - EPOCH_MS) << 23) | secrets.randbits(23):016x}"


def facts_of(request_id: str, boot_id: str = "w1") -> dict[str, Fact]:
    now = time.time_ns() // 1_000_000
    route = RouteFacts(route_id="openai/gpt-x", provider="OpenAI", processing_jurisdictions=["US"])
    egress = Egress(boot_id=boot_id, route=route, salt=b"s" * 32, received_at_ms=now)
    finished = Finished(boot_id=boot_id, attempts=1, outcome=Outcome.OUTCOME_COMPLETED, route=route)
    base: dict[str, Any] = {"request_id": request_id, "tenant": "t_one", "at_ms": now}
    return {
        "egress": Fact(egress=egress, **base),
        "finished": Fact(finished=finished, **base),
        "delivered": Fact(delivered=Delivered(status=200, output_bytes=40), **base),
    }


async def tell(bus: Bus, kind: str, *facts: Fact) -> int:
    while True:
        try:
            return await bus.append(f"ev.{kind}.0", FactBatch(facts=facts).SerializeToString(), timeout_s=2)
        except (BusUnavailable, Overloaded):
            await asyncio.sleep(0.1)


async def look_up(bus: Bus, request_id: str, tenant: str = "t_one", wait_ms: int = 3000) -> CustodyGot:
    asked = CustodyGet(tenant=tenant, request_id=request_id, wait_ms=wait_ms).SerializeToString()
    async with asyncio.timeout(20):
        while True:
            try:
                return CustodyGot.FromString(await bus.request("ni.query.custody.get", asked, 5))
            except (BusUnavailable, Overloaded):
                await asyncio.sleep(0.1)


async def settle(street: Street, facts: int) -> list[dict[str, Any]]:
    """The table once it holds that many rows, and a moment later, for rows too many."""
    async with asyncio.timeout(40):
        while (await street.rows("SELECT count() AS n FROM facts"))[0]["n"] < facts:  # noqa: ASYNC110 - a table has no event
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.3)
    return await street.rows("SELECT stream_seq, idx, request_id, kind FROM facts ORDER BY stream_seq, idx")


async def test_a_young_id_is_waited_for_and_sealed_and_no_other_tenant_sees_it(street: Street) -> None:
    async with bus_of(street) as bus:
        request_id = new_id()
        asking = asyncio.create_task(look_up(bus, request_id))
        for kind, made in facts_of(request_id).items():
            await tell(bus, kind, made)
        record = orjson.loads((await asking).record)
        assert (record["status"], record["resolved-provider"], record["outcome"]) == ("sealed", "OpenAI", "completed")
        stranger = orjson.loads((await look_up(bus, request_id, tenant="t_two", wait_ms=0)).record)
        assert stranger == orjson.loads((await look_up(bus, new_id(), wait_ms=0)).record) | {
            "request_id": request_id,
            "request-id": request_id,
        }
        assert (await look_up(bus, new_id(age_ms=60_000))).failure.code == "not_found"


async def test_killed_custody_and_a_killed_store_lose_nothing_and_double_nothing(street: Street) -> None:
    ids = [new_id() for _ in range(300)]
    async with bus_of(street) as bus:
        for n, request_id in enumerate(ids):
            for kind, made in facts_of(request_id).items():
                await tell(bus, kind, made)
            if n in (60, 120, 200):
                street.custody[-1].kill()
                street.custody[-1].wait()
                street.start_custody()
            if n in (90, 170):
                street.host.stop(signal.SIGKILL)
                await asyncio.sleep(0.3)
                await asyncio.to_thread(street.host.start)
        rows = await settle(street, 900)
    assert len(rows) == len({(r["stream_seq"], r["idx"]) for r in rows}) == 900
    assert {r["request_id"] for r in rows} == set(ids)


async def test_a_killed_broker_is_followed_again(street: Street) -> None:
    async with bus_of(street) as bus:
        await tell(bus, "egress", facts_of(new_id())["egress"])
        await settle(street, 1)
        street.broker.kill()
        await asyncio.to_thread(street.broker.start)
        await tell(bus, "egress", facts_of(new_id())["egress"])
        assert len(await settle(street, 2)) == 2


async def test_two_custodies_write_every_fact_once_and_both_answer(street: Street) -> None:
    street.start_custody()
    async with bus_of(street) as bus:
        ids = [new_id() for _ in range(20)]
        for request_id in ids:
            for kind, made in facts_of(request_id).items():
                await tell(bus, kind, made)
        assert len(await settle(street, 60)) == 60
        for request_id in ids:
            assert orjson.loads((await look_up(bus, request_id)).record)["status"] == "sealed"


async def test_a_silent_workers_request_is_closed_once_and_a_beating_ones_is_not(street: Street) -> None:
    async with bus_of(street) as bus:
        lost, kept = new_id(), new_id()
        await tell(bus, "egress", facts_of(lost, "dead")["egress"], facts_of(kept, "alive")["egress"])
        await tell(bus, "delivered", facts_of(lost)["delivered"])

        async def beat() -> None:
            while True:
                await bus.publish("ni.beat.worker", Beat(boot_id="alive").SerializeToString())
                await asyncio.sleep(2)

        beating = asyncio.create_task(beat())
        rows = await settle(street, 4)
        await asyncio.sleep(2)
        beating.cancel()
        rows = await settle(street, 4)
        assert [(r["request_id"], r["kind"]) for r in rows if r["kind"] == "finished"] == [(lost, "finished")]
        record = orjson.loads((await look_up(bus, lost)).record)
        assert (record["outcome"], record["usage"]["output"]) == ("worker_lost", 10)
        assert (await look_up(bus, kept)).record
