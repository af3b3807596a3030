"""From checked entries to the catalogue's values: merging overrides, filling defaults, exact amounts."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from libs.catalog.checks import suffix_of
from libs.catalog.entries import CapabilitiesEntry, EgressEntry, LongEntry, ModelEntry, PriceEntry, RouteEntry
from libs.catalog.model import Capabilities, Egress, Family, Limits, Processing, RateCard, Rates, Route

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
            jurisdictions=entry.processing, regions=entry.processing_regions, evidence=entry.evidence
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
        rates=_rates(entry),
        long_above=entry.long.above if entry.long else 0,
        long_rates=_rates(entry.long) if entry.long else None,
        effective=entry.effective,
        source=entry.source,
        checked=entry.checked,
        verified=entry.verified,
    )


def _rates(entry: PriceEntry | LongEntry) -> Rates:
    """A cache price that is not given is the input price: never nothing."""
    return Rates(
        input=_nano(entry.input),
        cache_read=_nano(entry.cache_read or entry.input),
        cache_write_5m=_nano(entry.cache_write_5m or entry.input),
        cache_write_1h=_nano(entry.cache_write_1h or entry.input),
        output=_nano(entry.output),
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
