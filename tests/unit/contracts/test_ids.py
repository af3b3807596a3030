"""Request ids: 16 hex digits, ordered by time, never twice, whatever the clock does and however many replicas."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import COUNTER, EPOCH_MS, REQUEST_ID, SLOTS, RequestIds, issued_at_ms

NOW = 1_795_000_000_000
FOR_EVER = 1 << 60


class Clock:
    def __init__(self, ms: int = NOW) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


@given(slot=st.integers(0, SLOTS - 1), steps=st.lists(st.integers(-5000, 5000), min_size=1, max_size=200))
def test_ids_are_unique_well_formed_and_ordered_even_where_the_clock_steps_back(slot: int, steps: list[int]) -> None:
    clock = Clock()
    issue = RequestIds(slot, clock, FOR_EVER)
    found = []
    for step in steps:
        clock.ms += step
        found.append(issue())
    assert all(REQUEST_ID.fullmatch(one) for one in found)
    assert found == sorted(set(found))


@given(st.integers(EPOCH_MS, EPOCH_MS + (1 << 41) - 1), st.integers(0, SLOTS - 1))
def test_the_time_of_issue_can_be_read_from_an_id(ms: int, slot: int) -> None:
    one = RequestIds(slot, lambda: ms, FOR_EVER)()
    assert REQUEST_ID.fullmatch(one)
    assert issued_at_ms(one) == ms


def test_of_a_clock_that_stepped_back_the_last_millisecond_is_kept() -> None:
    clock = Clock()
    issue = RequestIds(1, clock, FOR_EVER)
    issue()
    clock.ms -= 60_000
    assert issued_at_ms(issue()) == NOW


def test_8192_ids_of_one_millisecond_are_its_own_and_the_next_one_borrows() -> None:
    issue = RequestIds(1023, Clock(), FOR_EVER)
    found = [issue() for _ in range(COUNTER + 1)]
    assert {issued_at_ms(one) for one in found[:COUNTER]} == {NOW}
    assert issued_at_ms(found[COUNTER]) == NOW + 1
    assert found == sorted(set(found))


def test_a_thousand_replicas_at_the_same_moment_never_meet() -> None:
    clock = Clock()
    replicas = [RequestIds(slot, clock, FOR_EVER) for slot in range(1000)]
    found = set()
    for _ in range(20):
        found |= {issue() for issue in replicas}
        clock.ms += 1
        found |= {issue() for issue, _ in itertools.product(replicas[:10], range(20))}
    assert len(found) == 20 * (1000 + 200)


def test_past_the_end_of_the_lease_nothing_is_issued_until_it_is_renewed() -> None:
    clock = Clock()
    issue = RequestIds(1, clock, NOW + 10)
    clock.ms = NOW + 9
    before = issue()
    clock.ms = NOW + 10
    for _ in range(3):
        with pytest.raises(LookupError):
            issue()
    issue.until_ms = NOW + 20
    assert issue() > before


def test_borrowed_milliseconds_end_with_the_lease_too() -> None:
    issue = RequestIds(1, Clock(), NOW + 1)
    for _ in range(COUNTER):
        issue()
    with pytest.raises(LookupError):
        issue()


def test_a_clock_that_stepped_back_before_the_lease_ended_does_not_prolong_it() -> None:
    clock = Clock(NOW + 100)
    issue = RequestIds(1, clock, NOW + 101)
    issue()
    clock.ms = NOW
    issue.until_ms = NOW + 50
    with pytest.raises(LookupError):
        issue()


def test_a_clock_before_2026_issues_nothing_that_is_no_id() -> None:
    one = RequestIds(1, lambda: 0, FOR_EVER)()
    assert REQUEST_ID.fullmatch(one)
    with pytest.raises(LookupError):
        RequestIds(1, lambda: 0, 15_000)()


@pytest.mark.parametrize("slot", [-1, SLOTS])
def test_a_slot_that_does_not_fit_is_refused(slot: int) -> None:
    with pytest.raises(ValueError, match="slot"):
        RequestIds(slot, Clock(), FOR_EVER)


@given(st.lists(st.tuples(st.integers(0, SLOTS - 1), st.integers(-5000, 5000), st.integers(-2000, 2000)), max_size=50))
def test_under_another_slot_ids_go_on_above_all_that_were_issued(moves: list[tuple[int, int, int]]) -> None:
    clock = Clock()
    issue = RequestIds(7, clock, FOR_EVER)
    found = [issue()]
    for slot, step, ahead in moves:
        clock.ms += step
        issue.move(slot, FOR_EVER, clock.ms + ahead)
        found += [issue(), issue()]
        assert issued_at_ms(found[-1]) >= clock.ms + ahead
    assert found == sorted(set(found))


def test_what_was_granted_to_the_holder_before_is_left_to_it_though_the_clock_steps_back() -> None:
    clock = Clock(NOW - 3000)
    assert issued_at_ms(RequestIds(7, clock, FOR_EVER, from_ms=NOW)()) == NOW
