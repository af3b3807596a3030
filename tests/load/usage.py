"""How long pages and sums of an account's request log take at ten million rows: `python -m tests.load.usage`."""

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.query_pb2 import UsageFilter
from libs.store.clickhouse import ClickHouseStore
from libs.store.migrations import migrate
from services.billing.books import usage
from services.billing.books.queries import Page, Queries
from tests.contract.store.conftest import Host
from tests.load.ledger import spent_s

BLOCK: Final = 200_000
PAGE: Final = 100  # rows, as GET /api/usage has them where nothing is said
MINUTES: Final = 200 * 24 * 60  # the rows lie evenly over so much time
ACCOUNT: Final = "t_one"
# Of one account: 40 keys and one of old, 30 models and one rarely used, ends as they are, few of them rare.
FILL: Final = """
    INSERT INTO usage ({columns})
    SELECT '{account}',
        leftPad(lower(hex(toUInt64(bitShiftLeft(number * {step_ms} + 1000, 23)))), 16, '0'),
        toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number * {step_ms} + 1000) AS began,
        began + toIntervalMillisecond(700),
        multiIf(number < 100, 'k_of_old', number % 100000 = 7, 'k_rarely',
            concat('k_', toString(cityHash64(number) % 40))),
        multiIf(number % 1000000 = 5, 'some/rare-model',
            concat('openai/model-', toString(cityHash64(number, 1) % 30))) AS m,
        m, 'provider_api', 'OpenAI', 'us', 'platform', 'openai', 'gateway', 'chat', '',
        '', 0, '', '', '', 0, 0, 0, 0, 0, '', number % 2,
        multiIf(number % 2000000 = 11, 'worker_lost', number % 100 = 3, 'failed', number % 50 = 4, 'cancelled',
            'completed'),
        '', 1, 400 + number % 900, 0, 0, 0, 200 + cityHash64(number, 2) % 500, 0, 0, 0,
        1000000 + cityHash64(number, 3) % 9000000, 'CAD', 900000 + cityHash64(number, 3) % 9000000, 'USD',
        concat('{{"card":"openai/model","rates":{{"input":"0.40","output":"1.60"}},"cost":"',
            toString(cityHash64(number, 3)), '"}}'),
        700 + cityHash64(number, 4) % 3000, 200 + number % 300, number + 1, number
    FROM numbers({first}, {count})
"""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def fill(store: ClickHouseStore, count: int) -> None:
    step_ms = MINUTES * 60_000 // count
    for first in range(0, count, BLOCK):
        await store.command(
            FILL.format(
                columns=", ".join(usage.COLUMNS),
                account=ACCOUNT,
                step_ms=step_ms,
                first=first,
                count=min(BLOCK, count - first),
            )
        )


def _ago(share: float, count: int) -> int:
    """The time in Unix milliseconds behind which this share of the rows lies."""
    return EPOCH_MS + 1000 + int(count * share) * (MINUTES * 60_000 // count)


def pages(count: int) -> Iterator[tuple[str, UsageFilter, str]]:
    """What is asked for, its filter, and the cursor."""

    def id_at(share: float) -> str:
        return f"{_ago(share, count) - EPOCH_MS << 23:016x}"

    yield "newest", UsageFilter(), ""
    yield "cursor half way", UsageFilter(), id_at(0.5)
    yield "cursor at the end", UsageFilter(), id_at(0.0001)
    yield "one request", UsageFilter(request_id=f"{(_ago(0.3, count) - EPOCH_MS) << 23:016x}"), ""
    yield "one day", UsageFilter(from_ms=_ago(0.5, count), until_ms=_ago(0.505, count)), ""
    for place, before in (("", ""), (", half way", id_at(0.5))):
        yield f"a key{place}", UsageFilter(key_id="k_7"), before
        yield f"a model{place}", UsageFilter(model="openai/model-7"), before
        yield f"completed{place}", UsageFilter(status="completed"), before
        yield f"failed{place}", UsageFilter(status="failed"), before
        yield f"worker_lost (5 rows){place}", UsageFilter(status="worker_lost"), before
        yield f"a key of 100 rows, spread{place}", UsageFilter(key_id="k_rarely"), before
        yield f"a model of 10 rows{place}", UsageFilter(model="some/rare-model"), before
        yield f"a route of 10 rows{place}", UsageFilter(route="some/rare-model"), before
    yield "a key of the first day", UsageFilter(key_id="k_of_old"), ""
    yield "a key that never asked", UsageFilter(key_id="k_never"), ""
    yield "a model nobody asked for", UsageFilter(model="none"), ""
    yield "a status nothing had", UsageFilter(status="pii_failed"), ""
    yield "a key and a model", UsageFilter(key_id="k_7", model="openai/model-7"), ""
    yield "a key and failed", UsageFilter(key_id="k_7", status="failed"), ""
    yield "a key's rare model", UsageFilter(key_id="k_7", model="some/rare-model"), ""
    yield "a key, failed, that never were together", UsageFilter(key_id="k_rarely", status="failed"), ""
    yield "a key of the first day, last month", UsageFilter(key_id="k_of_old", from_ms=_ago(0.85, count)), ""


async def timed(host: Host, what: str, ask: Callable[[], Awaitable[Page]], times: int) -> None:
    """The processor's time of the host says it on a machine that has other work as well."""
    assert host.process is not None
    took, rows = [], 0
    before = spent_s(host.process.pid)
    for _ in range(times):
        began = time.perf_counter()
        rows = len((await ask()).rows)
        took.append((time.perf_counter() - began) * 1000)
    cpu = (spent_s(host.process.pid) - before) / times * 1000
    say(
        f"{what:<54} {rows:>4} rows   p50 {statistics.median(took):7.1f} ms   worst {max(took):7.1f} ms   "
        f"CPU {cpu:6.1f} ms"
    )


async def asked(host: Host, queries: Queries, count: int, times: int) -> None:
    for name, narrow, before in pages(count):
        await timed(host, f"page  {name}", partial(queries.usage, ACCOUNT, narrow, before, PAGE), times)


async def added(host: Host, queries: Queries, count: int, times: int) -> None:
    for by in ("day", "model", "key", "task"):
        for name, narrow in (
            ("all time", UsageFilter()),
            ("30 days", UsageFilter(from_ms=_ago(0.85, count))),
            ("a day", UsageFilter(from_ms=_ago(0.995, count))),
        ):
            ask = partial(queries.totals, ACCOUNT, narrow, by, time_zone="America/Toronto", after=None, most=150)
            await timed(host, f"sums  by {by}, {name}", ask, times)


async def inserts(host: Host, store: ClickHouseStore, blocks: int, rows: int) -> None:
    """What writing costs: blocks as billing's projection writes them, rows made by the caller."""
    rng = random.Random(7)
    values = await store.query(f"SELECT {', '.join(usage.COLUMNS)} FROM usage ORDER BY request_id DESC LIMIT {rows}")
    assert host.process is not None
    took, before = [], spent_s(host.process.pid)
    for n in range(blocks):
        block = [
            [f"{rng.getrandbits(62) | 1 << 62:016x}" if name == "request_id" else row[name] for name in usage.COLUMNS]
            for row in values
        ]
        began = time.perf_counter()
        await store.insert(usage.TABLE, usage.COLUMNS, block, token=f"load-{n}-{rng.random()}")
        took.append((time.perf_counter() - began) * 1000)
    cpu = (spent_s(host.process.pid) - before) / blocks * 1000
    say(
        f"write {blocks} blocks of {rows} rows: p50 {statistics.median(took):.1f} ms, "
        f"mean {statistics.mean(took):.1f} ms, CPU {cpu:.1f} ms"
    )


async def measured(folder: Path, migrations: Path, count: int, times: int) -> None:
    host = Host(folder / "clickhouse", timeout_s=30)
    await asyncio.to_thread(host.start)
    store = ClickHouseStore(host.settings.model_copy(update={"store_timeout_s": 30}))
    try:
        await migrate(store, migrations)
        began = time.perf_counter()
        if not (await store.query("SELECT count() AS n FROM usage"))[0]["n"]:
            await fill(store, count)
        while (await store.query("SELECT count() AS n FROM system.merges"))[0]["n"]:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(1)
        (size,) = await store.query(
            "SELECT sum(bytes_on_disk) AS n, count() AS parts FROM system.parts WHERE active AND table = 'usage'"
        )
        say(
            f"{count:,} rows of one account in {time.perf_counter() - began:.0f} s: "
            f"{size['n'] / count:.0f} bytes a row, {size['parts']} parts; load average {os.getloadavg()[0]:.1f}"
        )
        queries = Queries(store)
        await asked(host, queries, count, times)
        await added(host, queries, count, max(1, times // 2))
        await inserts(host, store, 60, 500)
    finally:
        await store.close()
        host.stop()


def main() -> None:
    """Print a line for each kind of page and of sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="kept, and taken as it is where it was filled before")
    parser.add_argument("--migrations", type=Path, default=Path("infra/clickhouse/migrations"), help="to compare two")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measured(given.folder or Path(folder), given.migrations, given.rows, given.times))


if __name__ == "__main__":
    main()
