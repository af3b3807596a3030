"""Passwords: argon2id hashes. Every call takes tens of milliseconds: callers use a thread."""

from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

LONGEST: Final = 1024  # characters; longer input is not a password but a load test


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """`stale`: right, but hashed with older parameters; hash it again."""

    right: bool
    stale: bool = False


class Passwords:
    """Hashes and verifies. Making one takes as long as a hash: it prepares the answer for unknown users."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` is for tests, which have no time for a good one."""
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobody = self._hasher.hash("nobody's password")

    def hash(self, password: str) -> str:
        """The PHC string to store."""
        return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> Verdict:
        """Whether this is the password. `stored` None, an unknown user, is as slow as a wrong password."""
        if len(password) > LONGEST:
            return Verdict(right=False)
        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return Verdict(right=False)
        if not stored:
            return Verdict(right=False)
        return Verdict(right=True, stale=self._hasher.check_needs_rehash(stored))
