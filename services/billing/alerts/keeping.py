"""Alerts kept going beside the ledger, which must not end with them: what falls starts anew."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from libs.bus.base import Bus
from libs.projection.tasks import stopped
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.alerts.budgets import Spending
from services.billing.alerts.courier import Courier
from services.billing.alerts.notices import Receiver
from services.billing.alerts.platform import Platform
from services.billing.alerts.sending import Accounts, Alerts, Watched
from services.billing.books.reconcile import Differ, nobody
from services.billing.ledger.owner import Ownership
from services.billing.ledger.rules import Rules, day_and_month

_AGAIN_S: Final = 5.0


@asynccontextmanager
async def kept(
    *,
    bus: Bus,
    ownership: Ownership,
    rules: Rules,
    key: bytes | None,
    platform_url: str | None,
    allow_private: bool,
    metrics: Metrics,
    now_ms: Callable[[], int],
) -> AsyncIterator[Differ]:
    """Tell accounts of their budgets while this is open; gives whom to tell of books that differ."""
    if key is None:
        logger().warning("alerts_off", reason="NI_ALERTS_KEY_FILE is not set")
        yield nobody
        return
    async with AsyncExitStack() as stack:
        courier = await stack.enter_async_context(Courier(now_s=lambda: now_ms() / 1000, allow_private=allow_private))
        alerts = Alerts(
            bus=bus,
            accounts=_watched(ownership, rules, now_ms),
            courier=courier,
            key=key,
            metrics=metrics,
            now_ms=now_ms,
        )
        task = asyncio.create_task(_keep(alerts))
        stack.push_async_callback(stopped, task)
        if platform_url is None:
            yield nobody
            return
        receiver = Receiver(url=platform_url, version=1)
        yield Platform(bus=bus, courier=courier, key=key, receiver=receiver, metrics=metrics, now_ms=now_ms).books


async def _keep(alerts: Alerts) -> None:
    while True:
        try:
            await alerts.run()
        except Exception as error:  # noqa: BLE001 - an alert can be sent later, a hold cannot
            logger().error("alerts_fell", error_type=type(error).__name__)
        await asyncio.sleep(_AGAIN_S)


def _watched(ownership: Ownership, rules: Rules, now_ms: Callable[[], int]) -> Accounts:
    """As the ledger's owner knows them: exact, and without asking anybody."""

    def watched() -> Mapping[str, Watched] | None:
        shard, found = ownership.owned, {}
        if shard is None:
            return None
        for tenant in rules.alerted:
            account = rules.accounts[tenant]
            assert account.alerts is not None
            assert account.budget_nano is not None
            month = day_and_month(account.zone, now_ms())[1]
            counted = shard.state.months.get((tenant, month))
            spending = Spending(
                month=month,
                spent_nano=counted.spent if counted else 0,
                budget_nano=account.budget_nano,
                thresholds=account.alerts.thresholds,
            )
            receiver = Receiver(url=account.alerts.url, version=account.alerts.version)
            found[tenant] = Watched(receiver=receiver, spending=spending)
        return found

    return watched
