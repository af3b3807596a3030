"""A request made ready to leave: its place found, the residency rule checked again, its images fetched, its body."""

from dataclasses import dataclass

from libs.catalog.model import Route
from libs.catalog.residency import may_serve
from libs.contracts.errors import ResidencyRefused, RouteUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from services.worker import callers
from services.worker.images import links
from services.worker.providers.base import Estimated, Prepared, Provider
from services.worker.street import Street
from services.worker.ways_out import WayOut


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one attempt goes."""

    route: Route
    way: WayOut
    provider: Provider


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What leaves (or what is answered here instead), and how many images named by URL went which way."""

    call: Prepared | Estimated
    images_fetched: int = 0
    images_linked: int = 0


def placed(street: Street, envelope: Envelope) -> Place:
    """The candidate whose turn it is. RouteUnavailable and ResidencyRefused say why it cannot be; doubt refuses."""
    candidate = envelope.slip[envelope.attempt]
    route = street.catalog.route(candidate.route_id)
    way = street.ways.get(candidate.egress)
    provider = street.providers.get(candidate.egress)
    if route is None or way is None or route.egress != candidate.egress:
        raise RouteUnavailable(f"{candidate.route_id} is not served by this worker; try again")
    if provider is None or way.reason:
        raise RouteUnavailable(f"{candidate.route_id} is not available here: {way.reason}")
    rule = may_serve(envelope.policy.residency, route.processing, custom=way.custom)
    if rule is not None:
        raise ResidencyRefused(f"{route.route_id} may not serve this request: {rule}")
    return Place(route=route, way=way, provider=provider)


async def made_ready(street: Street, envelope: Envelope, body: bytes, place: Place) -> Ready:
    """Raises InvalidRequest for what the route cannot honour, an image that cannot be had among it.

    We fetch images where the provider takes bytes only, and wherever a residency is asked for: who fetches learns
    something of the request, and a provider may fetch from anywhere.
    """
    fetched, linked = 0, envelope.shape.image_links
    limit = place.provider.image_limit(place.route, counting=callers.counts(envelope))
    if limit is not None and (limit or envelope.policy.residency):
        body, fetched = await links.inlined(body, envelope.dialect, street.fetcher, each=limit)
        linked = 0
    call = await place.provider.prepare(envelope, body, place.route, place.way)
    return Ready(call=call, images_fetched=fetched, images_linked=linked)
