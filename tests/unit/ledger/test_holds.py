"""Setting money aside: what is refused for good, what for now, and how a hold is raised and given back."""

import pytest

from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_EXTENDED,
    EFFECT_HELD,
    EFFECT_NONE,
    EFFECT_SETTLED,
    EFFECT_VOIDED,
    Hold,
    OpenAccount,
    Void,
)
from libs.ledger.results import LARGEST_NANO
from tests.unit.ledger.desk import DAY, MINUTE_MS, NOW_MS, Desk, rid


def test_a_hold_sets_aside_and_leaves_the_balance() -> None:
    desk = Desk(100)
    result = desk.hold(1, 60)
    assert (result.code, result.effect, result.balance_nano, result.held_nano) == ("", EFFECT_HELD, 100, 60)
    assert desk.stands() == (100, 60)
    assert desk.spent() == (0, 60)


def test_the_last_unit_can_be_held_and_not_one_more() -> None:
    desk = Desk(100)
    assert desk.hold(1, 101).code == "insufficient_credits"
    assert not desk.hold(2, 100).code
    assert desk.hold(3, 1).code == "credit_on_hold"


def test_only_a_balance_too_small_by_itself_is_refused_for_good() -> None:
    desk = Desk(100)
    desk.hold(1, 60)
    refused = desk.hold(2, 41)
    assert (refused.code, refused.balance_nano, refused.held_nano) == ("credit_on_hold", 100, 60)
    assert 500 <= refused.retry_after_ms < 1000
    assert desk.hold(4, 100).code == "credit_on_hold"
    broke = desk.hold(3, 101)
    assert (broke.code, broke.retry_after_ms) == ("insufficient_credits", 0)


def test_those_who_are_told_to_wait_do_not_all_come_back_at_once() -> None:
    desk = Desk(100)
    desk.hold(1, 100)
    assert len({desk.hold(n, 1).retry_after_ms for n in range(2, 30)}) > 10


def test_a_cap_counts_what_is_spent_for_good_and_what_is_held_for_now() -> None:
    desk = Desk(1000)
    desk.hold(1, 50, cap=100)
    desk.settle(1, 40)
    assert not desk.hold(2, 30, cap=100).code
    on_hold = desk.hold(3, 31, cap=100)
    assert (on_hold.code, on_hold.param) == ("credit_on_hold", "max_spend_per_day")
    reached = desk.hold(4, 61, cap=100)
    assert (reached.code, reached.param) == ("spend_cap_reached", "max_spend_per_day")
    assert not desk.hold(5, 30, cap=100).code


def test_a_cap_is_of_one_key_and_one_day() -> None:
    desk = Desk(1000)
    desk.hold(1, 100, cap=100)
    desk.settle(1, 100)
    assert desk.hold(2, 1, cap=100).code == "spend_cap_reached"
    assert not desk.hold(3, 100, cap=100, key="k_two").code
    assert not desk.hold(4, 100, cap=100, day="2026-04-02").code


def test_what_other_keys_spent_makes_nobody_s_cap_a_refusal_for_good() -> None:
    desk = Desk(1000)
    desk.hold(1, 60, key="k_two")
    desk.settle(1, 60)
    desk.hold(2, 50, cap=100)
    assert desk.hold(3, 60, cap=100).code == "credit_on_hold"


def test_a_budget_is_of_one_account_and_one_month_over_all_its_keys() -> None:
    desk = Desk(1000)
    desk.hold(1, 60, budget=100)
    desk.settle(1, 60)
    desk.hold(2, 30, budget=100, key="k_two", day="2026-04-02")
    on_hold = desk.hold(3, 11, budget=100, key="k_three")
    assert (on_hold.code, on_hold.param) == ("credit_on_hold", "budget_per_month")
    reached = desk.hold(4, 41, budget=100)
    assert (reached.code, reached.param) == ("spend_cap_reached", "budget_per_month")
    assert not desk.hold(5, 100, budget=100, month="2026-05").code


def test_what_refuses_for_good_is_said_before_what_refuses_for_now() -> None:
    desk = Desk(100)
    desk.hold(1, 90, cap=100)
    assert desk.hold(2, 50, cap=40).code == "spend_cap_reached"


@pytest.mark.parametrize("cap", [0, -1])
def test_a_cap_of_nothing_lets_only_free_requests_through(cap: int) -> None:
    desk = Desk(100)
    assert desk.hold(1, 1, cap=cap).code == "spend_cap_reached"
    assert (desk.hold(2, 0, cap=cap).code == "") == (cap == 0)


def test_a_free_request_needs_no_money_but_no_debt_either() -> None:
    desk = Desk()
    assert desk.hold(1, 0).effect == EFFECT_HELD
    desk.settle(1, 5)
    assert desk.hold(2, 0).code == "insufficient_credits"


def test_a_request_has_one_hold() -> None:
    desk = Desk(100)
    desk.hold(1, 10)
    second = desk.hold(1, 20)
    assert (second.code, second.param) == ("invalid_request", "request_id")
    assert desk.stands() == (100, 10)


def test_a_request_that_is_over_takes_no_hold() -> None:
    desk = Desk(100)
    desk.hold(1, 10)
    desk.settle(1, 5)
    assert desk.hold(1, 10).code == "not_open"
    assert desk.stands() == (95, 0)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("request_id", "not an id"),
        ("request_id", ""),
        ("key_id", ""),
        ("key_id", "k" * 256),
        ("amount_nano", -1),
        ("amount_nano", LARGEST_NANO + 1),
        ("idempotency_key", "i" * 256),
        ("op_id", ""),
        ("op_id", "o" * 256),
    ],
)
def test_a_hold_that_cannot_be_is_refused_by_its_member(member: str, value: str | int) -> None:
    desk = Desk(100)
    op = Hold(op_id="h", account="t_one", key_id="k_one", request_id=rid(1), amount_nano=1, day=DAY)
    setattr(op, member, value)
    result = desk.apply(op)
    assert (result.code, result.param) == ("invalid_request", member)
    assert desk.stands() == (100, 0)


def test_an_account_nobody_opened_holds_nothing() -> None:
    desk = Desk(100)
    assert desk.hold(1, 1, account="t_two").code == "not_found"
    assert desk.extend(1, 1, account="t_two").code == "not_found"
    assert desk.void(1, account="t_two").code == "not_found"


def test_an_extension_raises_the_hold_by_the_same_rules() -> None:
    desk = Desk(100)
    desk.hold(1, 40, cap=90)
    desk.hold(2, 10)
    assert desk.extend(1, 30).effect == EFFECT_EXTENDED
    assert desk.stands() == (100, 80)
    assert desk.extend(1, 11).code == "credit_on_hold"
    assert desk.extend(1, 21).code == "spend_cap_reached"
    assert desk.extend(1, 31).code == "insufficient_credits"
    assert desk.settle(1, 70).effect == EFFECT_SETTLED
    assert desk.spent() == (70, 10)


def test_an_extension_by_nothing_only_buys_time_and_asks_for_no_credit() -> None:
    desk = Desk(100)
    desk.hold(1, 100)
    desk.hold(2, 0)
    desk.settle(2, 50)
    assert not desk.extend(1, 0, to_ms=NOW_MS + 20 * MINUTE_MS).code
    assert list(desk.expire(NOW_MS + 19 * MINUTE_MS).expired) == []
    assert list(desk.expire(NOW_MS + 20 * MINUTE_MS).expired) == [rid(1)]


def test_an_extension_never_ends_a_hold_sooner() -> None:
    desk = Desk(100)
    desk.hold(1, 10, expires_ms=NOW_MS + 10 * MINUTE_MS)
    desk.extend(1, 10, to_ms=NOW_MS + MINUTE_MS)
    assert list(desk.expire(NOW_MS + 9 * MINUTE_MS).expired) == []


@pytest.mark.parametrize("end", ["never held", "settled", "voided", "expired", "another account's"])
def test_what_is_not_open_is_not_extended(end: str) -> None:
    desk = Desk(100)
    account = "t_one"
    if end != "never held":
        desk.hold(1, 10)
    match end:
        case "settled":
            desk.settle(1, 10)
        case "voided":
            desk.void(1)
        case "expired":
            desk.expire(NOW_MS + 15 * MINUTE_MS)
        case "another account's":
            desk.apply(_open("t_two"))
            desk.top_up(100, account="t_two")
            account = "t_two"
    before = desk.stands(account)
    assert desk.extend(1, 5, account=account).code == "not_open"
    assert desk.stands(account) == before


def test_an_extension_of_less_than_nothing_is_refused() -> None:
    desk = Desk(100)
    desk.hold(1, 10)
    for amount in (-1, LARGEST_NANO + 1):
        assert desk.extend(1, amount).param == "amount_nano"


def test_a_void_gives_all_of_it_back() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.extend(1, 20)
    assert desk.void(1).effect == EFFECT_VOIDED
    assert desk.stands() == (100, 0)
    assert desk.spent() == (0, 0)
    assert desk.void(1).effect == EFFECT_NONE


def test_a_void_of_a_settled_request_changes_nothing() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.settle(1, 30)
    assert (desk.void(1).code, desk.stands()) == ("", (70, 0))
    assert desk.settle(1, 30, seq=2).effect == EFFECT_NONE


def test_a_void_of_another_account_s_request_is_refused() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.apply(_open("t_two"))
    assert desk.void(1, account="t_two").code == "not_open"
    assert desk.stands() == (100, 40)


def test_a_void_that_overtakes_its_hold_wins() -> None:
    desk = Desk(100)
    desk.void(1)
    assert desk.hold(1, 40).code == "not_open"
    assert desk.stands() == (100, 0)


def test_a_void_of_what_is_no_request_is_refused() -> None:
    desk = Desk(100)
    op = Void(op_id="v", account="t_one", request_id="x")
    assert desk.apply(op).param == "request_id"


def test_open_holds_are_counted_by_key() -> None:
    desk = Desk(100)
    desk.hold(1, 1)
    desk.hold(2, 1)
    desk.hold(3, 1, key="k_two")
    assert (desk.state.open_holds("k_one"), desk.state.open_holds("k_two")) == (2, 1)
    desk.settle(1, 1)
    desk.void(2)
    assert (desk.state.open_holds("k_one"), desk.state.open_holds("k_two")) == (0, 1)


def _open(account: str) -> OpenAccount:
    return OpenAccount(op_id=f"open-{account}", account=account, currency="CAD")
