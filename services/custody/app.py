"""Custody put together: broker and store opened; log, reader, reaper and look-up started; all of it closed in order."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.bus.beats import beating
from libs.bus.nats import connect
from libs.contracts.subjects import beat
from libs.projection.leased import while_leased
from libs.projection.loop import Projection
from libs.projection.tasks import running, together
from libs.runtime.run import Checks
from libs.store.clickhouse import ClickHouseStore
from libs.telemetry.metrics import Metrics
from services.custody.log.keeping import kept
from services.custody.queries import FactTable
from services.custody.reader import Records
from services.custody.reaper import Reaper
from services.custody.receipts.erasures import ErasureTable, facts_and_acts_in
from services.custody.receipts.keeping import receipts
from services.custody.settings import Settings

_PING_S = 2.0
_BEHIND = 10_000  # messages: more than this unread and look-ups are stale enough to say so


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def build(settings: Settings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Run custody while the context is open."""
    boot_id = secrets.token_hex(8)
    async with (
        connect("custody", settings) as bus,
        _opened(settings) as store,
        kept(bus, settings, metrics, boot_id=boot_id, now=time.monotonic, now_ms=_now_ms) as log,
    ):
        table = FactTable(store)
        records = Records(table, metrics, ErasureTable(store))
        projection = Projection(
            bus=bus,
            sink=records,
            metrics=metrics,
            purpose="custody",
            read=facts_and_acts_in,
            rows=settings.projection_rows,
            linger_s=settings.projection_linger_ms / 1000,
            busy_linger_s=settings.projection_busy_linger_ms / 1000,
        )
        reaper = Reaper(
            bus=bus, records=records, projection=projection, metrics=metrics, now=time.monotonic, now_ms=_now_ms
        )
        listening = await bus.subscribe(beat("worker"), reaper.hear)

        def checks() -> Mapping[str, bool]:
            return {
                "bus": bus.connected,
                "store": table.reachable,
                "reading": projection.keeps_up(_BEHIND),
                **log.checks(),
            }

        async with (
            receipts(bus, store, table, log, metrics, _now_ms) as room,
            running(
                while_leased(
                    bus,
                    "reader.custody",
                    boot_id,
                    _now_ms,
                    lambda: together(projection.run(), reaper.run(), room.run()),
                )
            ),
            running(_ping(table)),
            beating(bus, "custody", boot_id),
        ):
            yield checks
            await listening.stop()


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[ClickHouseStore]:
    store = ClickHouseStore(settings)
    try:
        yield store
    finally:
        await store.close()


async def _ping(table: FactTable) -> None:
    while True:
        await table.ping()
        await asyncio.sleep(_PING_S)
