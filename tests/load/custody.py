"""How long a look-up takes with a million sealed records in the embedded store: `python -m tests.load.custody`."""

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import orjson

from libs.bus.memory import MemoryBus
from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.query_pb2 import CustodyGet, CustodyGot
from libs.store.clickhouse import ClickHouseStore
from libs.store.migrations import migrate
from libs.tlog.checkpoint import Checkpoint
from services.custody.handlers import Handlers
from services.custody.log.log import Head
from services.custody.queries import FactTable
from services.custody.receipts.table import RecordTable
from services.custody.records import Row, record
from services.custody.statements import canonical, statement
from tests.contract.store.conftest import Host
from tests.unit.custody.conftest import make
from tests.unit.custody.log.rig import Machine

BLOCK: Final = 5_000
TENANTS: Final = 50
# Ids at 40 ms from each other, spread over the accounts; salts and one hash of each record cannot be compressed.
FILL: Final = """
    INSERT INTO custody_records
    SELECT tenant, request_id, leaf, tlog_seq, sealed_at, salt, record, gone FROM (
    SELECT concat('t_', toString(number % {tenants})) AS tenant,
        leftPad(lower(hex(toUInt64(bitShiftLeft(number * 40 + 1000, 23)))), 16, '0') AS request_id,
        number AS leaf, intDiv(number, 100) + 1 AS tlog_seq, toDateTime64('2026-11-21 00:00:00', 3, 'UTC') AS sealed_at,
        lower(hex(SHA256(concat('salt', toString(number))))) AS salt,
        replaceAll('{record}', '{hash}', lower(hex(SHA256(toString(number))))) AS said,
        replaceAll(said, '{id}', request_id) AS record,
        '' AS gone
    FROM numbers({first}, {count}))
"""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def example() -> bytes:
    """A record as it is sealed."""
    facts = [make(kind, request_id="f" * 16) for kind in ("egress", "finished", "delivered")]
    rows = [Row(stream_seq=n, idx=0, said=statement(fact)) for n, fact in enumerate(facts, start=1)]
    return canonical(record(rows, facts[0].at_ms) | {"status": "sealed"})


def id_of(number: int) -> str:
    return f"{(number * 40 + 1000) << 23:016x}"


async def fill(store: ClickHouseStore, count: int) -> None:
    raw = example().decode()
    for first in range(0, count, BLOCK):
        await store.command(
            FILL.format(
                tenants=TENANTS,
                record=raw.replace("'", "\\'"),
                hash="04" * 32,
                id="f" * 16,
                first=first,
                count=min(BLOCK, count - first),
            )
        )


async def look_ups(handlers: Handlers, count: int, asked: int, at_once: int) -> list[float]:
    """Milliseconds of each, in no order of theirs."""
    chance, took = random.Random(7), list[float]()

    async def ask() -> None:
        for _ in range(asked // at_once):
            number = chance.randrange(count)
            ask = CustodyGet(tenant=f"t_{number % TENANTS}", request_id=id_of(number), wait_ms=3000)
            began = time.perf_counter()
            got = CustodyGot.FromString(await handlers.get(ask.SerializeToString()))
            took.append((time.perf_counter() - began) * 1000)
            assert orjson.loads(got.record)["status"] == "sealed", got.failure

    await asyncio.gather(*(ask() for _ in range(at_once)))
    return sorted(took)


async def measured(folder: Path, count: int, asked: int) -> None:
    host = Host(folder / "clickhouse")
    await asyncio.to_thread(host.start)
    store = ClickHouseStore(host.settings)
    try:
        await migrate(store, Path("infra/clickhouse/migrations"))
        began = time.perf_counter()
        await fill(store, count)
        say(f"{count} records of {len(example())} bytes in {time.perf_counter() - began:.0f} s")
        while (await store.query("SELECT count() AS n FROM system.merges"))[0]["n"]:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(1)
        machine = Machine(bus=MemoryBus(), root=folder / "log")
        log = machine.parts().log
        checkpoint = Checkpoint(origin="bench", size=count, root=b"\0" * 32)
        log._head = Head(
            checkpoint=checkpoint, note="", at_ms=EPOCH_MS
        )  # what the log would say, without a million leaves
        records = RecordTable(store)
        handlers = Handlers(table=FactTable(store), records=records, log=log, now_ms=lambda: EPOCH_MS + (1 << 41))
        for at_once in (1, 8):
            took = await look_ups(handlers, count, asked, at_once)
            tenth = statistics.quantiles(took, n=100)
            say(f"{at_once} at once: p50 {tenth[49]:.1f} ms, p95 {tenth[94]:.1f} ms, p99 {tenth[98]:.1f} ms")
        began = time.perf_counter()
        assert await records.position() > 0
        say(f"where the log was read to: {(time.perf_counter() - began) * 1000:.0f} ms")
        rows = await store.query(
            "SELECT sum(bytes_on_disk) AS n FROM system.parts WHERE active AND table = 'custody_records'"
        )
        say(f"on disk: {rows[0]['n'] / count:.0f} bytes a record; load average {os.getloadavg()[0]:.1f}")
    finally:
        await store.close()
        host.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--look-ups", type=int, default=800)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measured(Path(folder), given.records, given.look_ups))


if __name__ == "__main__":
    main()
