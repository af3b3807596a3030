"""Decisions about accounts: what the first one is, who may sign in, and how often it may be tried."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.auth.keys import last4, prefix_of
from libs.auth.records import KeyRecord, Role, TenantRecord, TenantStatus, UserRecord, UserStatus
from libs.contracts.errors import AccountDeactivated, InvalidSession

FIRST_TENANT: Final = "t_first"
ADMIN_EMAIL: Final = "admin@northern.local"

_EVERY_TIER: Final = ("managed_canadian_cloud", "self_hosted", "provider_api")
_FREE_ATTEMPTS: Final = 5
_LONGEST_WAIT_MS: Final = 60_000
_REMEMBERED: Final = 10_000  # addresses; beyond it the one tried longest ago is forgotten


def first_tenant(now: datetime) -> TenantRecord:
    """The account every snippet of the documentation works with."""
    return TenantRecord(id=FIRST_TENANT, name="First account", opening_deposit="100.00", created=now)


def first_user(user_id: str, password_hash: str, now: datetime) -> UserRecord:
    return UserRecord(
        id=user_id,
        email=ADMIN_EMAIL,
        role=Role.ADMIN,
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
    """Attempts to sign in, by address: five are free, then each waits twice as long as the one before, up to a minute.

    An attempt counts when it is admitted, not when it fails, so that a hundred at once are not a hundred for free.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._by_address: OrderedDict[str, _Attempts] = OrderedDict()

    def admit(self, address: str, now_ms: int) -> int:
        """0: go ahead. Otherwise the milliseconds to wait, and the attempt does not count."""
        attempts = self._by_address.setdefault(address, _Attempts(0, now_ms))
        wait_ms = attempts.last_ms + _pause_ms(attempts.count) - now_ms
        if wait_ms > 0:
            return wait_ms
        attempts.count, attempts.last_ms = attempts.count + 1, now_ms
        self._by_address.move_to_end(address)
        if len(self._by_address) > self._remembered:
            self._by_address.popitem(last=False)
        return 0

    def forget(self, address: str) -> None:
        """The right password: the next attempts are free again."""
        self._by_address.pop(address, None)


def _pause_ms(attempts: int) -> int:
    if attempts < _FREE_ATTEMPTS:
        return 0
    return int(min(_LONGEST_WAIT_MS, 1000 << min(attempts - _FREE_ATTEMPTS, 6)))
