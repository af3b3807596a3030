"""A request made ready to leave: its place found, the residency rule checked again, its images fetched, its body."""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from libs.catalog.describe import BYOK, PLATFORM
from libs.catalog.model import Catalog, Route
from libs.catalog.residency import may_serve, refusal
from libs.contracts.errors import Internal, RouteUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from services.worker import callers
from services.worker.images import links
from services.worker.providers.base import Estimated, Prepared, Provider
from services.worker.requests.chosen import fitting
from services.worker.street import Street
from services.worker.upstream.ways_out import WayOut


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one attempt goes, by which catalogue, and with whose credential."""

    catalog: Catalog
    route: Route
    way: WayOut
    provider: Provider
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """What leaves (or what is answered here instead), and how many images named by URL went which way."""

    call: Prepared | Estimated
    images_fetched: int = 0
    images_linked: int = 0


async def placed(street: Street, envelope: Envelope) -> Place:
    """The candidate whose turn it is. RouteUnavailable and ResidencyRefused say why it cannot be; doubt refuses.

    A key with `byok` goes by its account's own credential or not at all: OwnCredentialMissing says which is missing.
    """
    candidate = envelope.slip[envelope.attempt]
    catalog = street.catalog
    route = catalog.route(candidate.route_id)
    way = street.ways.get(candidate.egress)
    provider = street.providers.get(candidate.egress)
    if route is None or way is None or route.egress != candidate.egress:
        raise RouteUnavailable(f"{candidate.route_id} is not served by this worker; try again")
    source = PLATFORM
    if envelope.policy.byok:  # ours is never used in its place, whatever is wrong with theirs
        own = await street.own.of(envelope.tenant, way)
        way, provider, source = own.way, own.provider, BYOK
    elif provider is None or way.reason:
        raise RouteUnavailable(f"{candidate.route_id} is not available here: {way.reason}")
    rule = may_serve(envelope.policy.residency, route.processing, custom=way.custom)
    if rule is not None:
        policy = envelope.policy
        raise refusal(catalog, route, rule, policy.residency, tiers=policy.allowed_tiers, tier=policy.tier)
    return Place(catalog=catalog, route=route, way=way, provider=provider, source=source)


def still_allowed(street: Street, envelope: Envelope, place: Place) -> None:
    """The residency rule once more where the catalogue was edited meanwhile: that of the moment of dialling counts.

    Raises ResidencyRefused, and RouteUnavailable for what it says nothing of any more, as `placed` does.
    """
    catalog, policy = street.catalog, envelope.policy
    if catalog is place.catalog or not policy.residency:
        return
    route = catalog.route(place.route.route_id)
    if route is None or catalog.egress_of(route) != place.way.egress:
        raise RouteUnavailable(f"{place.route.route_id} was just changed or taken away; nothing was sent; try again")
    rule = may_serve(policy.residency, route.processing, custom=place.way.custom)
    if rule is not None:
        raise refusal(catalog, route, rule, policy.residency, tiers=policy.allowed_tiers, tier=policy.tier)


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
    body, unknown = fitting(envelope, body, place.route)
    call = await place.provider.prepare(envelope, body, place.route, place.way)
    if isinstance(call, Prepared) and urlsplit(call.url).netloc != place.way.host:
        raise Internal("the call would have gone to another address than the one that was checked; nothing was sent")
    if unknown and isinstance(call, Prepared):
        call = replace(call, dropped=(*call.dropped, *unknown))
    return Ready(call=call, images_fetched=fetched, images_linked=linked)
