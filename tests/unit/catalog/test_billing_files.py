"""Reading prices and billing terms from the files: exact amounts, and a sentence for everything that is missing."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from libs.catalog.billing.terms import ONE
from libs.catalog.load import CatalogError, load
from libs.catalog.model import IMAGE_TOKENS, Catalog, Tier
from tests.unit.catalog.small import FILES

Write = Callable[..., Path]


def problems(folder: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        load(folder)
    return str(caught.value)


def test_terms_are_read_exactly_and_in_the_order_of_their_days(write: Write) -> None:
    billing = FILES["billing"] + (
        '[[markup]]\ntier = "self_hosted"\npercent = "0.0000001"\nfixed_per_request = "0.000000001"\n'
        'from = 2025-01-01\nsource = "x"\n'
        '[[markup]]\nroute = "bedrock/maker.small-ca"\npercent = "9999.9999999"\nfrom = 2026-01-01\nsource = "x"\n'
    )
    rate = '[[rate]]\nfrom = "USD"\nto = "CAD"\nrate = "1.234567891"\ndate = 2025-01-01\nsource = "x"\n'
    terms = load(write(billing=billing, exchange=FILES["exchange"] + rate)).terms
    found = terms.markups["self_hosted"]
    assert [(each.percent, each.fixed_nano, each.effective.year) for each in found] == [(1, 1, 2025), (0, 0, 2026)]
    assert terms.markups["bedrock/maker.small-ca"][0].percent == 99_999_999_999
    assert terms.markups["managed_canadian_cloud"][0].percent == ONE // 10
    assert (terms.routing_fees[0].percent, terms.routing_fees[0].scope) == (25_000_000, "byok")
    assert [each.factor for each in terms.exchange["USD"]] == [1_234_567_891, 1_250_000_000]


def test_a_card_may_price_images_and_service_tiers(write: Write) -> None:
    own = FILES["prices"].replace("small.2026", "fast.2026").replace('"2.00"', '"9.00"')
    prices = FILES["prices"] + (
        'image = "0.00265"\nimage_tokens = 1600\n'
        'long = { above = 100, input = "3.00", output = "4.00" }\n'
        'tiers = { flex = { multiplier = "0.5" }, priority = { card = "fast.2026" } }\n'
    )
    catalog = load(write(prices=prices + own))
    card = catalog.rate_cards["small.2026"]
    assert card.long_rates is not None
    assert (card.rates.image, card.long_rates.image, card.image_tokens) == (2_650_000, 2_650_000, 1600)
    assert [(name, tier.multiplier, tier.card) for name, tier in card.tiers.items()] == [
        ("flex", ONE // 2, ""),
        ("priority", ONE, "fast.2026"),
    ]
    assert catalog.rate_cards["fast.2026"].image_tokens == IMAGE_TOKENS


MARKUP = '[[markup]]\ntier = "self_hosted"\npercent = "1"\nfrom = 2026-02-01\nsource = "x"\n'
RATE = '[[rate]]\nfrom = "EUR"\nto = "CAD"\nrate = "1.6"\ndate = 2026-01-01\nsource = "x"\n'


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        (MARKUP.replace("02-01", "01-01"), "markup number 4: there is another one for self_hosted from 2026-01-01"),
        (MARKUP.replace('tier = "self_hosted"\n', ""), "markup number 4: it must name a tier or a route, and not both"),
        (MARKUP + 'route = "bedrock/maker.small-ca"\n', "markup number 4: it must name a tier or a route, and not"),
        (MARKUP.replace('tier = "self_hosted"', 'route = "a/b"'), "markup number 4: there is no route 'a/b'"),
        (MARKUP.replace('"self_hosted"', '"gold"'), "markup number 4: tier: "),
        (MARKUP.replace('"1"', "1"), "markup number 4: percent: "),
        (MARKUP.replace('"1"', '"-1"'), "markup number 4: percent: "),
        (MARKUP.replace('"1"', '"0.12345678"'), "markup number 4: percent: "),
        (MARKUP + 'fixed_per_request = "-1"\n', "markup number 4: fixed_per_request: "),
        (MARKUP + "colour = 1\n", "markup number 4: colour: "),
        ('[[byok]]\npercent = "1"\nfrom = 2026-01-01\nsource = "x"\n', "byok number 2: there is another one for byok"),
        ("[markups]\n", "nobody knows 'markups' there"),
    ],
)
def test_a_spoilt_markup_or_fee_is_refused_in_a_sentence(write: Write, added: str, sentence: str) -> None:
    assert f"billing.toml: {sentence}" in problems(write(billing=FILES["billing"] + added))


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        (RATE.replace('"1.6"', "1.6"), "rate number 2: rate: "),
        (RATE.replace('"1.6"', '"0.000"'), "rate number 2: rate: Value error, it must be more than nothing"),
        (RATE.replace('"1.6"', '"1.0000000001"'), "rate number 2: rate: "),
        (RATE.replace('"CAD"', '"USD"'), "rate number 2: it must lead from another currency to CAD"),
        (RATE.replace('"EUR"', '"CAD"'), "rate number 2: it must lead from another currency to CAD"),
        (RATE.replace('"EUR"', '"eur"'), "rate number 2: from: "),
        (RATE.replace("2026-01-01", '"today"'), "rate number 2: date: "),
        (RATE + RATE, "rate number 3: there is another one for EUR from 2026-01-01"),
    ],
)
def test_a_spoilt_exchange_rate_is_refused_in_a_sentence(write: Write, added: str, sentence: str) -> None:
    assert f"exchange.toml: {sentence}" in problems(write(exchange=FILES["exchange"] + added))


@pytest.mark.parametrize(
    ("tiers", "sentence"),
    [
        ("flex = {}", "its tier flex must have a multiplier or a card, and not both"),
        ('flex = { multiplier = "1", card = "small.2026" }', "its tier flex must have a multiplier or a card, and not"),
        ('flex = { card = "none" }', "its tier flex names the rate card 'none', and there is none of that id"),
        ('flex = { card = "small.2026" }', "its tier flex names a rate card that has tiers of its own"),
        ('flex = { card = "euro.2026" }', "its tier flex names a rate card in EUR"),
        ('flex = { multiplier = "0" }', "tiers.flex.multiplier: Value error, it must be more than nothing"),
        ('Flex = { multiplier = "1" }', "tiers.Flex"),
    ],
)
def test_a_spoilt_service_tier_is_refused_in_a_sentence(write: Write, tiers: str, sentence: str) -> None:
    euro = FILES["prices"].replace("small.2026", "euro.2026").replace("USD", "EUR")
    folder = write(prices=f"{FILES['prices']}tiers = {{ {tiers} }}\n{euro}", exchange=FILES["exchange"] + RATE)
    assert f"prices.toml: price small.2026: {sentence}" in problems(folder)


def test_what_no_bill_can_do_without_must_be_there(write: Write) -> None:
    euro = FILES["prices"].replace("small", "x").replace("USD", "EUR")
    told = problems(write(billing="", exchange="", prices=FILES["prices"] + euro))
    assert told.splitlines() == [
        *(f"billing.toml: there is no markup of the tier {tier.value}" for tier in Tier),
        "billing.toml: there is no [[byok]], the fee for calls by the caller's own credentials",
        "exchange.toml: there is no rate from EUR, in which rate cards are, to CAD",
        "exchange.toml: there is no rate from USD, in which rate cards are, to CAD",
    ]


@pytest.mark.parametrize("name", ["billing", "exchange"])
def test_a_file_that_is_not_there_is_told_once(write: Write, name: str) -> None:
    assert problems(write(**{name: None})) == f"{name}.toml: it cannot be read (No such file or directory)"


def test_a_faulty_entry_is_told_once_and_not_missed_too(write: Write) -> None:
    assert problems(write(exchange=FILES["exchange"].replace('"1.25"', "1.25"))).count("exchange.toml") == 1


def test_a_catalogue_in_the_accounts_currency_needs_no_rates(write: Write) -> None:
    assert load(write(exchange="", prices=FILES["prices"].replace("USD", "CAD"))).terms.exchange == {}


def test_the_shipped_terms_price_the_tiers_that_openai_publishes(shipped: Catalog) -> None:
    tiers = shipped.rate_cards["openai-gpt-5-mini.2025-08"].tiers
    assert {name: tier.multiplier for name, tier in tiers.items()} == {"flex": ONE // 2, "priority": 1_800_000_000}
    assert shipped.terms.exchange["USD"][0].effective <= date(2026, 11, 21)
