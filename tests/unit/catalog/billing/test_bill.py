"""Two amounts of every call, the provider's and the account's: exact until each bucket is rounded, once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.billing.bill import Bill, bill
from libs.catalog.billing.terms import ONE, Markup, Terms
from libs.catalog.model import Catalog, Rates, Route, ServiceTier
from libs.contracts.northern.v1.frames_pb2 import Usage
from tests.unit.catalog.billing.cases import (  # fmt: skip
    AT,
    FACTORS,
    MARKUPS,
    RATES,
    TERMS,
    USAGES,
    card,
    catalog,
    catalogs,
    exchange,
    markup,
    rates,
    shipped,
    terms,
)

TOKENS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
ALL = (*TOKENS, "image")


def counts(usage: Usage) -> dict[str, int]:
    return {name: usage.images if name == "image" else getattr(usage, name) for name in ALL}


def exact(usage: Usage, base: Rates, factor: Fraction) -> dict[str, Fraction]:
    """By the definition: count x price, an image by itself, a token by the million."""
    per = {name: 1 if name == "image" else 10**6 for name in ALL}
    return {name: Fraction(count * getattr(base, name), per[name]) * factor for name, count in counts(usage).items()}


def used(made: Bill, *, of: str) -> dict[str, int]:
    amounts = getattr(made, of)._asdict()
    return {name: amounts[f"{name}_nano"] for name in ALL}


@given(base=RATES, usage=USAGES, usd=FACTORS, added=MARKUPS, multiplier=FACTORS)
def test_each_bucket_is_the_exact_amount_rounded_half_even_once_and_the_totals_are_their_sums(
    base: Rates, usage: Usage, usd: int, added: Markup, multiplier: int
) -> None:
    usage.service_tier = "flex"
    priced = card(base, tiers={"flex": ServiceTier(multiplier=multiplier, card="")})
    made = bill(*catalog(priced, terms=terms(usd=usd, added=added)), usage, AT)
    tier = Fraction(multiplier, ONE)
    factor = tier * Fraction(usd, ONE) * (1 + Fraction(added.percent, ONE))
    assert used(made, of="provider") == {name: round(value) for name, value in exact(usage, base, tier).items()}
    assert used(made, of="billed") == {name: round(value) for name, value in exact(usage, base, factor).items()}
    fee = added.fixed_nano if any(counts(usage).values()) else 0
    assert (made.provider.fee_nano, made.billed.fee_nano) == (0, fee)
    assert made.provider.total_nano == sum(used(made, of="provider").values())
    assert made.billed.total_nano == sum(used(made, of="billed").values()) + fee
    assert (made.provider.currency, made.billed.currency) == ("USD", "CAD")


@given(base=RATES, usage=USAGES, usd=FACTORS, fee=MARKUPS)
def test_a_call_by_the_callers_own_credentials_is_billed_the_fee_alone_and_shows_the_providers_cost(
    base: Rates, usage: Usage, usd: int, fee: Markup
) -> None:
    priced, route = catalog(card(base), terms=terms(usd=usd, added=markup(ONE, ONE), fee=fee))
    made, ours = bill(priced, route, usage, AT, True), bill(priced, route, usage, AT)
    share = round(made.provider.total_nano * Fraction(usd, ONE) * Fraction(fee.percent, ONE))
    assert made.provider == ours.provider
    assert set(used(made, of="billed").values()) == {0}
    assert made.billed.total_nano == made.billed.fee_nano
    assert made.billed.fee_nano == (share + fee.fixed_nano if any(counts(usage).values()) else 0)


@given(made=catalogs(), usage=USAGES)
def test_thoughts_are_part_of_the_output_and_priced_once(made: tuple[Catalog, Route], usage: Usage) -> None:
    silent = Usage()
    silent.CopyFrom(usage)
    silent.reasoning = 0
    assert bill(*made, usage, AT).billed == bill(*made, silent, AT).billed


@given(base=RATES, terms=TERMS, usage=USAGES, bucket=st.sampled_from([*TOKENS, "images"]), byok=st.booleans())
def test_whoever_uses_more_never_pays_less(base: Rates, terms: Terms, usage: Usage, bucket: str, byok: bool) -> None:
    made = catalog(card(base), terms=terms)
    before = bill(*made, usage, AT, byok)
    setattr(usage, bucket, getattr(usage, bucket) + 7)
    assert bill(*made, usage, AT, byok).billed.total_nano >= before.billed.total_nano
    assert bill(*made, usage, AT, byok).provider.total_nano >= before.provider.total_nano


@given(made=catalogs(), byok=st.booleans(), tier=st.sampled_from(["", "flex", "own"]))
def test_who_used_nothing_owes_nothing_not_even_a_fee(made: tuple[Catalog, Route], byok: bool, tier: str) -> None:
    nothing = bill(*made, Usage(service_tier=tier), AT, byok)
    assert (nothing.provider.total_nano, nothing.billed.total_nano) == (0, 0)


def test_a_call_reckoned_by_hand() -> None:
    """The example of docs/pricing.md."""
    haiku = Rates(
        input=10**9, cache_read=10**8, cache_write_5m=1_250_000_000, cache_write_1h=2 * 10**9, output=5 * 10**9
    )
    made = bill(
        *catalog(card(haiku), terms=terms(usd=1_381_200_000, added=markup(ONE // 10))),
        Usage(input=1_203, cache_read=8_000, cache_write_5m=401, output=257, reasoning=120),
        AT,
    )
    assert used(made, of="provider") == {
        "input": 1_203_000,
        "cache_read": 800_000,
        "cache_write_5m": 501_250,
        "cache_write_1h": 0,
        "output": 1_285_000,
        "image": 0,
    }
    assert made.provider.total_nano == 3_789_250  # 0.00378925 USD
    assert used(made, of="billed") == {
        "input": 1_827_742,  # 1,827,741.96
        "cache_read": 1_215_456,
        "cache_write_5m": 761_559,  # 761,559.15
        "cache_write_1h": 0,
        "output": 1_952_326,  # 1,952,326.20
        "image": 0,
    }
    assert made.billed.total_nano == 5_757_083  # 0.005757083 CAD


def test_a_half_goes_to_the_even_neighbour_after_conversion_and_markup() -> None:
    half = catalog(card(rates(500_000)), terms=terms())  # half a nano for a token
    assert [bill(*half, Usage(output=n), AT).billed.output_nano for n in (1, 2, 3, 5, 7)] == [0, 1, 2, 2, 4]
    split = bill(*half, Usage(input=1, output=1), AT)
    assert split.billed.total_nano == 0  # two halves, each rounded by itself


def test_the_tier_that_the_answer_names_decides_and_one_that_is_not_listed_costs_the_card() -> None:
    own = card(rates(7 * ONE), id="y", long_above=100, long_rates=rates(9 * ONE))
    listed = card(
        rates(2 * ONE),
        tiers={
            "flex": ServiceTier(multiplier=ONE // 2, card=""),
            "priority": ServiceTier(multiplier=ONE, card="y"),
        },
    )
    made = catalog(listed, own, terms=terms())

    def total(tier: str, tokens: int = 10) -> tuple[int, bool, str]:
        found = bill(*made, Usage(input=tokens, service_tier=tier), AT)
        return found.provider.total_nano // 1000, found.tier_listed, found.card.id

    assert total("") == total("default") == total("standard") == (20, False, "x")
    assert total("flex") == total("FLEX") == (10, True, "x")
    assert total("priority") == (70, True, "y")
    assert total("priority", 101) == (909, True, "y")  # its own long step
    assert total("brand-new") == (20, False, "x")


def test_the_long_step_counts_cached_tokens_and_no_images_and_holds_for_the_whole_call() -> None:
    stepped = card(rates(ONE, image=5), long_above=1_000, long_rates=rates(3 * ONE, image=5))
    made = catalog(stepped, terms=terms())
    short = bill(*made, Usage(input=999, cache_read=1, output=10, images=50), AT)
    assert (short.long_context, short.billed.output_nano, short.billed.image_nano) == (False, 10_000, 250)
    long = bill(*made, Usage(cache_read=600, cache_write_1h=401, output=10), AT)
    assert (long.long_context, long.billed.output_nano) == (True, 30_000)


def test_an_image_costs_its_price_where_a_vendor_has_one_and_nothing_by_itself_elsewhere() -> None:
    priced = bill(*catalog(card(rates(ONE, image=2_650_000)), terms=terms(usd=2 * ONE)), Usage(images=3), AT)
    assert (priced.provider.image_nano, priced.billed.image_nano) == (7_950_000, 15_900_000)
    assert bill(*catalog(card(rates(ONE)), terms=terms()), Usage(input=5, images=3), AT).billed.image_nano == 0


def test_a_card_in_the_accounts_currency_is_not_converted() -> None:
    made = bill(*catalog(card(rates(ONE), currency="CAD"), terms=terms(usd=9 * ONE)), Usage(input=10), AT)
    assert (made.rate, made.billed.total_nano, made.provider.currency) == (None, 10_000, "CAD")


def test_the_day_is_the_calls_in_utc() -> None:
    monthly = replace(terms(), exchange={"USD": (exchange(ONE), exchange(2 * ONE, effective=date(2026, 11, 21)))})
    made = catalog(card(rates(ONE)), terms=monthly)
    montreal = timezone(timedelta(hours=-5))
    for at, total in (
        (datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC), 1_000),
        (datetime(2026, 11, 20, 18, 59, tzinfo=montreal), 1_000),
        (datetime(2026, 11, 20, 19, 0, tzinfo=montreal), 2_000),
        (datetime(2026, 11, 21, tzinfo=UTC), 2_000),
    ):
        assert bill(*made, Usage(input=1), at).billed.total_nano == total
    with pytest.raises(ValueError, match="no zone"):
        bill(*made, Usage(input=1), AT.replace(tzinfo=None))


def test_a_card_on_record_prices_a_call_again_when_its_route_has_moved_on() -> None:
    old = card(rates(ONE), id="old")
    made = catalog(card(rates(5 * ONE)), old, terms=terms())
    assert bill(*made, Usage(input=1), AT).billed.total_nano == 5_000
    assert bill(*made, Usage(input=1), AT, card=old).billed.total_nano == 1_000


def test_every_route_that_we_ship_has_a_bill() -> None:
    usage = Usage(input=1_000, cache_read=10, cache_write_5m=10, cache_write_1h=10, output=1_000, images=2)
    for route in shipped().routes.values():
        for byok in (False, True):
            made = bill(shipped(), route, usage, AT, byok)
            assert made.billed.total_nano > 0
            assert made.provider.total_nano > 0
