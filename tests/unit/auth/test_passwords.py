"""Passwords: right, wrong, unknown, outdated."""

from statistics import median
from time import process_time

import pytest
from argon2 import PasswordHasher

from libs.auth.passwords import LONGEST, Passwords


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


def test_the_right_password_is_right_and_any_other_wrong(passwords: Passwords) -> None:
    stored = passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert passwords.verify(stored, "correct horse").right
    assert not passwords.verify(stored, "correct horse ").right


def test_nobody_signs_in_with_the_password_of_nobody(passwords: Passwords) -> None:
    assert not passwords.verify(None, "nobody's password").right
    assert not passwords.verify("", "nobody's password").right
    assert not passwords.verify("garbage", "garbage").right


def test_an_unknown_user_costs_what_a_wrong_password_costs(passwords: Passwords) -> None:
    stored = passwords.hash("a")

    def cost(of: str | None) -> float:
        began = process_time()
        passwords.verify(of, "b")
        return process_time() - began

    known, unknown = (median(cost(of) for _ in range(5)) for of in (stored, None))
    assert 0.5 < unknown / known < 2


def test_an_old_hash_is_right_and_stale(passwords: Passwords) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("a")
    assert passwords.verify(old, "a").stale
    assert not passwords.verify(passwords.hash("a"), "a").stale


def test_a_book_is_no_password(passwords: Passwords) -> None:
    book = "a" * (LONGEST + 1)
    assert not passwords.verify(passwords.hash(book), book).right
