"""The accounts' own credentials as they are kept, sealed: a watched copy of a bucket, none where it is too old."""

from collections.abc import Callable

from libs.auth.records import ByokRecord, UnreadableRecord, byok_key
from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.contracts.errors import BusUnavailable
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics


class Kept:
    """`on_change` is told the place of each record that came, changed or went."""

    def __init__(self, bus: Bus, metrics: Metrics) -> None:
        self._records: dict[str, ByokRecord] = {}
        self._watch = Watch(bus, "byok", self._said, metrics)
        self.on_change: Callable[[str], None] = lambda _: None

    async def start(self) -> None:
        """Raises BusUnavailable when there is no whole copy in time."""
        await self._watch.start()

    async def close(self) -> None:
        await self._watch.close()

    @property
    def fresh(self) -> bool:
        return not self._watch.stale

    def of(self, tenant: str, provider: str) -> ByokRecord | None:
        """Raises BusUnavailable: what was deleted a while ago must not be used because nobody could tell us."""
        if self._watch.blind:
            raise BusUnavailable(
                "your account's own credentials cannot be looked up right now, so nothing was sent; try again",
                retry_after_ms=1000,
            )
        return self._records.get(byok_key(tenant, provider))

    def _said(self, place: str, value: bytes | None) -> None:
        self._records.pop(place, None)
        if value is not None:
            try:
                record = ByokRecord.from_bytes(value)
            except UnreadableRecord as error:
                logger().error("record_unreadable", bucket="byok", reason=str(error))
            else:
                if byok_key(record.tenant, record.provider) == place:
                    self._records[place] = record
        self.on_change(place)
