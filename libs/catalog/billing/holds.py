"""How much is set aside before a call is sent on: never less than its bill can come to, whatever is answered."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from math import gcd

from libs.catalog.billing.bill import billed_factor, day_of
from libs.catalog.billing.terms import ONE, Markup
from libs.catalog.model import Catalog, RateCard, Route
from libs.catalog.pricing import MILLION, PROMPT_BUCKETS, Counts, per_million

SLICE = 1024  # tokens of output held for at a time


def hold_bound(
    catalog: Catalog,
    route: Route,
    *,
    at: datetime,
    text_bytes: int,
    images: int = 0,
    max_tokens: int = 0,
    added_tokens: int = 0,
    slice: int = SLICE,  # noqa: A002 - the design's word
    byok: bool = False,
) -> int:
    """Nano-units of the account's currency that cover the prompt and the first slice of the answer.

    A token is at least a byte: `text_bytes` must count all that becomes tokens, so tools, arguments and documents too.
    `added_tokens`: what the vendor puts in of its own accord. `max_tokens` 0: not given. The bound reckons with the
    dearest bucket, the dearest service tier and the rates of long prompts, where the prompt can be that long.
    """
    prompt = text_bytes + added_tokens + images * catalog.card_of(route).image_tokens
    output = min(max_tokens or slice, slice)
    owed, (exchange, markup) = 0, _terms(catalog, route, at, byok=byok)
    for card, multiplier in _cards(catalog, route):
        for rates in _reachable(card, prompt):
            if byok:
                provider = _most(rates, multiplier, ONE, prompt, output, images)
                share = _half_up(provider * exchange * markup.percent, ONE**2)
            else:
                share = _most(rates, *billed_factor(multiplier, exchange, markup), prompt, output, images)
            owed = max(owed, share)
    return owed + markup.fixed_nano


def extension(
    catalog: Catalog,
    route: Route,
    tokens: int = SLICE,
    *,
    at: datetime,
    byok: bool = False,
    prompt_bound: int | None = None,
) -> int:
    """Nano-units that cover this much more output, on top of a hold_bound of the same moment, however often.

    `prompt_bound`: more tokens than the prompt can have; without it the rates of long prompts count as reached.
    """
    owed, (exchange, markup) = 0, _terms(catalog, route, at, byok=byok)
    for card, multiplier in _cards(catalog, route):
        for rates in _reachable(card, prompt_bound):
            if byok:
                provider = _up(tokens * rates[PROMPT_BUCKETS] * multiplier, ONE * MILLION)
                share = _up(provider * exchange * markup.percent, ONE**2)
            else:
                times, over = billed_factor(multiplier, exchange, markup)
                share = _up(tokens * rates[PROMPT_BUCKETS] * times, over * MILLION)
            owed = max(owed, share)
    return owed


def _terms(catalog: Catalog, route: Route, at: datetime, *, byok: bool) -> tuple[int, Markup]:
    """The exchange rate, the same for the cards of all service tiers, and the markup or the fee."""
    day = day_of(at)
    rate = catalog.terms.exchange_rate(catalog.card_of(route).currency, day)
    markup = catalog.terms.routing_fee(day) if byok else catalog.terms.markup(route.route_id, route.tier, day)
    return rate.factor if rate else ONE, markup


def _cards(catalog: Catalog, route: Route) -> Iterator[tuple[RateCard, int]]:
    """Every card that may price the answer, with the multiplier of its tier: which tier serves is the vendor's word."""
    card = catalog.card_of(route)
    yield card, ONE
    for tier in card.tiers.values():
        yield catalog.rate_cards[tier.card] if tier.card else card, tier.multiplier


def _reachable(card: RateCard, prompt: int | None) -> Iterator[Counts]:
    """The card's rates, and those of long prompts where the prompt may be that long (None: unknown)."""
    yield per_million(card.rates)
    if card.long_rates is not None and (prompt is None or prompt > card.long_above):
        yield per_million(card.long_rates)


def _most(rates: Counts, times: int, over: int, prompt: int, output: int, images: int) -> int:
    """The most that buckets of these sizes come to, each rounded by itself, however the prompt is spread over four."""
    token, spread, (written, written_gain), (image, image_gain), over = _worst(rates, times, over * MILLION)
    owed = prompt * token + spread if prompt else 0
    if output:
        owed += output * written + written_gain
    if images:
        owed += images * image + image_gain
    return owed // over


@lru_cache(maxsize=4096)  # a route has a handful, and the terms change once a day
def _worst(rates: Counts, times: int, over: int) -> tuple[int, int, tuple[int, int], tuple[int, int], int]:
    """In parts of the last one: a token of the prompt, what its rounding adds; of the output, of an image: both.

    All tokens in the dearest bucket are the worst, but for rounding: another bucket costs at least one token's
    difference and wins at most what its rounding adds. So the bound is tight, and exact where a token is whole nanos.
    """
    common = gcd(times, over)
    times, over = times // common, over // common
    worth = [rate * times for rate in rates]
    dearest = max(worth[:PROMPT_BUCKETS])
    gains = [_gain(each, over) - (dearest - each) for each in worth[:PROMPT_BUCKETS]]
    spread = gains.pop(worth.index(dearest)) + sum(gain for gain in gains if gain > 0)
    output, image = ((each, _gain(each, over)) for each in worth[PROMPT_BUCKETS:])
    return dearest, spread, output, image, over


def _gain(worth: int, over: int) -> int:
    """The most that rounding adds to a multiple of worth / over, in parts of `over`: half at a tie, mostly less."""
    step = gcd(worth, over)
    return over // step // 2 * step


def _up(amount: int, over: int) -> int:
    return -(-amount // over)


def _half_up(amount: int, over: int) -> int:
    """Ties upwards: so that whole nanos held later come on top of it without a gap."""
    return (2 * amount + over) // (2 * over)
