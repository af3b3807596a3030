"""Integer money: each bucket rounded once, half to even; the total is their sum."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.model import RateCard, Rates
from libs.catalog.pricing import price

BUCKETS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "image")
NANO = st.integers(0, 10**15)
RATES = st.builds(Rates, input=NANO, cache_read=NANO, cache_write_5m=NANO, cache_write_1h=NANO, output=NANO, image=NANO)
COUNTS = st.fixed_dictionaries({name: st.integers(0, 10**10) for name in BUCKETS})


def card(rates: Rates, *, long_above: int = 0, long_rates: Rates | None = None) -> RateCard:
    return RateCard(
        id="x",
        currency="USD",
        rates=rates,
        long_above=long_above,
        long_rates=long_rates,
        effective=date(2026, 1, 1),
        source="a page",
        checked=date(2026, 11, 20),
        verified=True,
    )


def flat(nano: int) -> Rates:
    return Rates(input=nano, cache_read=nano, cache_write_5m=nano, cache_write_1h=nano, output=nano)


@given(rates=RATES, counts=COUNTS)
def test_every_bucket_is_rounded_once_half_even_and_the_total_is_their_sum(
    rates: Rates, counts: dict[str, int]
) -> None:
    priced = price(card(rates), **counts)._asdict()
    for name in BUCKETS:
        exact = Decimal(counts[name]) * getattr(rates, name) / (1 if name == "image" else 1_000_000)
        assert priced[f"{name}_nano"] == exact.quantize(Decimal(1), ROUND_HALF_EVEN)
    assert priced["total_nano"] == sum(priced[f"{name}_nano"] for name in BUCKETS)
    assert all(type(value) is int for name, value in priced.items() if name.endswith("_nano"))


@given(rates=RATES, counts=COUNTS, more=st.integers(0, 10**6), bucket=st.sampled_from(BUCKETS))
def test_more_tokens_never_cost_less(rates: Rates, counts: dict[str, int], more: int, bucket: str) -> None:
    dearer = {**counts, bucket: counts[bucket] + more}
    assert price(card(rates), **dearer).total_nano >= price(card(rates), **counts).total_nano


@pytest.mark.parametrize(("tokens", "nano"), [(1, 0), (2, 1), (3, 2), (5, 2), (7, 4)])
def test_ties_go_to_the_even_neighbour(tokens: int, nano: int) -> None:
    assert price(card(flat(500_000)), output=tokens).total_nano == nano  # 0.5, 1, 1.5, 2.5, 3.5


def test_a_known_call_costs_what_the_vendor_says() -> None:
    haiku = Rates(
        input=10**9, cache_read=10**8, cache_write_5m=1_250_000_000, cache_write_1h=2 * 10**9, output=5 * 10**9
    )
    priced = price(card(haiku), input=1000, cache_read=2000, cache_write_5m=400, output=20)
    assert priced.total_nano == 1_000_000 + 200_000 + 500_000 + 100_000  # 0.0018 USD


def test_a_prompt_above_the_length_is_dearer_throughout_and_cached_tokens_count() -> None:
    long = card(flat(10**9), long_above=200_000, long_rates=flat(2 * 10**9))
    assert price(long, input=200_000, output=10).output_nano == 10_000
    assert price(long, input=100_000, cache_read=100_001, output=10).output_nano == 20_000
    assert price(long, input=10, output=300_000).input_nano == 10_000


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        price(card(flat(1)), cache_read=-1)
