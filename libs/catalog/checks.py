"""What must hold between the entries of the catalogue: pure rules, each broken one a sentence."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping

from libs.catalog.billing.terms import ACCOUNT_CURRENCY
from libs.catalog.egress import host_of
from libs.catalog.entries import (
    EgressEntry,
    ExchangeRateEntry,
    MarkupEntry,
    PriceEntry,
    RouteEntry,
    RoutingFeeEntry,
)
from libs.catalog.model import ANYWHERE, Capabilities, Evidence, Scope, Tier, Wire
from libs.catalog.profiles import PROFILE

_SUFFIX = re.compile(r"-(global|[a-z]{2})$")
# A jurisdiction that a profile is known to reach; the others have more than one.
_REACHES = {"us": "US", "us-gov": "US", "jp": "JP", "au": "AU", "ca": "CA"}
_REGIONAL_WIRES = frozenset({Wire.BEDROCK, Wire.VERTEX})
_WIDE = {"global": Scope.GLOBAL, "us": Scope.GEOGRAPHY, "eu": Scope.GEOGRAPHY}  # Vertex's places that are no region


def suffix_of(route_id: str, tier: Tier, jurisdiction: str) -> str:
    """The jurisdiction at the end of a route id, in lower case; empty where there is none.

    A self-hosted id is mostly a model's own name, in which `-it` means "instruction-tuned" and not Italy: there only
    the egress's own jurisdiction counts.
    """
    found = _SUFFIX.search(route_id)
    if found is None or (tier is Tier.SELF_HOSTED and found[1] != jurisdiction.lower()):
        return ""
    return found[1]


def processing_scope(route: RouteEntry, egress: EgressEntry) -> Scope:
    """The scope that a route says, else the one that its address or its model's name shows."""
    return route.scope or _shown_scope(route, egress) or Scope.UNSTATED


def egress_problems(egress: EgressEntry) -> Iterator[str]:
    """Rules of one egress."""
    host = host_of(egress.base_url)
    if egress.base_url and not host:
        yield "its base_url has no host"
    if egress.base_url.startswith("http:"):
        yield "its base_url is not https"
    if not egress.base_url and not any(egress.base_url_env in names for names in egress.credentials):
        yield f"it has no base_url, so each way of setting it up must name {egress.base_url_env} among its credentials"
    if egress.wire in _REGIONAL_WIRES:
        for name in (host, *egress.declared_hosts):
            if name and not re.search(rf"(?<![a-z0-9]){re.escape(egress.region)}(?![a-z0-9])", name):
                yield f"the host {name} does not name the region {egress.region} that is claimed for it"


def route_problems(route: RouteEntry, egress: EgressEntry) -> Iterator[str]:
    """Rules of one route on its egress."""
    if ANYWHERE in route.processing and len(route.processing) > 1:
        yield 'its processing lists "*" beside jurisdictions; "*" alone means anywhere'
    if route.evidence is Evidence.OBSERVED:
        yield "its evidence is observed, which only a worker can state about one answer"
    if route.tier is Tier.MANAGED_CANADIAN_CLOUD and egress.jurisdiction != "CA":
        yield f"its tier is managed_canadian_cloud, but the egress {egress.name} is entered in {egress.jurisdiction}"
    if route.id in route.native_ids:
        yield "it names its own id among its native_ids"
    yield from _suffix_problems(route, egress)
    yield from _scope_problems(route, egress)
    if egress.wire is Wire.BEDROCK:
        yield from _profile_problems(route)


def capability_problems(capabilities: Capabilities) -> Iterator[str]:
    """Rules of what a route's model can do, overrides merged in."""
    if capabilities.supports_vision != ("image" in capabilities.modalities):
        yield "supports_vision and the modality image do not agree"
    if capabilities.max_output_tokens > capabilities.context_window:
        yield "its max_output_tokens is more than its context_window"
    if capabilities.default_max_tokens > capabilities.max_output_tokens:
        yield "its default_max_tokens is more than its max_output_tokens"


def price_problems(price: PriceEntry, prices: Mapping[str, PriceEntry | None]) -> Iterator[str]:
    """Rules of one rate card among all of them; a faulty one (None) is told by itself."""
    for name, tier in price.tiers.items():
        if (tier.multiplier is None) == (tier.card is None):
            yield f"its tier {name} must have a multiplier or a card, and not both"
        elif tier.card is not None and tier.card not in prices:
            yield f"its tier {name} names the rate card {tier.card!r}, and there is none of that id"
        elif (other := prices.get(tier.card or "")) is not None:
            if other.tiers:
                yield f"its tier {name} names a rate card that has tiers of its own"
            if other.currency != price.currency:
                yield f"its tier {name} names a rate card in {other.currency}"


def scope_of(markup: MarkupEntry) -> str:
    """The tier or the route that a markup is for."""
    return markup.tier.value if markup.tier is not None else markup.route or ""


def markup_problems(markup: MarkupEntry, routes: Container[str]) -> Iterator[str]:
    """Rules of one markup."""
    if (markup.tier is None) == (markup.route is None):
        yield "it must name a tier or a route, and not both"
    elif markup.route is not None and markup.route not in routes:
        yield f"there is no route {markup.route!r}"


def exchange_problems(rate: ExchangeRateEntry) -> Iterator[str]:
    """Rules of one exchange rate."""
    if rate.quote != ACCOUNT_CURRENCY or rate.base == ACCOUNT_CURRENCY:
        yield f"it must lead from another currency to {ACCOUNT_CURRENCY}, that of the accounts"


def missing_terms(
    markups: Iterable[MarkupEntry],
    routing_fees: Iterable[RoutingFeeEntry],
    rates: Iterable[ExchangeRateEntry],
    currencies: Iterable[str],
) -> Iterator[str]:
    """What no bill can do without."""
    scopes = {scope_of(markup) for markup in markups}
    for tier in Tier:
        if tier.value not in scopes:
            yield f"billing.toml: there is no markup of the tier {tier.value}"
    if not any(True for _ in routing_fees):
        yield "billing.toml: there is no [[byok]], the fee for calls by the caller's own credentials"
    known = {rate.base for rate in rates} | {ACCOUNT_CURRENCY}
    for currency in sorted(set(currencies) - known):
        yield f"exchange.toml: there is no rate from {currency}, in which rate cards are, to {ACCOUNT_CURRENCY}"


def _suffix_problems(route: RouteEntry, egress: EgressEntry) -> Iterator[str]:
    suffix = suffix_of(route.id, route.tier, egress.jurisdiction)
    where = " and ".join(route.processing)
    if not suffix:
        if route.tier is not Tier.SELF_HOSTED:
            yield "its id does not end in -<jurisdiction>, as every cloud route's does"
    elif suffix == "global":
        if len(route.processing) == 1 and ANYWHERE not in route.processing:
            yield f"its id ends in -global, but its processing is said to be in {where} alone"
    else:
        profile = egress.wire is Wire.BEDROCK and PROFILE.match(route.model)
        inside = suffix.upper() in route.processing if profile else set(route.processing) == {suffix.upper()}
        if route.processing and not inside:
            yield f"its id ends in -{suffix}, but it may be processed in {where}"
        if suffix.upper() != egress.jurisdiction and not profile:
            yield f"its id ends in -{suffix}, but the egress {egress.name} is entered in {egress.jurisdiction}"


def _shown_scope(route: RouteEntry, egress: EgressEntry) -> Scope | None:
    """What can be told without anybody's word; None where nothing can."""
    if route.tier is Tier.SELF_HOSTED:
        return Scope.OWN
    if egress.wire is Wire.VERTEX:
        return _WIDE.get(egress.region, Scope.REGIONAL)
    if egress.wire is not Wire.BEDROCK or route.model.startswith("arn:"):
        return None
    profile = PROFILE.match(route.model)
    if profile is None:
        return Scope.REGIONAL
    return Scope.GLOBAL if profile[1] == "global" else Scope.GEOGRAPHY


def _scope_problems(route: RouteEntry, egress: EgressEntry) -> Iterator[str]:
    """A SKU says more than an address: what is claimed must fit it, and where nothing shows it, it must be said."""
    shown, claimed = _shown_scope(route, egress), bool(route.processing) and ANYWHERE not in route.processing
    if route.scope is not None and shown not in {None, route.scope}:
        yield f"its scope is said to be {route.scope}, but its address and model show {shown}"
    if processing_scope(route, egress) is Scope.GLOBAL and claimed:
        yield f"its scope is global, but its processing is said to be in {' and '.join(route.processing)}"
    if egress.wire is Wire.AZURE and claimed:
        if route.scope is None:
            yield 'its processing is claimed, which holds for some SKUs alone: it must say its scope ("regional")'
        elif route.scope is Scope.GEOGRAPHY and "CA" in route.processing:
            yield "its scope is geography, but no DataZone of Azure's is Canada's"


def _profile_problems(route: RouteEntry) -> Iterator[str]:
    """A profile is called in one region and run in others: its prefix decides what may be claimed."""
    if route.model.startswith("arn:"):
        if route.processing and ANYWHERE not in route.processing:
            yield "its model is an ARN, which does not show where it runs, so its processing must stay unknown or be *"
        return
    found = PROFILE.match(route.model)
    if found is None:
        return
    prefix, where = found[1], " and ".join(route.processing)
    if prefix == "global":
        if route.processing != (ANYWHERE,):
            yield f'its model is a global. profile: its processing must be ["*"], not {where or "unknown"}'
    elif route.processing and ANYWHERE not in route.processing:
        reached = _REACHES.get(prefix)
        if reached not in route.processing if reached else set(route.processing) <= {"CA"}:
            yield f"its model is a {prefix}. profile, but its processing is said to be in {where}"
