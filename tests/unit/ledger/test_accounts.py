"""What the operator does: accounts, money coming in, corrections."""

import pytest

from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_ADJUSTED,
    EFFECT_CREDITED,
    EFFECT_NONE,
    EFFECT_OPENED,
    Adjust,
    OpenAccount,
    TopUp,
)
from libs.ledger.results import LARGEST_BOOK_NANO, LARGEST_NANO
from tests.unit.ledger.desk import Desk


def test_money_in_comes_from_cash() -> None:
    desk = Desk()
    result = desk.top_up(70)
    assert (result.effect, result.balance_nano, result.posted_nano) == (EFFECT_CREDITED, 70, 70)
    assert desk.state.books["CAD"].cash == -70


def test_a_top_up_is_never_counted_twice() -> None:
    desk = Desk()
    first = desk.top_up(70, op_id="one")
    desk.top_up(1)
    assert desk.top_up(70, op_id="one") == first
    assert desk.stands() == (71, 0)


@pytest.mark.parametrize("amount", [0, -1, LARGEST_NANO + 1])
def test_a_top_up_of_nothing_less_or_too_much_is_refused(amount: int) -> None:
    desk = Desk()
    assert desk.top_up(amount).param == "amount_nano"
    assert desk.stands() == (0, 0)


def test_a_correction_may_go_either_way_and_has_its_own_book() -> None:
    desk = Desk(100)
    assert desk.adjust(20).balance_nano == 120
    result = desk.adjust(-50)
    assert (result.effect, result.balance_nano, result.posted_nano) == (EFFECT_ADJUSTED, 70, -50)
    assert (desk.state.books["CAD"].adjustments, desk.state.books["CAD"].cash) == (30, -100)


def test_a_deduction_takes_no_more_than_stands_free() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    assert desk.adjust(-61).code == "credit_on_hold"
    assert desk.adjust(-101).code == "insufficient_credits"
    assert desk.adjust(-60).balance_nano == 40


@pytest.mark.parametrize("amount", [0, LARGEST_NANO + 1, -LARGEST_NANO - 1])
def test_a_correction_by_nothing_or_too_much_is_refused(amount: int) -> None:
    assert Desk(100).adjust(amount).param == "amount_nano"


def test_the_sum_of_everything_that_ever_came_in_stays_within_the_books() -> None:
    desk = Desk(100)
    books, account = desk.state.books["CAD"], desk.state.accounts["t_one"]
    books.cash, books.adjustments = -LARGEST_BOOK_NANO + 1, -LARGEST_BOOK_NANO + 1
    account.balance = 2 * LARGEST_BOOK_NANO - 2
    assert desk.top_up(2).param == "amount_nano"
    assert desk.adjust(2).param == "amount_nano"
    assert desk.top_up(1).balance_nano + 1 == desk.adjust(1).balance_nano == 2 * LARGEST_BOOK_NANO


def test_a_note_has_an_end() -> None:
    desk = Desk(100)
    assert desk.apply(TopUp(op_id="a", account="t_one", amount_nano=1, note="n" * 1001)).param == "note"
    assert desk.apply(Adjust(op_id="b", account="t_one", amount_nano=1, by="b" * 1001)).param == "by"
    assert not desk.apply(TopUp(op_id="c", account="t_one", amount_nano=1, note="n" * 1000, by="b" * 1000)).code


def test_an_account_is_opened_once_in_one_currency() -> None:
    desk = Desk(100)
    opened = desk.apply(OpenAccount(op_id="a", account="t_two", currency="EUR"))
    assert opened.effect == EFFECT_OPENED
    assert desk.apply(OpenAccount(op_id="b", account="t_two", currency="EUR")).effect == EFFECT_NONE
    assert desk.apply(OpenAccount(op_id="c", account="t_two", currency="CAD")).param == "currency"
    assert desk.apply(OpenAccount(op_id="d", account="t_three", currency="dollars")).param == "currency"
    assert desk.apply(OpenAccount(op_id="e", account="", currency="CAD")).param == "account"


def test_each_currency_balances_by_itself() -> None:
    desk = Desk(100)
    desk.apply(OpenAccount(op_id="a", account="t_two", currency="EUR"))
    desk.top_up(50, account="t_two")
    assert (desk.state.books["CAD"].cash, desk.state.books["EUR"].cash) == (-100, -50)


def test_an_account_nobody_opened_gets_nothing() -> None:
    desk = Desk()
    assert desk.top_up(1, account="t_two").code == "not_found"
    assert desk.adjust(1, account="t_two").code == "not_found"
