"""What goes, and what stays, when an account says for how long its records are kept."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import EPOCH_MS, RequestIds, issued_at_ms
from services.custody.receipts.erasures import Rule
from services.custody.receipts.purging import first_id, too_old

NOW = EPOCH_MS + 100 * 86_400_000
ID = "0123456789abcdef"


def rule(tenant: str = "t_one", days: int = 30) -> Rule:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return Rule(tenant=tenant, target="", value=days, at=at, actor="u", standing="owner", reason="")


def test_what_is_older_goes_but_for_what_is_held() -> None:
    bound = first_id(NOW - 30 * 86_400_000)
    assert too_old(rule(), (), NOW) == f"tenant = 't_one' AND request_id < '{bound}'"
    assert too_old(rule(), {ID}, NOW) == f"tenant = 't_one' AND request_id < '{bound}' AND request_id NOT IN ('{ID}')"


@pytest.mark.parametrize("held", [{""}, {"", ID}, {f"{n:016x}" for n in range(10_001)}])
def test_an_account_that_is_held_keeps_everything(held: set[str]) -> None:
    assert too_old(rule(), held, NOW) is None


def test_nothing_is_older_than_the_first_id() -> None:
    assert too_old(rule(days=100), (), NOW) is None
    assert too_old(rule(days=0), (), NOW) is None


@pytest.mark.parametrize("tenant", ["", "x'; DROP TABLE facts; --", "a b", "t_" + "x" * 64])
def test_what_is_no_id_of_an_account_never_becomes_sql(tenant: str) -> None:
    assert too_old(rule(tenant=tenant), (), NOW) is None


def test_a_held_id_that_is_none_never_becomes_sql() -> None:
    assert "'; --" not in str(too_old(rule(), {"'; --"}, NOW))


@given(st.integers(EPOCH_MS, EPOCH_MS + (1 << 40)), st.integers(0, 1023))
def test_the_first_id_of_a_moment_divides_ids_by_when_they_were_issued(at_ms: int, slot: int) -> None:
    issued = RequestIds(slot, lambda: at_ms, at_ms + 1)()
    assert issued_at_ms(issued) == at_ms
    assert first_id(at_ms) <= issued < first_id(at_ms + 1)
