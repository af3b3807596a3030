"""What whoever runs the deployment is told: that books of the same money differ, once a day for the same ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from libs.bus.base import Bus, Conflict
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.alerts.courier import Courier, Verdict
from services.billing.alerts.notices import PLATFORM, Receiver, of_books
from services.billing.alerts.sending import BUCKET


@dataclass(kw_only=True)
class Platform:
    """Told after each comparison; what could not be delivered is tried again after the next one."""

    bus: Bus
    courier: Courier
    key: bytes
    receiver: Receiver
    metrics: Metrics
    now_ms: Callable[[], int]

    async def books(self, pairs: Mapping[str, int]) -> None:
        """`pairs`: differences by pair of books, those that have any. Never raises for what is not our fault."""
        if not pairs:
            return
        day = datetime.fromtimestamp(self.now_ms() / 1000, UTC).date().isoformat()
        try:
            entry = await self.bus.get(BUCKET, PLATFORM)
            said = _said(entry.value, day) if entry else set()
            if pairs.keys() <= said:
                return
            notice = of_books(self.key, self.receiver, day, pairs, self.now_ms())
            verdict = await self.courier.deliver(notice)
            self.metrics.count("alerts_total", "books", verdict.value)
            if verdict is not Verdict.DELIVERED:
                logger().error("alert_not_delivered", name="books", outcome=verdict.value)
                return
            value = orjson.dumps({"day": day, "pairs": sorted(said | pairs.keys())})
            await self.bus.put(BUCKET, PLATFORM, value, revision=entry.revision if entry else 0)
        except (BusUnavailable, Overloaded, Conflict) as error:
            logger().warning("alert_waits", name="books", error_type=type(error).__name__)


def _said(value: bytes, day: str) -> set[str]:
    try:
        found = orjson.loads(value)
        return {str(pair) for pair in found["pairs"]} if found["day"] == day else set()
    except (ValueError, KeyError, TypeError):
        return set()
