"""Whether a model is there to answer, as its workers say: `ready`, `loading` or `unavailable`."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from libs.bus.beats import Heard
from libs.catalog.model import Catalog, Route
from libs.contracts.northern.v1.street_pb2 import Breaker, EgressState, Reach, RouteSignals

_FRESH_MS = 60_000  # an answer within it counts for more than anything else that is known


class Health(StrEnum):
    """Best first."""

    READY = "ready"
    LOADING = "loading"  # ask again: it may be ready in a moment
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, kw_only=True)
class Healths:
    """Answers from what is heard; nobody is called for it. `wall`: Unix seconds."""

    catalog: Catalog
    heard: Heard
    wall: Callable[[], float] = time.time

    def of(self, name: str) -> Health | None:
        """Of a route, or of the best deployment of a model under its maker's id. None: there is no such name."""
        exact = self.catalog.route(name)
        routes: Iterable[Route] = (exact,) if exact is not None else self.catalog.by_native_id(name)
        found = [
            health_of(
                self.heard.egress(route.egress),
                self.heard.signals().get(route.route_id),
                settled=self.heard.settled,
                now_ms=int(self.wall() * 1000),
            )
            for route in routes
        ]
        return min(found, key=list(Health).index, default=None)


def health_of(state: EgressState | None, said: RouteSignals | None, *, settled: bool, now_ms: int) -> Health:
    """`settled`: whether hearing of no worker means that there is none.

    A breaker that is open says it fails; one that waits for a probe, that it may be back. What was answered a moment
    ago is there, whatever a connection found out.
    """
    if state is None:
        return Health.UNAVAILABLE if settled else Health.LOADING
    if not state.available:
        return Health.UNAVAILABLE
    if said is None:
        return Health.READY
    if said.breaker == Breaker.BREAKER_OPEN:
        return Health.UNAVAILABLE
    if said.breaker == Breaker.BREAKER_PROBING:
        return Health.LOADING
    if now_ms - said.last_ms < _FRESH_MS:
        return Health.READY
    match said.reach:
        case Reach.REACH_LOADING:
            return Health.LOADING
        case Reach.REACH_NONE:
            return Health.UNAVAILABLE
        case _:
            return Health.READY
