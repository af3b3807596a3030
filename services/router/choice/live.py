"""How a deployment has been answering, worked out once for each report of it instead of once for each request."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.northern.v1.street_pb2 import Breaker, Reach, RouteSignals

_CALLS = 10.0  # live figures count as much as the assumed ones when there are so many calls
_ERRORS, _ERROR_CALLS = 1.0, 50.0  # what is taken for seen before a route was called
_SCARCE = 100.0  # thousandths of a provider's limit; with less than this left a route loses up to half of its fit
_AWAY = (Reach.REACH_LOADING, Reach.REACH_NONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """`reliable` multiplies the fit. Times in ms, 0: none is known; `seen` is how much they count.

    `probing`: some request may find out whether it answers again; `away`: a machine of the operator's, not up.
    """

    open: bool = False
    probing: bool = False
    away: bool = False
    reliable: float = 1.0 - _ERRORS / _ERROR_CALLS
    seen: float = 0.0
    first_byte_ms: float = 0.0
    slow_first_byte_ms: float = 0.0
    total_ms: float = 0.0
    slow_total_ms: float = 0.0


UNHEARD = Live()


class Reports:
    """Reads each report once: who hands one over makes a new one for new figures, as messages of the bus are."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[RouteSignals, Live]] = {}

    def live(self, signals: Mapping[str, RouteSignals], route_id: str) -> Live:
        """Of a route; the dictionary holds no more than the catalogue has routes."""
        report = signals.get(route_id)
        if report is None:
            return UNHEARD
        known = self._read.get(route_id)
        if known is None or known[0] is not report:
            known = self._read[route_id] = (report, read(report))
        return known[1]


def read(report: RouteSignals) -> Live:
    """Pure."""
    calls, left = report.calls, report.headroom_permille
    errors = (report.error_permille * calls / 1000 + _ERRORS) / (calls + _ERROR_CALLS)
    return Live(
        open=report.breaker == Breaker.BREAKER_OPEN,
        probing=report.breaker == Breaker.BREAKER_PROBING,
        away=report.reach in _AWAY,
        reliable=(1.0 - errors) * (1.0 if left >= _SCARCE else 0.5 + 0.5 * left / _SCARCE),
        seen=calls / (calls + _CALLS),
        first_byte_ms=float(report.first_byte_p50_ms),
        slow_first_byte_ms=float(report.first_byte_p95_ms),
        total_ms=float(report.total_p50_ms),
        slow_total_ms=float(report.total_p95_ms),
    )
