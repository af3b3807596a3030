"""Requests under way: beginnings kept for their ends, each end once, nothing for ever."""

import pytest

from libs.bus.base import Stored
from libs.projection.base import UnreadableError
from services.billing.books.calls import LONGEST_MS, Calls, calls_in
from tests.support.money_facts import AT_MS, egress, finished, message, placed


def test_beginnings_and_ends_are_read_and_what_is_charged_to_nobody_is_not_even_parsed() -> None:
    assert calls_in(Stored("ev.egress.0", 7, message(egress(1), egress(2)))) == [
        placed(7, egress(1)),
        placed(7, egress(2), 1),
    ]
    assert calls_in(Stored("ev.finished.0", 8, message(finished(1)))) == [placed(8, finished(1))]
    for kind in ("delivered", "refused", "pii", "admin", "feedback"):
        assert calls_in(Stored(f"ev.{kind}.0", 9, b"\xff")) is None
    with pytest.raises(UnreadableError):
        calls_in(Stored("ev.finished.0", 9, message(egress(1))))


def test_an_end_is_met_by_the_record_of_its_attempt() -> None:
    calls = Calls()
    assert calls.take(placed(1, egress(attempt=0, model="first"))) is None
    assert calls.take(placed(2, egress(attempt=1, model="second"))) is None
    ended = calls.take(placed(3, finished(attempts=1)))
    assert ended is not None
    assert (ended.egress.model_requested, ended.placed.seq) == ("first", 3)


def test_an_end_of_an_attempt_nobody_recorded_gets_the_latest() -> None:
    calls = Calls()
    calls.take(placed(1, egress(attempt=0)))
    calls.take(placed(2, egress(attempt=1, model="second")))
    ended = calls.take(placed(3, finished(attempts=7)))
    assert ended is not None
    assert ended.egress.model_requested == "second"


def test_the_second_end_of_a_request_counts_nothing() -> None:
    calls = Calls()
    calls.take(placed(1, egress()))
    assert calls.take(placed(2, finished())) is not None
    assert calls.take(placed(3, finished())) is None
    assert len(calls) == 0


def test_the_same_id_of_two_accounts_is_two_requests() -> None:
    calls = Calls()
    calls.take(placed(1, egress()))
    assert calls.take(placed(2, finished(tenant="t_two"))) is None
    assert calls.take(placed(3, finished())) is not None


def test_what_is_needed_begins_with_the_oldest_open_request() -> None:
    calls = Calls()
    assert calls.needed_from(0) == 1
    calls.take(placed(4, egress(1)))
    calls.take(placed(5, egress(2)))
    calls.take(placed(6, egress(1, attempt=1)))
    assert calls.needed_from(6) == 4
    calls.take(placed(7, finished(1)))
    assert calls.needed_from(7) == 5
    calls.take(placed(8, finished(2)))
    assert calls.needed_from(8) == 9


def test_what_no_request_can_be_as_old_as_is_forgotten() -> None:
    calls = Calls()
    calls.take(placed(1, egress(1)))
    calls.take(placed(2, egress(2, at_ms=AT_MS + LONGEST_MS)))
    assert calls.needed_from(2) == 2
    assert len(calls) == 1
    assert calls.take(placed(3, finished(1))) is None
