"""What every run of a worker process shares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from libs.bus.facts import FactPublisher
from libs.catalog import describe
from libs.catalog.model import Catalog, Route
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.telemetry.metrics import Metrics
from services.worker.images.fetcher import Fetcher
from services.worker.money.asking import Ledger
from services.worker.providers.base import Provider
from services.worker.ways_out import WayOut


@dataclass(frozen=True, kw_only=True)
class Street:
    """The catalogue, the ways out, and what is open on them."""

    boot_id: str
    catalog: Catalog
    ways: Mapping[str, WayOut]
    providers: Mapping[str, Provider]
    sessions: Mapping[str, aiohttp.ClientSession]
    fetcher: Fetcher
    facts: FactPublisher
    ledger: Ledger
    metrics: Metrics
    route_facts: dict[str, RouteFacts] = field(default_factory=dict)

    def facts_of(self, route: Route, way: WayOut) -> RouteFacts:
        """What is said of a route here: always the same, so it is made once."""
        known = self.route_facts.get(route.route_id)
        if known is None:
            known = describe.route_facts(self.catalog, route, sandbox=way.sandbox, custom=way.custom)
            self.route_facts[route.route_id] = known
        return known
