"""Room in RECORDS: of what the store has, the oldest goes before the stream is full, or sealing would stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.subjects import RECORDS, STREAMS
from libs.telemetry.log import logger

_EVERY_S = 60.0
MOST = next(spec.max_bytes for spec in STREAMS if spec.name == RECORDS) // 2


@dataclass(kw_only=True)
class Trimming:
    """Told of each batch that was written. Half of the stream stays, for a store that has to be brought back."""

    bus: Bus
    most: int = MOST  # bytes
    now: Callable[[], float] = time.monotonic
    _next: float = field(default=0.0)

    async def written(self, seq: int) -> None:
        """Everything up to message `seq` of RECORDS stands in the table. Looks once a minute."""
        if self.now() < self._next:
            return
        self._next = self.now() + _EVERY_S
        try:
            held = await self.bus.held(RECORDS)
            if held.size <= self.most:
                return
            before = min((held.first + held.last) // 2, seq) + 1
            if before > held.first:
                await self.bus.drop(RECORDS, before=before)
        except (BusUnavailable, Overloaded) as error:
            logger().warning("records_not_trimmed", error_type=type(error).__name__)
