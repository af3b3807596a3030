"""Amounts at the rim: decimal text of integer nano-units, exact to the last place."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.money import NANO, decimal_text


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0.00"), (1, "0.000000001"), (1_500_000_000, "1.50"), (NANO, "1.00"), (-1, "-0.000000001"), (-NANO, "-1.00")],
)
def test_amounts_read_as_people_write_them(nano: int, text: str) -> None:
    assert decimal_text(nano) == text


@given(st.integers(-(10**18), 10**18))
def test_no_amount_is_changed_by_being_written(nano: int) -> None:
    assert Decimal(decimal_text(nano)).scaleb(9) == nano
