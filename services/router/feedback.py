"""What accounts thought of answers: a watched copy of the bucket `feedback`."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.message import DecodeError

from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.contracts.northern.v1.facts_pb2 import FeedbackCounts
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

Counts = Mapping[tuple[str, str], tuple[float, float]]
_NONE: Final[Counts] = {}


class Feedback:
    """Answers from memory. Where an account's record cannot be read it has said nothing."""

    def __init__(self, bus: Bus, metrics: Metrics) -> None:
        self._counts: dict[str, Counts] = {}
        self._watch = Watch(bus, "feedback", self._keep, metrics)

    async def start(self) -> None:
        await self._watch.start()

    async def close(self) -> None:
        await self._watch.close()

    def counts(self, tenant: str) -> Counts:
        """(route id, task) to how many answers the account's people called good, and how many bad."""
        return self._counts.get(tenant, _NONE)

    def _keep(self, tenant: str, value: bytes | None) -> None:
        self._counts.pop(tenant, None)
        if value is None:
            return
        try:
            told = FeedbackCounts.FromString(value)
        except DecodeError:
            logger().error("record_unreadable", bucket="feedback", error_type="DecodeError")
            return
        self._counts[tenant] = {(one.route_id, one.task): (one.good, one.bad) for one in told.counts}
