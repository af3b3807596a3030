"""What a call costs: token counts and a rate card in, integer nano-units out."""

from dataclasses import dataclass

from libs.catalog.model import RateCard, Rates

_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Priced:
    """Nano-units of `currency`: each bucket rounded half-even once, the total their sum."""

    currency: str
    input_nano: int
    cache_read_nano: int
    cache_write_5m_nano: int
    cache_write_1h_nano: int
    output_nano: int
    total_nano: int


def price(
    card: RateCard,
    *,
    input: int = 0,  # noqa: A002 - the bucket's name everywhere
    cache_read: int = 0,
    cache_write_5m: int = 0,
    cache_write_1h: int = 0,
    output: int = 0,
) -> Priced:
    """Price disjoint token buckets (reasoning is part of output). Raises ValueError where a count is negative."""
    counts = (input, cache_read, cache_write_5m, cache_write_1h, output)
    if min(counts) < 0:
        raise ValueError("a token count is negative")
    rates = rates_for(card, sum(counts[:-1]))
    buckets = [
        _half_even(count * rate)
        for count, rate in zip(
            counts,
            (rates.input, rates.cache_read, rates.cache_write_5m, rates.cache_write_1h, rates.output),
            strict=True,
        )
    ]
    return Priced(
        currency=card.currency,
        input_nano=buckets[0],
        cache_read_nano=buckets[1],
        cache_write_5m_nano=buckets[2],
        cache_write_1h_nano=buckets[3],
        output_nano=buckets[4],
        total_nano=sum(buckets),
    )


def rates_for(card: RateCard, prompt_tokens: int) -> Rates:
    """The rates for a prompt of this length, cached tokens counted in: some vendors charge long ones dearer."""
    if card.long_rates is not None and prompt_tokens > card.long_above:
        return card.long_rates
    return card.rates


def _half_even(millionths: int) -> int:
    """Divide by a million, ties to the even neighbour, without leaving the integers."""
    whole, rest = divmod(millionths, _MILLION)
    return whole + (2 * rest > _MILLION or (2 * rest == _MILLION and whole % 2 == 1))
