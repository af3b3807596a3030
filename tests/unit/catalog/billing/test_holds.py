"""What is set aside always covers the bill, and no more than it must."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.catalog.billing.bill import bill
from libs.catalog.billing.holds import SLICE, extension, hold_bound
from libs.catalog.billing.terms import ONE
from libs.catalog.model import Catalog, Rates, Route, ServiceTier
from libs.contracts.northern.v1.frames_pb2 import Usage
from tests.unit.catalog.billing.cases import AT, card, catalog, catalogs, markup, rates, shipped, terms

PROMPT = ("input", "cache_read", "cache_write_5m", "cache_write_1h")


@st.composite
def answered(draw: st.DrawFn, prompt: int, output: int, images: int) -> Usage:
    """Any usage within the bounds: at them often, the prompt spread over its buckets in any way."""
    usage = Usage(
        output=draw(st.just(output) | st.integers(0, output)),
        images=draw(st.just(images) | st.integers(0, images)),
        service_tier=draw(st.sampled_from(["", "flex", "priority", "own", "other"])),
    )
    left = draw(st.just(prompt) | st.integers(0, prompt))
    for name in draw(st.permutations(PROMPT)):
        share = draw(st.just(left) | st.integers(0, min(left, 3)) | st.integers(0, left))
        setattr(usage, name, share)
        left -= share
    return usage


@st.composite
def asked(draw: st.DrawFn) -> dict[str, int]:
    """The arguments of hold_bound."""
    return {
        "text_bytes": draw(st.integers(0, 10_000)),
        "images": draw(st.integers(0, 5)),
        "max_tokens": draw(st.integers(0, 3_000)),
        "added_tokens": draw(st.integers(0, 500)),
    }


@settings(max_examples=400)
@given(
    made=catalogs(),
    of=asked(),
    slices=st.integers(0, 4),
    byok=st.booleans(),
    known=st.booleans(),
    data=st.data(),
)
def test_a_hold_with_its_extensions_covers_every_bill_within_its_bounds(
    made: tuple[Catalog, Route], of: dict[str, int], slices: int, byok: bool, known: bool, data: st.DataObject
) -> None:
    prompt = of["text_bytes"] + of["added_tokens"] + of["images"] * made[0].card_of(made[1]).image_tokens
    held = hold_bound(made[0], made[1], at=AT, byok=byok, **of)
    held += slices * extension(*made, 100, at=AT, byok=byok, prompt_bound=prompt if known else None)
    output = min(of["max_tokens"] or SLICE, SLICE) + slices * 100
    usage = data.draw(answered(prompt, output, of["images"]))
    assert bill(*made, usage, AT, byok).billed.total_nano <= held


TINY = st.integers(0, 30).map(lambda tenths: tenths * 100_000)  # tenths of a nano for a token: all is rounding
SHARES = st.sampled_from([0, ONE // 10, ONE // 2, ONE // 4])


@settings(max_examples=300)
@given(
    base=st.builds(
        Rates,
        input=TINY,
        cache_read=TINY,
        cache_write_5m=TINY,
        cache_write_1h=TINY,
        output=TINY,
        image=st.integers(0, 3),
    ),
    share=SHARES,
    prompt=st.integers(0, 4),
    slices=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    byok=st.booleans(),
)
def test_where_amounts_are_so_small_that_rounding_is_all_every_way_to_spread_a_prompt_is_covered(
    base: Rates, share: int, prompt: int, slices: list[int], byok: bool
) -> None:
    made = catalog(card(base, image_tokens=0), terms=terms(added=markup(share), fee=markup(share, scope="byok")))
    held = hold_bound(*made, at=AT, text_bytes=prompt, images=1, max_tokens=slices[0], byok=byok)
    held += sum(extension(*made, more, at=AT, byok=byok) for more in slices[1:])
    for spread in product(range(prompt + 1), repeat=len(PROMPT)):
        if sum(spread) == prompt:
            usage = Usage(output=sum(slices), images=1)
            for name, tokens in zip(PROMPT, spread, strict=True):
                setattr(usage, name, tokens)
            assert bill(*made, usage, AT, byok).billed.total_nano <= held


def test_what_rounding_adds_is_held_for_every_bucket_and_for_images() -> None:
    flat = catalog(card(rates(600_000, output=0)), terms=terms())  # 0.6 nano: four buckets of one token make four
    one_each = Usage(input=1, cache_read=1, cache_write_5m=1, cache_write_1h=1)
    assert bill(*flat, one_each, AT).billed.total_nano == hold_bound(*flat, at=AT, text_bytes=4) == 4
    pictured = catalog(card(rates(0, image=1), image_tokens=0), terms=terms(added=markup(ONE // 2)))
    assert bill(*pictured, Usage(images=1), AT).billed.total_nano == 2  # of 1.5
    assert hold_bound(*pictured, at=AT, text_bytes=0, images=1) == 2


def test_where_a_token_is_whole_nanos_and_all_buckets_cost_the_same_the_hold_is_the_cost() -> None:
    made = catalog(card(rates(2 * 10**9), currency="CAD"), terms=terms(added=markup(fixed_nano=5)))
    cost = bill(*made, Usage(input=1_234, output=56), AT).billed.total_nano
    assert hold_bound(*made, at=AT, text_bytes=1_234, max_tokens=56) == cost == 1_290 * 2_000 + 5


@given(
    usd=st.integers(1, 10**10),
    percent=st.integers(0, ONE),
    nano=st.integers(10**7, 10**10),
    text_bytes=st.integers(1, 10**6),
    output=st.integers(1, SLICE),
)
def test_where_one_bucket_is_dearest_the_hold_is_within_a_nano_of_the_worst_bill(
    usd: int, percent: int, nano: int, text_bytes: int, output: int
) -> None:
    base = rates(1, cache_write_1h=nano, output=nano)
    made = catalog(card(base), terms=terms(usd=usd, added=markup(percent)))
    worst = bill(*made, Usage(cache_write_1h=text_bytes, output=output), AT).billed.total_nano
    spread = 4 if nano * usd * (ONE + percent) < 2 * 10**6 * ONE * ONE else 1
    assert 0 <= hold_bound(*made, at=AT, text_bytes=text_bytes, max_tokens=output) - worst <= spread


def hold(base: Rates, *, usd: int = ONE, long: int = 0, tiers: float = 0, **of: int) -> int:
    priced = card(
        base,
        currency="CAD" if usd == ONE else "USD",
        long_above=long,
        long_rates=rates(10 * base.input) if long else None,
        tiers={"priority": ServiceTier(multiplier=int(tiers * ONE), card="")} if tiers else {},
        image_tokens=100,
    )
    made, route = catalog(priced, terms=terms(usd=usd))
    return hold_bound(made, route, at=AT, byok=False, **of)


NANO_A_TOKEN = 10**6


@pytest.mark.parametrize(
    ("held", "nano"),
    [
        (lambda: hold(rates(NANO_A_TOKEN), text_bytes=10), 10 + 1024),
        (lambda: hold(rates(NANO_A_TOKEN), text_bytes=10, max_tokens=5), 15),
        (lambda: hold(rates(NANO_A_TOKEN), text_bytes=10, max_tokens=50_000), 10 + 1024),
        (lambda: hold(rates(NANO_A_TOKEN), text_bytes=10, slice=64), 74),
        (lambda: hold(rates(NANO_A_TOKEN), text_bytes=10, added_tokens=7, max_tokens=1), 18),
        (lambda: hold(rates(NANO_A_TOKEN), text_bytes=10, images=2, max_tokens=1), 211),
        (lambda: hold(rates(NANO_A_TOKEN, image=30), text_bytes=10, images=2, max_tokens=1), 271),
        (lambda: hold(rates(NANO_A_TOKEN, cache_write_1h=2 * NANO_A_TOKEN), text_bytes=10, max_tokens=1), 21),
        (lambda: hold(rates(NANO_A_TOKEN), long=10, text_bytes=10, max_tokens=1), 11),
        (lambda: hold(rates(NANO_A_TOKEN), long=9, text_bytes=10, max_tokens=1), 110),
        (lambda: hold(rates(NANO_A_TOKEN), long=109, text_bytes=10, images=1, max_tokens=1), 1_110),
        (lambda: hold(rates(NANO_A_TOKEN), tiers=2, text_bytes=10, max_tokens=1), 22),
        (lambda: hold(rates(NANO_A_TOKEN), tiers=0.5, text_bytes=10, max_tokens=1), 11),
        (lambda: hold(rates(NANO_A_TOKEN), usd=3 * ONE, text_bytes=10, max_tokens=1), 33),
        (lambda: hold(rates(0), text_bytes=10), 0),
    ],
)
def test_the_bound_takes_the_dearest_that_can_be_reached(held: Callable[[], int], nano: int) -> None:
    assert held() == nano


def test_the_fee_is_held_once_and_no_extension_asks_for_it_again() -> None:
    made = catalog(card(rates(NANO_A_TOKEN), currency="CAD"), terms=terms(added=markup(fixed_nano=500)))
    assert hold_bound(*made, at=AT, text_bytes=10, max_tokens=1) == 511
    assert extension(*made, 100, at=AT) == 100
    assert extension(*made, at=AT) == SLICE


def test_a_call_by_the_callers_own_credentials_holds_its_fee_alone() -> None:
    fee = markup(ONE // 10, 500, scope="byok")
    made = catalog(card(rates(NANO_A_TOKEN), currency="CAD"), terms=terms(added=markup(ONE, 9_999), fee=fee))
    assert hold_bound(*made, at=AT, text_bytes=996, max_tokens=4, byok=True) == 100 + 500
    assert extension(*made, 100, at=AT, byok=True) == 10


def test_more_output_of_a_long_prompt_is_held_at_its_rate_unless_the_prompt_is_known_to_be_short() -> None:
    stepped = card(rates(NANO_A_TOKEN), currency="CAD", long_above=1_000, long_rates=rates(2 * NANO_A_TOKEN))
    made = catalog(stepped, terms=terms())
    assert extension(*made, 100, at=AT) == extension(*made, 100, at=AT, prompt_bound=1_001) == 200
    assert extension(*made, 100, at=AT, prompt_bound=1_000) == 100


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 20))
def test_more_asked_is_never_less_held(text_bytes: int, more: int, images: int) -> None:
    for route in shipped().routes.values():
        before = hold_bound(shipped(), route, at=AT, text_bytes=text_bytes, images=images)
        assert hold_bound(shipped(), route, at=AT, text_bytes=text_bytes + more, images=images) >= before > 0
        assert hold_bound(shipped(), route, at=AT, text_bytes=text_bytes, images=images + 1) > before
