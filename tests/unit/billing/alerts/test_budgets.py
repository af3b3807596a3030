"""When an account is told of its budget: each threshold once a month, the highest of those reached, and never early."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.alerts.budgets import Said, Spending, due, told

USUAL = (50, 80, 100)


def spending(spent: int, budget: int = 1000, month: str = "2026-11", thresholds: tuple[int, ...] = USUAL) -> Spending:
    return Spending(month=month, spent_nano=spent, budget_nano=budget, thresholds=thresholds)


@pytest.mark.parametrize(
    ("spent", "percent"), [(0, None), (499, None), (500, 50), (799, 50), (800, 80), (999, 80), (1000, 100), (5000, 100)]
)
def test_the_highest_threshold_that_is_reached_is_told(spent: int, percent: int | None) -> None:
    assert due(Said(), spending(spent)) == percent


def test_a_threshold_is_told_once_and_those_below_it_never_after() -> None:
    said = told(spending(800), 80)
    assert due(said, spending(990)) is None
    assert due(said, spending(990, thresholds=(50, 80, 90))) == 90
    assert due(said, spending(990, thresholds=(50, 70))) is None


@pytest.mark.parametrize("now", [spending(800, month="2026-12"), spending(1600, budget=2000)])
def test_another_month_and_another_budget_begin_anew(now: Spending) -> None:
    assert due(told(spending(800), 80), now) == 80


def test_a_budget_of_nothing_is_on_its_way_nowhere() -> None:
    assert due(Said(), spending(0, budget=0)) is None


@given(st.lists(st.integers(0, 2000), max_size=20), st.sets(st.integers(1, 100), min_size=1, max_size=10))
def test_however_spending_moves_no_threshold_is_told_twice_and_each_reached_one_is_covered(
    moves: list[int], thresholds: set[int]
) -> None:
    said, all_told = Said(), list[int]()
    for spent in moves:
        now = spending(spent, thresholds=tuple(thresholds))
        percent = due(said, now)
        if percent is not None:
            assert spent * 100 >= 1000 * percent
            all_told.append(percent)
            said = told(now, percent)
        assert due(said, now) is None
    assert all_told == sorted(set(all_told))
    reached = [each for each in thresholds if any(spent * 100 >= 1000 * each for spent in moves)]
    assert max(reached, default=0) == max(all_told, default=0)


@given(st.builds(Said, month=st.text(), budget_nano=st.integers(-(2**62), 2**62), percent=st.integers(0, 100)))
def test_what_was_said_is_read_as_it_was_written(said: Said) -> None:
    assert Said.decoded(said.encoded()) == said


@given(st.binary())
def test_a_record_that_cannot_be_read_is_as_if_nothing_was_said(value: bytes) -> None:
    assert Said.decoded(value) == Said()
