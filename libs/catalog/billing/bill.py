"""The bill of one call: what the provider charges, what the account owes, and all that led from one to the other."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from libs.catalog.billing.terms import ACCOUNT_CURRENCY, ONE, ExchangeRate, Markup
from libs.catalog.model import Catalog, RateCard, Route, ServiceTier
from libs.catalog.pricing import Counts, Priced, half_even, per_million, priced, prompt_tokens, rates_for
from libs.contracts.northern.v1.frames_pb2 import Usage

NOTHING: Counts = (0, 0, 0, 0, 0, 0)
_FACTORS = ONE**3  # three of them are multiplied
_PLAIN = ServiceTier(multiplier=ONE, card="")


class Bill(NamedTuple):
    """`provider` in the card's currency, `billed` in the account's. `breakdown.explain` shows it to people.

    `card` is the one whose `rates` (for a million, by bucket) were used: the route's, or that of the tier which the
    provider says it served. `rate` is None where no money was changed.
    """

    card: RateCard
    rates: Counts
    long_context: bool
    counts: Counts
    reasoning: int
    estimated: bool
    service_tier: str
    tier_listed: bool
    multiplier: int  # of the service tier; 10⁹ is one
    markup: Markup
    rate: ExchangeRate | None
    byok: bool
    provider: Priced
    billed: Priced


def bill(
    catalog: Catalog, route: Route, usage: Usage, at: datetime, byok: bool = False, *, card: RateCard | None = None
) -> Bill:
    """Price a call on the terms of `at`, which must be the moment that its hold was reckoned with.

    `card`: the rate card on record, where the route may have moved on to another since. Who used nothing owes nothing,
    not even a fee. Raises ValueError for a time without a zone.
    """
    day = day_of(at)
    counts = counts_of(usage)
    owner = card or catalog.card_of(route)
    listed = owner.tiers.get(usage.service_tier.lower())
    tier = listed or _PLAIN
    used = catalog.rate_cards[tier.card] if tier.card else owner
    chosen = rates_for(used, prompt_tokens(counts))
    rates = per_million(chosen)
    provider = priced(used.currency, counts, rates, tier.multiplier, ONE)
    rate = catalog.terms.exchange_rate(used.currency, day)
    exchange = rate.factor if rate else ONE
    if byok:
        markup = catalog.terms.routing_fee(day)
        fee = routing_fee(provider.total_nano, exchange, markup) if any(counts) else 0
        billed = priced(ACCOUNT_CURRENCY, NOTHING, rates, 0, 1, fee)
    else:
        markup = catalog.terms.markup(route.route_id, route.tier, day)
        fee = markup.fixed_nano if any(counts) else 0
        billed = priced(ACCOUNT_CURRENCY, counts, rates, *billed_factor(tier.multiplier, exchange, markup), fee)
    return Bill(
        card=used,
        rates=rates,
        long_context=chosen is used.long_rates,
        counts=counts,
        reasoning=usage.reasoning,
        estimated=usage.estimated,
        service_tier=usage.service_tier,
        tier_listed=listed is not None,
        multiplier=tier.multiplier,
        markup=markup,
        rate=rate,
        byok=byok,
        provider=provider,
        billed=billed,
    )


def counts_of(usage: Usage) -> Counts:
    """The disjoint buckets; reasoning is in `output` already, and added to nothing."""
    return (
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.output,
        usage.images,
    )


def billed_factor(multiplier: int, exchange: int, markup: Markup) -> tuple[int, int]:
    """What a provider's price for standard service is multiplied by: the first over the second."""
    return multiplier * exchange * (ONE + markup.percent), _FACTORS


def routing_fee(provider_nano: int, exchange: int, fee: Markup) -> int:
    """A share of what the provider charges the caller itself, and a fixed amount."""
    return half_even(provider_nano * exchange * fee.percent, ONE**2) + fee.fixed_nano


def day_of(at: datetime) -> date:
    """The day in UTC, by which terms are dated."""
    if at.tzinfo is None:
        raise ValueError("a bill needs to know when: the time has no zone")
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).date()
