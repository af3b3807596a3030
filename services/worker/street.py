"""What every run of a worker process shares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from libs.bus.facts import FactPublisher
from libs.catalog import describe
from libs.catalog.model import Catalog, Route
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.telemetry.metrics import Metrics
from services.worker.byok.clients import Clients
from services.worker.handoffs import Handoffs
from services.worker.images.fetcher import Fetcher
from services.worker.money.asking import Ledger
from services.worker.providers.base import Provider
from services.worker.signals import Signals
from services.worker.testimony import Witness
from services.worker.ways_out import WayOut


@dataclass(frozen=True, kw_only=True)
class Street:
    """The catalogue, the ways out, and what is open on them."""

    boot_id: str
    witness: Witness
    catalog: Catalog
    ways: Mapping[str, WayOut]
    providers: Mapping[str, Provider]
    sessions: Mapping[str, aiohttp.ClientSession]
    own: Clients
    fetcher: Fetcher
    facts: FactPublisher
    ledger: Ledger
    handoffs: Handoffs
    signals: Signals
    metrics: Metrics
    route_facts: dict[tuple[str, str, bool], tuple[Route, RouteFacts]] = field(default_factory=dict)

    def facts_of(self, route: Route, way: WayOut, credential_source: str) -> RouteFacts:
        """What is said of a route here: seldom more than one thing, so it is made once for each state of its entry."""
        key = (route.route_id, credential_source, way.custom)
        known = self.route_facts.get(key)
        if known is None or known[0] is not route:
            facts = describe.route_facts(
                self.catalog, route, credential_source=credential_source, sandbox=way.sandbox, custom=way.custom
            )
            known = self.route_facts[key] = (route, facts)
        return known[1]
