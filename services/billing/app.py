"""Billing put together: broker and store opened, the ledger's shard owned when it is free; closed in order."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from libs.auth.keys import read_pepper
from libs.bus.base import Bus
from libs.bus.beats import beating
from libs.bus.nats import connect
from libs.bus.responder import answer
from libs.catalog.live import Following
from libs.contracts.subjects import query
from libs.projection.tasks import running
from libs.runtime.catalogue import followed
from libs.runtime.run import Checks
from libs.runtime.settings import refuse
from libs.store.clickhouse import ClickHouseStore
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.alerts import keeping as alerts
from services.billing.books.keeping import Books
from services.billing.dead_letters import DeadLetters
from services.billing.ledger.owner import Ownership
from services.billing.ledger.queries import copy_head
from services.billing.ledger.rules import Rules
from services.billing.settings import Settings

_READY_S = 0.1
_LOOK_S, _LOST = 1.0, 6  # so many looks without an owner are longer than one takes to follow another
_AT_ONCE = 4  # questions about dead letters: each reads a part of a stream
_BEHIND = 10_000  # messages: more than this unread and holds are kept for too long


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def build(settings: Settings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Run billing while the context is open."""
    try:
        following = Following(settings.config_dir)
        live = following.live
        alerts_key = await asyncio.to_thread(_key, settings.alerts_key_file)
    except (OSError, ValueError) as error:
        refuse(str(error))
    boot_id = secrets.token_hex(8)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(connect("billing", settings))
        store = ClickHouseStore(settings)
        stack.push_async_callback(store.close)
        await stack.enter_async_context(followed(following, settings.config_dir, metrics))
        rules = Rules(bus, metrics)
        stack.push_async_callback(rules.close)
        await rules.start()
        ownership = Ownership(
            bus=bus,
            shard=settings.shard,
            owner=boot_id,
            rules=rules,
            live=live,
            metrics=metrics,
            now_ms=_now_ms,
            copy_head=lambda: copy_head(store, settings.shard),
        )

        differ = await stack.enter_async_context(
            alerts.kept(
                bus=bus,
                ownership=ownership,
                rules=rules,
                key=alerts_key,
                platform_url=settings.platform_webhook,
                allow_private=settings.alerts_allow_private,
                metrics=metrics,
                now_ms=_now_ms,
            )
        )
        books = Books(bus=bus, store=store, live=live, metrics=metrics, owner=boot_id, now_ms=_now_ms, differ=differ)
        projections = await stack.enter_async_context(books.kept())
        letters = await answer(bus, query("billing", "dead_letters"), "billing", DeadLetters(bus=bus).page, _AT_ONCE)
        stack.push_async_callback(letters.stop)

        def checks() -> Mapping[str, bool]:
            return {
                "bus": bus.connected,
                "rules": rules.fresh,
                "ledger": ownership.ready,
                "settling": ownership.keeps_up(_BEHIND),
                "books": projections.keep_up(_BEHIND),
            }

        await stack.enter_async_context(running(ownership.run()))
        await stack.enter_async_context(running(_beat_while_ready(bus, boot_id, ownership)))
        yield checks
        await ownership.close(settings.drain_s)


def _key(path: Path | None) -> bytes | None:
    return read_pepper(path.read_bytes()) if path else None


async def _beat_while_ready(bus: Bus, boot_id: str, ownership: Ownership) -> None:
    """An edge that hears billing sends requests, so it is heard while the ledger answers, but for a short pause."""
    while True:
        while not ownership.ready:  # noqa: ASYNC110 - a journal may take seconds to replay; nobody waits for the moment
            await asyncio.sleep(_READY_S)
        async with beating(bus, "billing", boot_id):
            lost = 0
            while lost < _LOST:
                await asyncio.sleep(_LOOK_S)
                lost = 0 if ownership.ready else lost + 1
        logger().warning("ledger_unowned", name=f"ledger.{ownership.shard}")
