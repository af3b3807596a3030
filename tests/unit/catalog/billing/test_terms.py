"""Which markup, fee and exchange rate hold on a day."""

from datetime import date

import pytest

from libs.catalog.billing.terms import ExchangeRate, Markup, Terms
from tests.unit.catalog.billing.cases import exchange, markup

FIRST, SECOND, THIRD = date(2026, 1, 1), date(2026, 6, 1), date(2026, 9, 1)
TERMS = Terms(
    markups={
        "provider_api": (markup(1, effective=FIRST), markup(2, effective=SECOND)),
        "openai/x-us": (markup(8, effective=SECOND), markup(9, effective=THIRD)),
    },
    routing_fees=(markup(3, effective=FIRST), markup(4, effective=THIRD)),
    exchange={"USD": (exchange(5, effective=FIRST), exchange(6, effective=SECOND), exchange(7, effective=THIRD))},
)


def the_markup(route: str, day: date) -> int:
    found: Markup = TERMS.markup(route, "provider_api", day)
    return found.percent


def the_rate(day: date) -> int:
    found: ExchangeRate | None = TERMS.exchange_rate("USD", day)
    return found.factor if found else 0


@pytest.mark.parametrize(
    ("day", "percent", "factor"),
    [(FIRST, 1, 5), (date(2026, 5, 31), 1, 5), (SECOND, 2, 6), (date(2026, 8, 31), 2, 6), (THIRD, 2, 7)],
)
def test_the_latest_not_after_the_day_holds(day: date, percent: int, factor: int) -> None:
    assert the_markup("another/route-us", day) == percent
    assert the_rate(day) == factor


def test_before_the_first_of_all_it_is_that_one_so_that_no_call_stays_unbilled() -> None:
    assert (the_markup("another/route-us", date(2020, 1, 1)), the_rate(date(2020, 1, 1))) == (1, 5)


def test_a_routes_own_markup_stands_in_the_place_of_its_tiers_from_its_first_day_on() -> None:
    days = (date(2026, 5, 31), SECOND, date(2026, 8, 31), THIRD)
    assert [the_markup("openai/x-us", day) for day in days] == [1, 8, 8, 9]


def test_the_routing_fee_has_days_of_its_own() -> None:
    assert [TERMS.routing_fee(day).percent for day in (SECOND, THIRD)] == [3, 4]


def test_the_accounts_own_currency_needs_no_rate() -> None:
    assert TERMS.exchange_rate("CAD", FIRST) is None
