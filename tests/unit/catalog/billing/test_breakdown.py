"""Why this price: whoever multiplies what it shows gets the amounts that were billed."""

import json
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.billing.bill import bill
from libs.catalog.billing.breakdown import explain
from libs.catalog.billing.terms import ONE
from libs.catalog.model import Catalog, Rates, Route, ServiceTier
from libs.contracts.northern.v1.frames_pb2 import Usage
from tests.unit.catalog.billing.cases import AT, USAGES, card, catalog, catalogs, markup, rates, terms

EXACT = Context(prec=200)
NANO = Decimal("1e-9")


def shown(made: tuple[Catalog, Route], usage: Usage, byok: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(explain(bill(*made, usage, AT, byok))))
    return found


@given(made=catalogs(), usage=USAGES, byok=st.booleans())
def test_what_it_shows_multiplies_and_adds_up_to_what_was_billed(
    made: tuple[Catalog, Route], usage: Usage, byok: bool
) -> None:
    why, billed = shown(made, usage, byok), bill(*made, usage, AT, byok)
    total = provider = Decimal(0)
    for bucket in why["buckets"]:
        whole = EXACT.multiply(Decimal(bucket["count"]), Decimal(bucket["unit_price"]))
        amount = EXACT.divide(EXACT.multiply(whole, Decimal(bucket["multiplier"])), Decimal(bucket["per"]))
        assert Decimal(bucket["amount"]) == amount.quantize(NANO, ROUND_HALF_EVEN, EXACT)
        total += Decimal(bucket["amount"])
        provider += Decimal(bucket["provider_amount"])
    assert Decimal(why["cost"]) == total + Decimal(why["fee"]) == billed.billed.total_nano * NANO
    assert Decimal(why["provider_cost"]) == provider == billed.provider.total_nano * NANO


def test_all_of_it_for_a_call_reckoned_by_hand() -> None:
    """The example of docs/pricing.md."""
    haiku = Rates(
        input=10**9, cache_read=10**8, cache_write_5m=1_250_000_000, cache_write_1h=2 * 10**9, output=5 * 10**9
    )
    made = catalog(card(haiku), terms=terms(usd=1_381_200_000, added=markup(ONE // 10)))
    usage = Usage(input=1_203, cache_read=8_000, cache_write_5m=401, output=257, reasoning=120)
    common = {"per": 1_000_000, "multiplier": "1.51932"}
    assert shown(made, usage) == {
        "version": 1,
        "rate_card": "x",
        "rate_card_from": "2026-01-01",
        "rate_card_source": "a page",
        "service_tier": "",
        "service_tier_listed": False,
        "service_tier_multiplier": "1",
        "long_context": False,
        "estimated": False,
        "byok": False,
        "reasoning_tokens": 120,
        "exchange_rate": {"from": "USD", "to": "CAD", "rate": "1.3812", "date": "2026-01-01", "source": "a bank"},
        "markup": {
            "scope": "self_hosted",
            "percent": "10",
            "fixed_per_request": "0.00",
            "from": "2026-01-01",
            "source": "the operator",
        },
        "buckets": [
            {"bucket": "input", "count": 1203, "unit_price": "1.00"}
            | common
            | {"provider_amount": "0.001203", "amount": "0.001827742"},
            {"bucket": "cache_read", "count": 8000, "unit_price": "0.10"}
            | common
            | {"provider_amount": "0.0008", "amount": "0.001215456"},
            {"bucket": "cache_write_5m", "count": 401, "unit_price": "1.25"}
            | common
            | {"provider_amount": "0.00050125", "amount": "0.000761559"},
            {"bucket": "output", "count": 257, "unit_price": "5.00"}
            | common
            | {"provider_amount": "0.001285", "amount": "0.001952326"},
        ],
        "fee": "0.00",
        "provider_cost": "0.00378925",
        "provider_currency": "USD",
        "cost": "0.005757083",
        "currency": "CAD",
    }


def test_the_callers_own_credentials_show_the_providers_amounts_and_a_routing_fee() -> None:
    fee = markup(25_000_000, 2_000, scope="byok")
    why = shown(catalog(card(rates(ONE)), terms=terms(usd=2 * ONE, fee=fee)), Usage(input=10_000), True)
    assert why["routing_fee"] == {
        "scope": "byok",
        "percent": "2.5",
        "fixed_per_request": "0.000002",
        "from": "2026-01-01",
        "source": "the operator",
    }
    assert "markup" not in why
    assert (why["byok"], why["provider_cost"], why["fee"], why["cost"]) == (True, "0.01", "0.000502", "0.000502")
    assert [(each["provider_amount"], each["amount"]) for each in why["buckets"]] == [("0.01", "0.00")]


def test_a_tier_an_image_a_long_prompt_and_an_estimate_are_shown_as_such() -> None:
    stepped = card(
        rates(ONE, image=2_650_000),
        currency="CAD",
        long_above=5,
        long_rates=rates(2 * ONE, image=2_650_000),
        tiers={"flex": ServiceTier(multiplier=ONE // 2, card="")},
    )
    usage = Usage(input=6, images=2, service_tier="flex", estimated=True)
    why = shown(catalog(stepped, terms=terms()), usage)
    assert (why["service_tier"], why["service_tier_listed"], why["service_tier_multiplier"]) == ("flex", True, "0.5")
    assert (why["long_context"], why["estimated"], why["exchange_rate"]) == (True, True, None)
    image = {"bucket": "image", "count": 2, "unit_price": "0.00265", "per": 1, "multiplier": "0.5"}
    assert why["buckets"][1] == {**image, "provider_amount": "0.00265", "amount": "0.00265"}
    assert why["buckets"][0]["unit_price"] == "2.00"
