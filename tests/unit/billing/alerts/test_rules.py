"""Which accounts are watched for alerts: those with a webhook and a budget, as their records say now."""

from datetime import UTC, datetime
from typing import Any

from libs.auth.records import AlertWebhook, TenantRecord
from libs.bus.memory import MemoryBus
from libs.telemetry.metrics import Metrics
from services.billing.ledger.rules import Alerting, Rules
from tests.support.broker import until

HOOK = AlertWebhook(url="https://ops.example/", version=7)


async def test_an_account_is_watched_while_it_has_a_budget_and_somebody_to_tell() -> None:
    bus = MemoryBus()
    rules = Rules(bus, Metrics())

    async def put(**more: Any) -> None:
        record = TenantRecord(id="t_one", name="x", created=datetime.now(UTC), **more)
        await bus.put("tenants", "t_one", record.to_bytes())

    await rules.start()
    try:
        for more, watched in (
            ({"alert_webhook": HOOK}, False),
            ({"alert_webhook": HOOK, "budget_per_month": "5"}, True),
            ({"budget_per_month": "5"}, False),
            ({"alert_webhook": HOOK, "budget_per_month": "5", "alert_thresholds": (10,)}, True),
        ):
            await put(**more)
            await until(lambda: "t_one" in rules.accounts)
            await until(lambda watched=watched: ("t_one" in rules.alerted) is watched)  # type: ignore[misc]
        await until(lambda: rules.accounts["t_one"].alerts == Alerting(url=HOOK.url, version=7, thresholds=(10,)))
        await bus.delete("tenants", "t_one")
        await until(lambda: not rules.alerted)
    finally:
        await rules.close()
