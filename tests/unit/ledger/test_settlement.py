"""Charging: each finished request once, at what it cost, whatever became of its hold."""

import pytest

from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_LATE,
    EFFECT_NONE,
    EFFECT_SETTLED,
    EFFECT_UNHELD,
    OpenAccount,
    Settle,
)
from libs.ledger.results import LARGEST_BOOK_NANO, LARGEST_NANO
from tests.unit.ledger.desk import DAY, MINUTE_MS, MONTH, NOW_MS, Desk, rid


@pytest.mark.parametrize(("cost", "overrun"), [(0, 0), (30, 0), (40, 0), (55, 15)])
def test_a_settlement_closes_the_hold_at_what_it_cost(cost: int, overrun: int) -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    result = desk.settle(1, cost)
    assert (result.effect, result.posted_nano, result.overrun_nano) == (EFFECT_SETTLED, cost, overrun)
    assert (result.balance_nano, result.held_nano) == desk.stands() == (100 - cost, 0)
    assert desk.spent() == (cost, 0)
    assert desk.state.accounts["t_one"].excess == overrun


def test_a_request_is_charged_once_however_many_facts_say_it_finished() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.settle(1, 30, seq=1)
    again = desk.settle(1, 35, seq=2)
    assert (again.code, again.effect, again.posted_nano) == ("", EFFECT_NONE, 0)
    assert desk.stands() == (70, 0)
    assert desk.spent() == (30, 0)


@pytest.mark.parametrize("seq", [4, 5])
def test_a_fact_already_read_has_no_effect_whatever_it_says(seq: int) -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.state.stream_seq = 5
    assert desk.settle(1, 30, seq=seq).effect == EFFECT_NONE
    assert desk.settle(2, 30, seq=seq).effect == EFFECT_NONE
    assert not desk.settle(3, -1, seq=seq, account="t_none").code
    assert desk.stands() == (100, 40)
    assert desk.settle(1, 30, seq=6).effect == EFFECT_SETTLED


def test_facts_of_one_message_all_count() -> None:
    desk = Desk(100)
    desk.hold(1, 10)
    desk.hold(2, 10)
    assert [desk.settle(n, 10, seq=1).effect for n in (1, 2)] == [EFFECT_SETTLED, EFFECT_SETTLED]
    assert desk.stands() == (80, 0)


def test_work_that_ends_after_its_hold_ran_out_is_charged_once_and_counted_as_late() -> None:
    desk = Desk(50)
    desk.hold(1, 40)
    desk.expire(NOW_MS + 15 * MINUTE_MS)
    desk.hold(2, 50)
    result = desk.settle(1, 40, day="2026-04-02")
    assert (result.effect, result.posted_nano, result.overrun_nano) == (EFFECT_LATE, 40, 40)
    assert desk.stands() == (10, 50)
    assert desk.spent() == (40, 50)
    assert desk.settle(1, 40, seq=2).effect == EFFECT_NONE


def test_the_day_is_fixed_by_the_hold_not_by_the_settlement() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.settle(1, 40, key="k_other", day="2026-04-02", month="2026-05")
    assert desk.spent() == (40, 0)
    assert desk.state.months["t_one", MONTH].spent == 40
    assert ("k_one", "2026-04-02") not in desk.state.days


def test_work_without_a_hold_is_charged_once_on_the_day_its_fact_says() -> None:
    desk = Desk(100)
    result = desk.settle(1, 40)
    assert (result.effect, result.overrun_nano) == (EFFECT_UNHELD, 40)
    assert desk.settle(1, 40, seq=2).effect == EFFECT_NONE
    assert (desk.stands(), desk.spent()) == ((60, 0), (40, 0))
    assert desk.hold(1, 1).code == "not_open"


def test_work_whose_hold_was_given_back_is_charged_all_the_same() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.void(1)
    assert desk.settle(1, 30).effect == EFFECT_LATE
    assert (desk.stands(), desk.spent()) == ((70, 0), (30, 0))


def test_work_that_was_voided_before_its_hold_came_counts_on_the_day_its_fact_says() -> None:
    desk = Desk(100)
    desk.void(1)
    assert desk.settle(1, 30).effect == EFFECT_LATE
    assert (desk.stands(), desk.spent()) == ((70, 0), (30, 0))
    assert desk.state.months["t_one", MONTH].spent == 30


def test_a_request_too_old_to_be_remembered_is_never_charged_a_second_time() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.settle(1, 40)
    desk.expire(NOW_MS + 31 * MINUTE_MS)
    assert rid(1) not in desk.state.requests
    result = desk.settle(1, 40, seq=2)
    assert (result.code, result.posted_nano) == ("not_open", 0)
    assert not desk.settle(1, 0, seq=3).code
    assert desk.stands() == (60, 0)


def test_a_request_is_too_old_ten_minutes_before_it_may_have_been_forgotten() -> None:
    desk = Desk(100)
    desk.expire(NOW_MS + 20 * MINUTE_MS)
    assert desk.settle(1, 1).effect == EFFECT_UNHELD
    desk.expire(NOW_MS + 20 * MINUTE_MS + 1)
    assert desk.settle(2, 1).code == "not_open"


def test_the_fee_goes_to_its_own_book_and_counts_as_spent() -> None:
    desk = Desk(100)
    desk.hold(1, 40, cap=40)
    result = desk.settle(1, 30, fee=5)
    assert (result.posted_nano, result.overrun_nano) == (35, 0)
    books = desk.state.books["CAD"]
    assert (books.cash, books.revenue, books.fees, books.adjustments) == (-100, 30, 5, 0)
    assert desk.spent() == (35, 0)
    assert desk.settle(2, 0, fee=7).posted_nano == 7


def test_a_balance_below_zero_comes_from_work_beyond_the_hold_and_from_nothing_else() -> None:
    desk = Desk(50)
    desk.hold(1, 50)
    assert desk.settle(1, 80).balance_nano == -30
    assert desk.hold(2, 1).code == "insufficient_credits"
    desk.top_up(31)
    assert not desk.hold(3, 1).code


def test_a_settlement_cannot_move_another_account_s_money() -> None:
    desk = Desk(100)
    desk.apply(OpenAccount(op_id="open-two", account="t_two", currency="CAD"))
    desk.hold(1, 40)
    assert desk.settle(1, 40, account="t_two").param == "account"
    assert (desk.stands(), desk.stands("t_two")) == ((100, 40), (0, 0))


def test_a_settlement_of_an_account_nobody_opened_says_so_and_can_be_tried_again() -> None:
    desk = Desk()
    assert desk.settle(1, 5, account="t_two").code == "not_found"
    desk.apply(OpenAccount(op_id="open-two", account="t_two", currency="CAD"))
    assert desk.settle(1, 5, account="t_two").effect == EFFECT_UNHELD


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("amount_nano", -1),
        ("amount_nano", LARGEST_NANO + 1),
        ("fee_nano", -1),
        ("fee_nano", LARGEST_NANO + 1),
        ("request_id", "x"),
        ("key_id", ""),
    ],
)
def test_a_settlement_that_cannot_be_is_refused_by_its_member(member: str, value: str | int) -> None:
    desk = Desk(100)
    op = Settle(request_id=rid(1), account="t_one", key_id="k_one", amount_nano=1, stream_seq=1, day=DAY)
    setattr(op, member, value)
    result = desk.apply(op)
    assert (result.code, result.param) == ("invalid_request", member)
    assert desk.stands() == (100, 0)


@pytest.mark.parametrize(("book", "member"), [("revenue", "amount_nano"), ("fees", "fee_nano")])
def test_a_book_that_is_full_refuses_rather_than_overflow(book: str, member: str) -> None:
    desk = Desk(100)
    setattr(desk.state.books["CAD"], book, LARGEST_BOOK_NANO - 1)
    desk.state.books["CAD"].cash -= LARGEST_BOOK_NANO - 1
    assert desk.settle(1, 2, fee=2).param == member
    assert desk.settle(2, 1, fee=1).effect == EFFECT_UNHELD
