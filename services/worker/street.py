"""What every run of a worker process shares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from libs.bus.facts import FactPublisher
from libs.catalog import describe
from libs.catalog.model import Catalog, Route
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.contracts.northern.v1.street_pb2 import EgressState
from libs.telemetry.metrics import Metrics
from services.worker.byok.clients import Clients
from services.worker.handoffs import Handoffs
from services.worker.images.fetcher import Fetcher
from services.worker.money.asking import Ledger
from services.worker.providers.base import Provider
from services.worker.requests.testimony import Witness
from services.worker.upstream.signals import Signals
from services.worker.upstream.ways_out import WayOut


@dataclass(kw_only=True)
class Street:
    """The catalogue, the ways out, and what is open on them.

    The catalogue is replaced while requests run, and with it what was derived of it: who reads more than one of them
    reads all before it awaits, and a request goes on with the catalogue that its place was found in.
    """

    boot_id: str
    witness: Witness
    catalog: Catalog
    ways: Mapping[str, WayOut]
    providers: Mapping[str, Provider]
    sessions: dict[str, aiohttp.ClientSession]  # also of ways that the catalogue has lost: requests may run on them
    own: Clients
    fetcher: Fetcher
    facts: FactPublisher
    ledger: Ledger
    handoffs: Handoffs
    signals: Signals
    metrics: Metrics
    route_facts: dict[tuple[str, str, bool], tuple[Route, RouteFacts]] = field(default_factory=dict)

    def swap(self, catalog: Catalog, ways: Mapping[str, WayOut], providers: Mapping[str, Provider]) -> None:
        """From now on these, all of one catalogue."""
        self.catalog, self.ways, self.providers = catalog, ways, providers
        self.route_facts.clear()

    def states(self) -> list[EgressState]:
        """What the street is told of the ways out."""
        return [way.state() for way in self.ways.values()]

    def facts_of(self, catalog: Catalog, route: Route, way: WayOut, credential_source: str) -> RouteFacts:
        """What is said of a route here: seldom more than one thing, so it is made once for each state of its entry."""
        key = (route.route_id, credential_source, way.custom)
        known = self.route_facts.get(key)
        if known is None or known[0] is not route:
            facts = describe.route_facts(
                catalog, route, credential_source=credential_source, sandbox=way.sandbox, custom=way.custom
            )
            known = self.route_facts[key] = (route, facts)
        return known[1]
