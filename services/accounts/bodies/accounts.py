"""What may be said of an account and of a user."""

import re
import zoneinfo
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from libs.auth.records import Role, TenantStatus, UserStatus
from libs.catalog.billing.terms import ACCOUNT_CURRENCY
from services.accounts.bodies.keys import Residency, Tiers
from services.accounts.bodies.reading import Amount, Body, Name, one_of, refuse

CURRENCIES: Final = (ACCOUNT_CURRENCY,)  # what the ledger counts in; another one would be shown and not be meant
# Files of a machine that are no zones of the list: other on each machine, or of a clock that counts leap seconds, in
# which the store can tell no day.
_NO_ZONE: Final = re.compile(r"right/|posix/|posixrules$|localtime$|Factory$")
_ROLES: Final = tuple(role.value for role in Role)
_EMAIL: Final = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)


def _zone(name: str) -> str:
    try:
        known = not _NO_ZONE.match(name) and zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        raise refuse("must be a time zone of the IANA list, such as America/Toronto")
    return name


def _webhook(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and not parts.username and not parts.fragment
        plain = url.isascii() and url.isprintable() and " " not in url and parts.port != 0
    except ValueError:
        good = plain = False
    if not (good and plain):
        raise refuse("must be an https:// address without a user name")
    return url


def _email(text: str) -> str:
    address = text.strip().lower()
    if not _EMAIL.fullmatch(address):
        raise refuse("must be an e-mail address")
    return address


def _thresholds(values: list[int] | None) -> list[int] | None:
    return None if values is None else sorted(set(values))


class WebhookBody(Body):
    """Where alerts go."""

    url: Annotated[str, Field(max_length=512), AfterValidator(_webhook)]


# Percentages of the budget; null: the usual ones.
Thresholds = Annotated[
    list[Annotated[int, Field(ge=1, le=100)]] | None, Field(min_length=1, max_length=10), AfterValidator(_thresholds)
]


class TenantChange(Body):
    """PATCH of an account. Null takes a restriction away."""

    name: Name = ""
    status: Annotated[str, AfterValidator(one_of(lambda: tuple(TenantStatus)))] = TenantStatus.ACTIVE.value
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_zone)] = "UTC"
    residency: Residency = None
    allowed_tiers: Tiers | None = None
    budget_per_month: Amount | None = None
    alert_webhook: WebhookBody | None = None
    alert_thresholds: Thresholds = None


class TenantBody(TenantChange):
    """POST of an account. Its currency is for good: the ledger counts in it."""

    name: Name
    currency: Annotated[str, AfterValidator(one_of(lambda: CURRENCIES))] = "CAD"


class UserChange(Body):
    """PATCH of a user."""

    name: Name = ""
    role: Annotated[str, AfterValidator(one_of(lambda: _ROLES))] = Role.MEMBER.value
    status: Annotated[str, AfterValidator(one_of(lambda: (UserStatus.ACTIVE, UserStatus.DEACTIVATED)))] = (
        UserStatus.ACTIVE.value
    )


class UserBody(Body):
    """POST of a user; `tenant` is one's own unless one runs the deployment."""

    email: Annotated[str, Field(max_length=254), AfterValidator(_email)]
    name: Name = ""
    role: Annotated[str, AfterValidator(one_of(lambda: _ROLES))] = Role.MEMBER.value
    tenant: Annotated[str, Field(max_length=64)] = ""
