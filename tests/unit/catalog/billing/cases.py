"""Catalogues of one card and one set of terms, made up or chosen by hypothesis, for the tests of bills and holds."""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from hypothesis import strategies as st

from libs.catalog.billing.terms import ONE, ExchangeRate, Markup, Terms
from libs.catalog.load import load
from libs.catalog.model import Catalog, RateCard, Rates, Route, ServiceTier
from libs.contracts.northern.v1.frames_pb2 import Usage
from tests.unit.catalog.conftest import SHIPPED

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = date(2026, 1, 1)
ROUTE = "Qwen/Qwen3-14B"


@cache
def shipped() -> Catalog:
    return load(SHIPPED)


def markup(percent: int = 0, fixed_nano: int = 0, *, scope: str = "self_hosted", effective: date = DAY) -> Markup:
    """`percent` in parts of 10⁹."""
    return Markup(scope=scope, percent=percent, fixed_nano=fixed_nano, effective=effective, source="the operator")


def exchange(factor: int, *, effective: date = DAY) -> ExchangeRate:
    return ExchangeRate(base="USD", quote="CAD", factor=factor, effective=effective, source="a bank", verified=True)


def terms(*, usd: int = ONE, added: Markup | None = None, fee: Markup | None = None) -> Terms:
    return Terms(
        markups={"self_hosted": (added or markup(),)},
        routing_fees=(fee or markup(scope="byok"),),
        exchange={"USD": (exchange(usd),)},
    )


def rates(nano: int, **other: int) -> Rates:
    flat = dict.fromkeys(("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"), nano)
    return Rates(**{**flat, **other})


def card(base: Rates, **other: object) -> RateCard:
    plain = RateCard(
        id="x",
        currency="USD",
        rates=base,
        long_above=0,
        long_rates=None,
        effective=DAY,
        source="a page",
        checked=DAY,
        verified=True,
    )
    return replace(plain, **other)  # type: ignore[arg-type]


def catalog(*cards: RateCard, terms: Terms) -> tuple[Catalog, Route]:
    """A catalogue in which one route has the first of these cards."""
    route = replace(shipped().routes[ROUTE], rate_card=cards[0].id)
    return replace(
        shipped(),
        routes={route.route_id: route},
        rate_cards={each.id: each for each in cards},
        terms=terms,
    ), route


# --- chosen by hypothesis -----------------------------------------------------------------------------------------

NANO = st.integers(0, 10**12) | st.sampled_from([0, 500_000, 10**9, 3 * 10**9])
RATES = st.builds(Rates, input=NANO, cache_read=NANO, cache_write_5m=NANO, cache_write_1h=NANO, output=NANO, image=NANO)
FACTORS = st.integers(1, 10**11) | st.sampled_from([ONE, 1_438_900_000, 500_000_000, 2 * ONE])
MARKUPS = st.builds(markup, st.integers(0, 5 * ONE), st.integers(0, 10**9))
TERMS = st.builds(terms, usd=FACTORS, added=MARKUPS, fee=MARKUPS)
COUNTS = st.integers(0, 10**7)
USAGES = st.builds(
    Usage,
    input=COUNTS,
    cache_read=COUNTS,
    cache_write_5m=COUNTS,
    cache_write_1h=COUNTS,
    output=COUNTS,
    reasoning=COUNTS,
    images=st.integers(0, 100),
    service_tier=st.sampled_from(["", "default", "flex", "PRIORITY", "own", "new"]),
)


@st.composite
def catalogs(draw: st.DrawFn) -> tuple[Catalog, Route]:
    """Long steps at reachable lengths, tiers by multiplier and by a card of their own, any terms."""
    long_above = draw(st.integers(1, 5_000))
    own = card(draw(RATES), id="y", currency=draw(st.sampled_from(["USD", "CAD"])))
    if draw(st.booleans()):
        own = replace(own, long_above=long_above, long_rates=draw(RATES))
    first = card(
        draw(RATES),
        currency=own.currency,
        image_tokens=draw(st.integers(1, 2_000)),
        tiers={
            "flex": ServiceTier(multiplier=draw(FACTORS), card=""),
            "priority": ServiceTier(multiplier=draw(FACTORS), card=""),
            "own": ServiceTier(multiplier=ONE, card="y"),
        },
    )
    if draw(st.booleans()):
        first = replace(first, long_above=long_above, long_rates=draw(RATES))
    return catalog(first, own, terms=draw(TERMS))
