"""Throttling and standing."""

from datetime import UTC, datetime

import pytest

from libs.auth.records import TenantStatus, UserStatus
from libs.contracts.errors import AccountDeactivated, InvalidRequest, InvalidSession
from services.accounts.domain import (
    SignInThrottle,
    Throttle,
    check_password,
    check_standing,
    first_key,
    first_tenant,
    first_user,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
USER = first_user("u_a", "hash", NOW)
TENANT = first_tenant(NOW)


def test_five_attempts_are_free_and_then_each_waits_twice_as_long_up_to_a_minute() -> None:
    throttle, now = Throttle(), 0
    assert [throttle.admit("a", now) for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(8):
        wait = throttle.admit("a", now)
        waits.append(wait)
        now += wait
        assert throttle.admit("a", now) == 0
    assert waits == [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]


def test_an_attempt_too_early_does_not_count() -> None:
    throttle = Throttle()
    for _ in range(50):
        throttle.admit("a", 0)
    assert throttle.admit("a", 1000) == 0


def test_one_address_does_not_slow_another_and_the_right_password_frees_it() -> None:
    throttle = Throttle()
    for _ in range(9):
        throttle.admit("a", 0)
    assert throttle.admit("b", 0) == 0
    throttle.forget("a")
    assert throttle.admit("a", 0) == 0


def test_a_flood_of_addresses_does_not_fill_memory() -> None:
    throttle = Throttle(remembered=3)
    for n in range(100):
        throttle.admit(f"a{n}", n)
    assert len(throttle._by_address) == 3


def test_after_a_quarter_of_an_hour_the_attempts_are_free_again() -> None:
    throttle = Throttle()
    for _ in range(5):
        throttle.admit("a", 0)
    assert throttle.admit("a", 899_999) == 0
    assert throttle.wait_ms("a", 899_999) == 2000
    assert throttle.wait_ms("a", 899_999 + 900_000) == 0
    assert [throttle.admit("a", 2_000_000) for _ in range(5)] == [0] * 5


def test_a_guesser_is_slowed_and_the_user_elsewhere_is_not() -> None:
    throttle = SignInThrottle()
    assert [throttle.admit("u", "1.1.1.1", 0) for _ in range(6)] == [0] * 5 + [1000]
    assert throttle.admit("u", "2.2.2.2", 0) == 0
    assert throttle.admit("v", "1.1.1.1", 0) == 0


def test_many_guessers_of_one_user_and_one_guesser_of_many_users_are_slowed_too() -> None:
    throttle = SignInThrottle()
    assert [throttle.admit("u", f"10.0.0.{n}", 0) for n in range(51)] == [0] * 50 + [1000]
    throttle = SignInThrottle()
    assert [throttle.admit(f"u{n}", "1.1.1.1", 0) for n in range(101)] == [0] * 100 + [1000]
    throttle.forget("u1", "1.1.1.1")  # one right password makes one guess undone, not the others
    assert throttle.admit("u1", "1.1.1.1", 0) == 0
    assert throttle.admit("u2", "1.1.1.1", 0) == 1000


def test_who_knows_the_password_is_never_slowed() -> None:
    throttle = SignInThrottle()
    for _ in range(500):
        assert throttle.admit("u", "1.1.1.1", 0) == 0
        throttle.forget("u", "1.1.1.1")


@pytest.mark.parametrize("password", ["", "eleven chars"[:11], "x" * 1025, "aaaaaaaaaaaaaaa", "Admin@northern.local "])
def test_a_password_that_is_short_endless_or_obvious_is_refused_by_name(password: str) -> None:
    with pytest.raises(InvalidRequest, match="password") as refused:
        check_password(password, USER)
    assert refused.value.param == "password"


def test_a_long_password_will_do() -> None:
    check_password("correct horse", USER)


def test_who_is_gone_or_deactivated_may_not_act() -> None:
    assert check_standing(USER, TENANT) is USER
    with pytest.raises(InvalidSession):
        check_standing(None, TENANT)
    with pytest.raises(InvalidSession):
        check_standing(USER, None)
    with pytest.raises(AccountDeactivated, match="user"):
        check_standing(USER.model_copy(update={"status": UserStatus.DEACTIVATED}), TENANT)
    with pytest.raises(AccountDeactivated, match="account"):
        check_standing(USER, TENANT.model_copy(update={"status": TenantStatus.DEACTIVATED}))


def test_the_first_key_is_restricted_by_nothing_and_the_first_account_has_a_deposit() -> None:
    key = first_key("k_a", "ni_live_" + "0" * 38, "0f" * 32, NOW)
    assert set(key.allowed_tiers) == {"managed_canadian_cloud", "self_hosted", "provider_api"}
    assert (key.residency, key.model_pool, key.max_spend_per_day, key.expires_at) == ((), (), None, None)
    assert (TENANT.opening_deposit, TENANT.currency) == ("100.00", "CAD")
