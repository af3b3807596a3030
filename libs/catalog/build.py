"""From checked entries to the catalogue's values: merging overrides, filling defaults, exact amounts."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType

from libs.catalog.billing.terms import ONE, ExchangeRate, Markup, Terms
from libs.catalog.checks import processing_scope, scope_of, suffix_of
from libs.catalog.entries import (
    CapabilitiesEntry,
    EgressEntry,
    ExchangeRateEntry,
    LongEntry,
    MarkupEntry,
    ModelEntry,
    PriceEntry,
    RouteEntry,
    RoutingFeeEntry,
    ServiceTierEntry,
)
from libs.catalog.model import (
    IMAGE_TOKENS,
    Capabilities,
    Egress,
    Family,
    Limits,
    Processing,
    RateCard,
    Rates,
    Route,
    ServiceTier,
)

_NANO = 1_000_000_000


def route(entry: RouteEntry, egress: EgressEntry, model: ModelEntry) -> Route:
    """A route: its family's capabilities and limits, with its own over them."""
    return Route(
        route_id=entry.id,
        suffix=suffix_of(entry.id, entry.tier, egress.jurisdiction),
        egress=entry.egress,
        model=entry.model,
        family=entry.family,
        owner=model.owner,
        tier=entry.tier,
        processing=Processing(
            jurisdictions=entry.processing,
            regions=entry.processing_regions,
            scope=processing_scope(entry, egress),
            evidence=entry.evidence,
        ),
        capabilities=_capabilities(model, entry.capabilities),
        limits=Limits(**{**model.limits.model_dump(exclude_none=True), **entry.limits.model_dump(exclude_none=True)}),
        rate_card=entry.rate_card,
        native_ids=entry.native_ids,
        created=_unix(entry.created),
        source=entry.source,
        checked=entry.checked,
    )


def family(entry: ModelEntry) -> Family:
    """A family, its patterns ready to be searched."""
    return Family(
        name=entry.family,
        owner=entry.owner,
        patterns=tuple(re.compile(pattern) for pattern in entry.patterns),
        capabilities=_capabilities(entry, CapabilitiesEntry()),
        retires=entry.retires,
        source=entry.source,
        checked=entry.checked,
    )


def _capabilities(model: ModelEntry, own: CapabilitiesEntry) -> Capabilities:
    shared = model.model_dump(include=set(CapabilitiesEntry.model_fields))
    return Capabilities(**{**shared, **own.model_dump(exclude_none=True)})


def egress(entry: EgressEntry) -> Egress:
    """An egress."""
    return Egress(**entry.model_dump(exclude={"api_key_env"}), api_key_env=entry.api_key_env or "")


def rate_card(entry: PriceEntry) -> RateCard:
    """A rate card in nano-units."""
    return RateCard(
        id=entry.id,
        currency=entry.currency,
        rates=_rates(entry, entry.image),
        long_above=entry.long.above if entry.long else 0,
        long_rates=_rates(entry.long, entry.image) if entry.long else None,
        tiers=MappingProxyType({name: _service_tier(tier) for name, tier in entry.tiers.items()}),
        image_tokens=entry.image_tokens or IMAGE_TOKENS,
        effective=entry.effective,
        source=entry.source,
        checked=entry.checked,
        verified=entry.verified,
    )


def _service_tier(entry: ServiceTierEntry) -> ServiceTier:
    return ServiceTier(multiplier=_nano(entry.multiplier) if entry.multiplier else ONE, card=entry.card or "")


def _rates(entry: PriceEntry | LongEntry, image: str | None) -> Rates:
    """A cache price that is not given is the input price: never nothing. An image's that is not given is nothing."""
    return Rates(
        input=_nano(entry.input),
        cache_read=_nano(entry.cache_read or entry.input),
        cache_write_5m=_nano(entry.cache_write_5m or entry.input),
        cache_write_1h=_nano(entry.cache_write_1h or entry.input),
        output=_nano(entry.output),
        image=_nano(image or "0"),
    )


def terms(
    markups: Iterable[MarkupEntry], routing_fees: Iterable[RoutingFeeEntry], rates: Iterable[ExchangeRateEntry]
) -> Terms:
    """The dated terms, each kind in the order of its days."""
    by_scope: dict[str, tuple[Markup, ...]] = {}
    for entry in sorted(markups, key=attrgetter("effective")):
        by_scope[scope_of(entry)] = (*by_scope.get(scope_of(entry), ()), _markup(entry, scope_of(entry)))
    exchange: dict[str, tuple[ExchangeRate, ...]] = {}
    for rate in sorted(rates, key=attrgetter("day")):
        exchange[rate.base] = (*exchange.get(rate.base, ()), _exchange_rate(rate))
    fees = sorted(routing_fees, key=attrgetter("effective"))
    return Terms(
        markups=MappingProxyType(by_scope),
        routing_fees=tuple(_markup(fee, "byok") for fee in fees),
        exchange=MappingProxyType(exchange),
    )


def _markup(entry: MarkupEntry | RoutingFeeEntry, scope: str) -> Markup:
    return Markup(
        scope=scope,
        percent=_nano(entry.percent) // 100,  # exact: a percentage has at most seven decimals
        fixed_nano=_nano(entry.fixed_per_request),
        effective=entry.effective,
        source=entry.source,
    )


def _exchange_rate(entry: ExchangeRateEntry) -> ExchangeRate:
    return ExchangeRate(
        base=entry.base,
        quote=entry.quote,
        factor=_nano(entry.rate),
        effective=entry.day,
        source=entry.source,
        verified=entry.verified,
    )


def _nano(amount: str) -> int:
    """Exact: the pattern of an amount leaves at most nine decimals."""
    return int(Decimal(amount) * _NANO)


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def by_native_id(routes: Mapping[str, Route]) -> dict[str, tuple[Route, ...]]:
    """The deployments of each native id, in the routes' order."""
    found: dict[str, tuple[Route, ...]] = {}
    for deployment in routes.values():
        for native in dict.fromkeys(deployment.native_ids):
            found[native] = (*found.get(native, ()), deployment)
    return found
