"""What a call costs: token counts and a rate card in, integer nano-units out."""

from typing import NamedTuple

from libs.catalog.model import RateCard, Rates

BUCKETS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "image")
PROMPT_BUCKETS = 4  # the first ones
MILLION = 1_000_000

Counts = tuple[int, int, int, int, int, int]
"""Tokens, for the last one images, in the order of BUCKETS."""


class Priced(NamedTuple):
    """Nano-units of `currency`: each bucket rounded half-even once, the total their sum, with the fee for a request."""

    currency: str
    input_nano: int
    cache_read_nano: int
    cache_write_5m_nano: int
    cache_write_1h_nano: int
    output_nano: int
    image_nano: int
    fee_nano: int
    total_nano: int

    @property
    def buckets(self) -> Counts:
        """What each bucket comes to, in the order of BUCKETS."""
        return self[1:7]


def price(
    card: RateCard,
    *,
    input: int = 0,  # noqa: A002 - the bucket's name everywhere
    cache_read: int = 0,
    cache_write_5m: int = 0,
    cache_write_1h: int = 0,
    output: int = 0,
    image: int = 0,
) -> Priced:
    """Price disjoint buckets (reasoning is part of output). Raises ValueError where a count is negative."""
    counts = (input, cache_read, cache_write_5m, cache_write_1h, output, image)
    if min(counts) < 0:
        raise ValueError("a count is negative")
    return priced(card.currency, counts, per_million(rates_for(card, prompt_tokens(counts))), 1, 1)


def priced(currency: str, counts: Counts, rates: Counts, times: int, over: int, fee_nano: int = 0) -> Priced:
    """Price by rates for a million and an exact factor `times / over`, rounding each bucket once, after all of it."""
    over *= MILLION
    buckets = [half_even(count * rate * times, over) if count else 0 for count, rate in zip(counts, rates, strict=True)]
    fresh, read, short, long, output, image = buckets
    return Priced(currency, fresh, read, short, long, output, image, fee_nano, sum(buckets) + fee_nano)


def rates_for(card: RateCard, prompt: int) -> Rates:
    """The rates for a prompt of this length, cached tokens counted in: some vendors charge long ones dearer."""
    if card.long_rates is not None and prompt > card.long_above:
        return card.long_rates
    return card.rates


def prompt_tokens(counts: Counts) -> int:
    """The length of the prompt, cached or not."""
    return sum(counts[:PROMPT_BUCKETS])


def per_million(rates: Rates) -> Counts:
    """A card's rates in the order of BUCKETS; an image's too for a million, so that all are in one unit."""
    return (
        rates.input,
        rates.cache_read,
        rates.cache_write_5m,
        rates.cache_write_1h,
        rates.output,
        rates.image * MILLION,
    )


def half_even(amount: int, over: int) -> int:
    """Divide, ties to the even neighbour, without leaving the integers."""
    whole, rest = divmod(amount, over)
    return whole + (2 * rest > over or (2 * rest == over and whole % 2 == 1))
