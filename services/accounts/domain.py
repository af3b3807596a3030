"""Decisions about accounts: what the first one is, who may sign in, and how often it may be tried."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.auth.keys import last4, prefix_of
from libs.auth.passwords import LONGEST
from libs.auth.records import KeyRecord, Role, SessionRecord, TenantRecord, TenantStatus, UserRecord, UserStatus
from libs.contracts.errors import AccountDeactivated, InvalidRequest, InvalidSession

FIRST_TENANT: Final = "t_first"
ADMIN_EMAIL: Final = "admin@northern.local"

_EVERY_TIER: Final = ("managed_canadian_cloud", "self_hosted", "provider_api")
_FREE_ATTEMPTS: Final = 5
_FREE_BY_USER: Final = 50
_FREE_BY_CLIENT: Final = 100
_FORGOTTEN_MS: Final = 15 * 60_000
_SHORTEST: Final = 12  # characters of a password
_DIFFERENT: Final = 4  # of them
_LONGEST_WAIT_MS: Final = 60_000
_REMEMBERED: Final = 10_000  # addresses; beyond it the one tried longest ago is forgotten


def first_tenant(now: datetime) -> TenantRecord:
    """The account every snippet of the documentation works with."""
    return TenantRecord(id=FIRST_TENANT, name="First account", opening_deposit="100.00", created=now)


def first_user(user_id: str, password_hash: str, now: datetime) -> UserRecord:
    return UserRecord(
        id=user_id,
        email=ADMIN_EMAIL,
        role=Role.PLATFORM_ADMIN,
        tenant=FIRST_TENANT,
        password_hash=password_hash,
        created=now,
    )


def first_key(key_id: str, key: str, digest: str, now: datetime) -> KeyRecord:
    """Every tier, no residency, no pool, no cap."""
    return KeyRecord(
        id=key_id,
        tenant=FIRST_TENANT,
        name="First key",
        digest=digest,
        prefix=prefix_of(key),
        last4=last4(key),
        allowed_tiers=_EVERY_TIER,
        created=now,
    )


def check_standing(user: UserRecord | None, tenant: TenantRecord | None) -> UserRecord:
    """The user, if there is one who may act now. Raises InvalidSession or AccountDeactivated."""
    if user is None or tenant is None:
        raise InvalidSession("The session's user or account is gone. Sign in again.")
    if user.status is not UserStatus.ACTIVE:
        raise AccountDeactivated("This user is deactivated. Ask your administrator to activate it.")
    if tenant.status is not TenantStatus.ACTIVE:
        raise AccountDeactivated("This account is deactivated. Ask your administrator to activate it.")
    return user


@dataclass(slots=True)
class _Attempts:
    count: int
    last_ms: int


class Throttle:
    """Attempts by address: the first are free, then each waits twice as long as the one before, up to a minute.

    An attempt counts when it is admitted, not when it fails, so that a hundred at once are not a hundred for free.
    After a quarter of an hour without one they are free again.
    """

    def __init__(self, free: int = _FREE_ATTEMPTS, remembered: int = _REMEMBERED) -> None:
        self._free, self._remembered = free, remembered
        self._by_address: OrderedDict[str, _Attempts] = OrderedDict()

    def wait_ms(self, address: str, now_ms: int) -> int:
        """The milliseconds to wait; 0: go ahead."""
        attempts = self._by_address.get(address)
        if attempts is None or now_ms - attempts.last_ms >= _FORGOTTEN_MS:
            return 0
        return max(0, attempts.last_ms + self._pause_ms(attempts.count) - now_ms)

    def admit(self, address: str, now_ms: int) -> int:
        """0: go ahead, and it counts. Otherwise the milliseconds to wait, and the attempt does not count."""
        wait_ms = self.wait_ms(address, now_ms)
        if wait_ms > 0:
            return wait_ms
        attempts = self._by_address.setdefault(address, _Attempts(0, now_ms))
        if now_ms - attempts.last_ms >= _FORGOTTEN_MS:
            attempts.count = 0
        attempts.count, attempts.last_ms = attempts.count + 1, now_ms
        self._by_address.move_to_end(address)
        if len(self._by_address) > self._remembered:
            self._by_address.popitem(last=False)
        return 0

    def forget(self, address: str) -> None:
        """The right password: the next attempts are free again."""
        self._by_address.pop(address, None)

    def uncount(self, address: str) -> None:
        """One attempt less: it was no guess."""
        attempts = self._by_address.get(address)
        if attempts is not None:
            attempts.count = max(0, attempts.count - 1)

    def _pause_ms(self, attempts: int) -> int:
        if attempts < self._free:
            return 0
        return int(min(_LONGEST_WAIT_MS, 1000 << min(attempts - self._free, 6)))


class SignInThrottle:
    """Three counts of attempts: at a user from one place, and, more freely, at a user and from a place.

    The first slows one guesser without locking the user out elsewhere; the second many guessers of one user; the third
    one guesser of many users.
    """

    def __init__(self) -> None:
        self._pair = Throttle()
        self._user, self._client = Throttle(free=_FREE_BY_USER), Throttle(free=_FREE_BY_CLIENT)

    def admit(self, user: str, client: str, now_ms: int) -> int:
        """0: go ahead, and it counts. Otherwise the milliseconds to wait."""
        counts: tuple[tuple[Throttle, str], ...] = (
            (self._pair, f"{user} {client}"),
            (self._user, user),
            *(((self._client, client),) if client else ()),
        )
        wait_ms = max(throttle.wait_ms(address, now_ms) for throttle, address in counts)
        if wait_ms == 0:
            for throttle, address in counts:
                throttle.admit(address, now_ms)
        return wait_ms

    def forget(self, user: str, client: str) -> None:
        """The right password from there; what others tried stays counted."""
        self._pair.forget(f"{user} {client}")
        self._user.uncount(user)
        self._client.uncount(client)


def session_stands(session: SessionRecord, place: str, user: UserRecord, now: datetime) -> bool:
    """Whether a sign-in still holds: not ended, not out of time, and its user has not ended them all."""
    return (
        not session.ended and session.expires_at > now and session.user == place and session.epoch == user.session_epoch
    )


def check_password(password: str, user: UserRecord) -> None:
    """Length is what protects (NIST SP 800-63B §3.1.1). Raises InvalidRequest."""
    if not _SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequest(f"`password` must have {_SHORTEST} to {LONGEST} characters", param="password")
    if password.strip().lower() == user.email or len(set(password)) < _DIFFERENT:
        raise InvalidRequest("`password` is too easy to guess; choose another", param="password")
