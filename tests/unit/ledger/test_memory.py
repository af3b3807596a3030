"""What the ledger remembers and for how long: repeated operations, idempotency keys, expiry, forgetting."""

import pytest

from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_EXPIRED,
    EFFECT_LATE,
    EFFECT_NONE,
    Expire,
    Hold,
    OpenAccount,
    TopUp,
)
from libs.ledger.apply import apply
from libs.ledger.memory import AT_ONCE, LATEST_MS
from libs.ledger.state import State
from tests.unit.ledger.desk import DAY, HOUR_MS, MINUTE_MS, MONTH, NOW_MS, Desk, rid

DAY_MS = 24 * HOUR_MS


def test_the_same_operation_again_is_the_same_answer_and_no_second_effect() -> None:
    desk = Desk(100)
    answers = {
        "hold": desk.hold(1, 40, op_id="hold"),
        "extend": desk.extend(1, 10, op_id="extend"),
        "refused": desk.hold(2, 60, op_id="refused"),
        "void": desk.void(1, op_id="void"),
    }
    desk.top_up(900)
    assert desk.hold(1, 40, op_id="hold") == answers["hold"]
    assert desk.extend(1, 10, op_id="extend") == answers["extend"]
    assert desk.hold(2, 60, op_id="refused") == answers["refused"]
    assert desk.void(1, op_id="void") == answers["void"]
    assert answers["refused"].code == "credit_on_hold"
    assert desk.stands() == (1000, 0)


def test_what_the_shard_states_is_no_part_of_an_operation_s_identity() -> None:
    desk = Desk(100)
    first = desk.hold(1, 40, op_id="hold", cap=50)
    again = desk.hold(1, 40, op_id="hold", cap=10, budget=1, day="2026-04-02", month="2026-05", at_ms=NOW_MS + 9)
    assert again == first


@pytest.mark.parametrize("change", ["amount", "request", "key", "account", "idempotency_key", "kind"])
def test_an_operation_s_id_with_other_content_is_a_mismatch(change: str) -> None:
    desk = Desk(100)
    desk.hold(1, 40, op_id="hold")
    match change:
        case "amount":
            result = desk.hold(1, 41, op_id="hold")
        case "request":
            result = desk.hold(2, 40, op_id="hold")
        case "key":
            result = desk.hold(1, 40, op_id="hold", key="k_two")
        case "account":
            result = desk.hold(1, 40, op_id="hold", account="t_two")
        case "idempotency_key":
            result = desk.hold(1, 40, op_id="hold", idempotency_key="mine")
        case _:
            result = desk.void(1, op_id="hold")
    assert (result.code, result.param) == ("idempotency_mismatch", "op_id")
    assert desk.stands() == (100, 40)


def test_a_client_s_own_retry_is_told_the_first_request() -> None:
    desk = Desk(100)
    desk.hold(1, 10, idempotency_key="mine")
    second = desk.hold(2, 10, idempotency_key="mine")
    assert (second.code, second.first_request_id) == ("idempotent_replay", rid(1))
    desk.settle(1, 10)
    third = desk.hold(3, 10, idempotency_key="mine")
    assert (third.code, third.first_request_id) == ("idempotent_replay", rid(1))
    assert desk.stands() == (90, 0)


def test_an_idempotency_key_is_of_one_account() -> None:
    desk = Desk(100)
    desk.apply(OpenAccount(op_id="two", account="t_two", currency="CAD"))
    desk.top_up(100, account="t_two")
    desk.hold(1, 10, idempotency_key="mine")
    assert not desk.hold(2, 10, idempotency_key="mine", account="t_two", key="k_two").code


def test_an_idempotency_key_stands_for_24_hours() -> None:
    desk = Desk(100)
    desk.hold(1, 10, idempotency_key="mine")
    desk.settle(1, 10)
    desk.expire(NOW_MS + DAY_MS - 1)
    assert desk.hold(2, 10, idempotency_key="mine").code == "idempotent_replay"
    desk.expire(NOW_MS + DAY_MS)
    assert not desk.hold(3, 10, idempotency_key="mine").code
    assert desk.hold(4, 10, idempotency_key="mine").first_request_id == rid(3)


def test_an_idempotency_key_whose_hold_ran_out_stands_for_24_hours_too() -> None:
    desk = Desk(100)
    desk.hold(1, 10, idempotency_key="mine")
    desk.expire(NOW_MS + DAY_MS - 1)
    assert desk.hold(2, 10, idempotency_key="mine").code == "idempotent_replay"
    desk.expire(NOW_MS + DAY_MS)
    assert not desk.hold(3, 10, idempotency_key="mine").code
    assert desk.settle(1, 10).effect == EFFECT_LATE
    assert desk.hold(4, 10, idempotency_key="mine").first_request_id == rid(3)


@pytest.mark.parametrize("end", ["refused", "voided", "settled at nothing"])
def test_who_was_charged_nothing_may_try_again_under_the_same_key(end: str) -> None:
    desk = Desk(100)
    desk.hold(1, 101 if end == "refused" else 10, idempotency_key="mine")
    match end:
        case "voided":
            desk.void(1)
        case "settled at nothing":
            desk.settle(1, 0)
        case _:
            pass
    assert not desk.hold(2, 10, idempotency_key="mine").code
    assert desk.hold(3, 10, idempotency_key="mine").first_request_id == rid(2)


def test_a_hold_runs_out_at_its_time_and_says_whose_it_was() -> None:
    desk = Desk(100)
    desk.hold(1, 40)
    desk.hold(2, 40, expires_ms=NOW_MS + 30 * MINUTE_MS)
    assert list(desk.expire(NOW_MS + 15 * MINUTE_MS - 1).expired) == []
    result = desk.expire(NOW_MS + 15 * MINUTE_MS)
    assert (list(result.expired), result.effect) == ([rid(1)], EFFECT_EXPIRED)
    assert (desk.stands(), desk.spent()) == ((100, 40), (0, 40))
    assert desk.state.open_holds("k_one") == 1
    assert desk.void(1).balance_nano == 100


def test_time_never_goes_back() -> None:
    desk = Desk(100)
    desk.expire(NOW_MS + HOUR_MS)
    desk.expire(NOW_MS)
    assert desk.state.now_ms == NOW_MS + HOUR_MS
    desk.hold(1, 10, expires_ms=NOW_MS + MINUTE_MS)
    assert list(desk.expire(NOW_MS).expired) == [rid(1)]


def test_a_time_beyond_all_calendars_is_refused() -> None:
    desk = Desk(100)
    assert desk.expire(LATEST_MS + 1).param == "now_ms"
    assert desk.state.now_ms == NOW_MS
    assert not desk.expire(LATEST_MS).code


def test_a_closed_request_and_its_operations_are_forgotten_after_half_an_hour() -> None:
    desk = Desk(100)
    desk.hold(1, 10, op_id="hold")
    desk.extend(1, 10, op_id="extend")
    desk.expire(NOW_MS + 10 * MINUTE_MS)
    desk.settle(1, 10)
    assert desk.expire(NOW_MS + 40 * MINUTE_MS - 1).forgotten == 0
    assert desk.state.knows("hold")
    assert desk.expire(NOW_MS + 40 * MINUTE_MS).forgotten == 3
    assert not desk.state.knows("hold")
    assert not desk.state.knows("extend")
    assert rid(1) not in desk.state.requests


def test_an_open_request_s_operations_are_never_forgotten() -> None:
    desk = Desk(100)
    desk.hold(1, 10, op_id="hold", expires_ms=NOW_MS + 50 * HOUR_MS)
    desk.expire(NOW_MS + 49 * HOUR_MS)
    assert desk.state.knows("hold")


def test_a_voided_request_that_is_settled_is_remembered_from_the_settlement_on() -> None:
    desk = Desk(100)
    desk.hold(1, 10)
    desk.void(1)
    desk.expire(NOW_MS + 20 * MINUTE_MS)
    desk.settle(1, 10)
    desk.expire(NOW_MS + 49 * MINUTE_MS)
    assert desk.settle(1, 10, seq=2).effect == EFFECT_NONE
    assert desk.stands() == (90, 0)


def test_a_hold_that_ran_out_is_remembered_as_long_as_its_fact_may_come() -> None:
    desk = Desk(100)
    desk.hold(1, 10)
    desk.expire(NOW_MS + HOUR_MS)
    desk.expire(NOW_MS + 30 * DAY_MS)
    assert desk.settle(1, 10).effect == EFFECT_LATE
    assert desk.spent() == (10, 0)
    desk.hold(2, 10, expires_ms=desk.state.now_ms)
    desk.expire(desk.state.now_ms)
    desk.expire(desk.state.now_ms + 30 * DAY_MS)
    assert rid(2) not in desk.state.requests


def test_refusals_are_forgotten_after_half_an_hour_and_money_in_after_a_day() -> None:
    desk = Desk(100)
    desk.hold(1, 101, op_id="hold")
    desk.top_up(1, op_id="top")
    desk.expire(NOW_MS + 30 * MINUTE_MS - 1)
    assert desk.state.knows("hold")
    desk.expire(NOW_MS + 30 * MINUTE_MS)
    assert not desk.state.knows("hold")
    desk.expire(NOW_MS + DAY_MS - 1)
    assert desk.state.knows("top")
    desk.expire(NOW_MS + DAY_MS)
    assert not desk.state.knows("top")


def test_what_came_before_the_first_time_was_known_is_remembered_from_then_on() -> None:
    state = State()
    apply(state, OpenAccount(op_id="open", account="t_one", currency="CAD"))
    top_up = TopUp(op_id="top", account="t_one", amount_nano=5)
    apply(state, top_up)
    hold = Hold(
        op_id="h", account="t_one", key_id="k", request_id=rid(1), expires_at_ms=NOW_MS + 1, day=DAY, month=MONTH
    )
    apply(state, hold)
    apply(state, Expire(now_ms=NOW_MS))
    state.check()
    apply(state, top_up)
    assert state.accounts["t_one"].balance == 5
    assert list(apply(state, Expire(now_ms=NOW_MS + 1)).expired) == [rid(1)]


def test_one_expire_does_so_much_and_says_that_there_is_more() -> None:
    desk = Desk(1)
    for n in range(AT_ONCE + 1):
        apply(desk.state, _free_hold(n))
    first = desk.expire(NOW_MS + 1)
    assert (len(first.expired), first.unfinished) == (AT_ONCE, True)
    second = desk.expire(NOW_MS + 1)
    assert (len(second.expired), second.unfinished) == (1, False)


def test_counters_of_days_and_months_that_are_over_go_and_those_that_count_stay() -> None:
    desk = Desk(100)
    desk.hold(1, 10, expires_ms=NOW_MS + 200 * DAY_MS)
    desk.hold(2, 10, key="k_two")
    desk.settle(2, 10)
    desk.expire(NOW_MS + 3 * DAY_MS)
    assert ("k_two", DAY) in desk.state.days
    desk.expire(NOW_MS + 4 * DAY_MS)
    assert ("k_two", DAY) not in desk.state.days
    assert desk.spent() == (0, 10)
    desk.expire(NOW_MS + 95 * DAY_MS)
    assert desk.state.months["t_one", MONTH].held == 10
    desk.settle(1, 10)
    desk.expire(NOW_MS + 96 * DAY_MS)
    assert not desk.state.months
    assert not desk.state.days


def test_memory_is_empty_again_when_all_windows_have_passed() -> None:
    desk = Desk(100)
    for n in range(40):
        desk.hold(n, 5, idempotency_key=f"i{n}" if n % 3 else "")
        desk.extend(n, 1)
        if n % 4 == 0:
            desk.settle(n, n % 5)
        elif n % 4 == 1:
            desk.void(n)
    desk.expire(NOW_MS + HOUR_MS)
    desk.expire(NOW_MS + 31 * DAY_MS)
    desk.expire(NOW_MS + 100 * DAY_MS)
    state = desk.state
    assert not any((state.requests, state.answers, state.claims, state.open_by_key, state.due))
    assert not any((state.days, state.months))


def _free_hold(n: int) -> Hold:
    return Hold(
        op_id=f"h{n}",
        account="t_one",
        key_id="k_one",
        request_id=rid(n),
        at_ms=NOW_MS,
        expires_at_ms=NOW_MS + 1,
        day=DAY,
        month=MONTH,
    )
