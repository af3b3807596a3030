"""Why this price: a bill as plain values, amounts as decimal strings; kept with the usage row, stable, documented."""

from functools import lru_cache

from libs.catalog.billing.bill import Bill, billed_factor
from libs.catalog.billing.terms import ONE, ExchangeRate, Markup
from libs.catalog.pricing import BUCKETS, MILLION
from libs.contracts.money import decimal_text

VERSION = 1
_PER = tuple(1 if bucket == "image" else MILLION for bucket in BUCKETS)  # tokens, or images, that a unit price is for


def explain(bill: Bill) -> dict[str, object]:
    """The breakdown, as docs/pricing.md describes it: an `amount` is the rounded product of
    `count`, `unit_price` and `multiplier`, divided by `per`.

    Buckets that were not used are left out; a member is never renamed, and a new one does not change `version`.
    """
    exchange = bill.rate.factor if bill.rate else ONE
    times, over = (0, 1) if bill.byok else billed_factor(bill.multiplier, exchange, bill.markup)
    multiplier, provider, billed = _exact(times, over), bill.provider.buckets, bill.billed.buckets
    return {
        "version": VERSION,
        "rate_card": bill.card.id,
        "rate_card_from": bill.card.effective.isoformat(),
        "rate_card_source": bill.card.source,
        "service_tier": bill.service_tier,
        "service_tier_listed": bill.tier_listed,
        "service_tier_multiplier": _exact(bill.multiplier, ONE),
        "long_context": bill.long_context,
        "estimated": bill.estimated,
        "byok": bill.byok,
        "reasoning_tokens": bill.reasoning,
        "exchange_rate": _exchanged(bill.rate) if bill.rate else None,
        "routing_fee" if bill.byok else "markup": _added(bill.markup),
        "buckets": [
            {
                "bucket": BUCKETS[n],
                "count": count,
                "unit_price": _unit_price(bill.rates[n], _PER[n]),
                "per": _PER[n],
                "multiplier": multiplier,
                "provider_amount": decimal_text(provider[n]),
                "amount": decimal_text(billed[n]),
            }
            for n, count in enumerate(bill.counts)
            if count
        ],
        "fee": decimal_text(bill.billed.fee_nano),
        "provider_cost": decimal_text(bill.provider.total_nano),
        "provider_currency": bill.provider.currency,
        "cost": decimal_text(bill.billed.total_nano),
        "currency": bill.billed.currency,
    }


# What follows is the same in nearly every bill. Nobody writes into what is kept here.


@lru_cache(maxsize=1024)
def _unit_price(rate: int, per: int) -> str:
    return decimal_text(rate * per // MILLION)


@lru_cache(maxsize=64)
def _exchanged(rate: ExchangeRate) -> dict[str, str]:
    return {
        "from": rate.base,
        "to": rate.quote,
        "rate": _exact(rate.factor, ONE),
        "date": rate.effective.isoformat(),
        "source": rate.source,
    }


@lru_cache(maxsize=256)
def _added(markup: Markup) -> dict[str, str]:
    return {
        "scope": markup.scope,
        "percent": _exact(markup.percent * 100, ONE),
        "fixed_per_request": decimal_text(markup.fixed_nano),
        "from": markup.effective.isoformat(),
        "source": markup.source,
    }


@lru_cache(maxsize=1024)
def _exact(times: int, over: int) -> str:
    """A factor in full; `over` is a power of ten."""
    places = len(str(over)) - 1
    whole, part = divmod(times, over)
    tail = f"{part:0{places}d}".rstrip("0") if places else ""
    return f"{whole}.{tail}" if tail else str(whole)
