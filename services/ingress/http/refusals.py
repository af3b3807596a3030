"""What was refused before it was a request: counted at once, and a line for each reason, however many there were."""

from collections import Counter
from enum import StrEnum

from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics


class Reason(StrEnum):
    """Labels of `ni_refusals_total` beside the codes of errors; nothing a client sent is in them."""

    MALFORMED = "malformed_http"
    HEADERS_TOO_LARGE = "headers_too_large"
    SLOW_HEADERS = "slow_headers"
    INTERNAL = "internal"


class Refusals:
    """Anybody can open connections and send nonsense on them: a flood of that is no flood of lines."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._untold: Counter[tuple[int, Reason]] = Counter()

    def add(self, status: int, reason: Reason) -> None:
        """One more, answered with this status."""
        self._metrics.count("refusals_total", reason.value)
        self._untold[status, reason] += 1

    def tell(self) -> None:
        """A line for each status and reason since the last time; the edge asks once a second, and at its end."""
        if not self._untold:
            return
        untold, self._untold = self._untold, Counter()
        for (status, reason), count in untold.items():
            logger().info("request_refused", status=status, code=reason.value, count=count)
