"""What stands in `tenants`, `users`, `sessions`, `keys`, `byok`, `aliases`: written by accounts, watched by others."""

import base64
import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final, Self

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]  # 9 decimals: nano-units
_Digest = _Hex  # SHA-256 or HMAC
_RANDOM: Final = 10  # bytes of an id: 16 characters of base32


ALERT_THRESHOLDS: Final = (50, 80, 100)


class UnreadableRecord(ValueError):
    """A value that is no such record. Who meets one goes on as if the key did not exist: it fails closed."""


class TenantStatus(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class UserStatus(StrEnum):
    """`invited`: has no password yet, so cannot sign in."""

    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class KeyStatus(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


class Role(StrEnum):
    """`platform_admin` runs the whole deployment; the others act in their own account. What each may: rights.py."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    AUDITOR = "auditor"
    PLATFORM_ADMIN = "platform_admin"


class OptimizeMode(StrEnum):
    BALANCED = "balanced"
    QUALITY = "quality"
    COST = "cost"
    LATENCY = "latency"


class _Stored(BaseModel):
    # Unknown members are ignored, so that a newer writer does not break an older reader.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")

    def to_bytes(self) -> bytes:
        return orjson.dumps(self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises UnreadableRecord, which quotes nothing of the value."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            where = sorted({".".join(str(part) for part in e["loc"]) for e in error.errors(include_input=False)})
            raise UnreadableRecord(f"not a {cls.__name__}: {', '.join(where)}") from None


class AlertWebhook(_Stored):
    """Where alerts of an account go. Its secret is derived (webhooks.py), so that it stands nowhere."""

    url: str
    version: int = Field(ge=1)


class TenantRecord(_Stored):
    """Bucket `tenants`, by id. The deposit is what the ledger opens the account with; its day is that of `time_zone`.

    `allowed_tiers` and `residency` narrow every key and session of the account; empty: they do not.
    """

    id: _Id
    name: str
    status: TenantStatus = TenantStatus.ACTIVE
    currency: str = "CAD"
    opening_deposit: _Amount = "0.00"
    time_zone: str = "UTC"
    residency: tuple[str, ...] = ()
    allowed_tiers: tuple[str, ...] = ()
    budget_per_month: _Amount | None = None
    alert_webhook: AlertWebhook | None = None
    alert_thresholds: tuple[Annotated[int, Field(ge=1, le=100)], ...] = ALERT_THRESHOLDS  # percent of the budget
    created: AwareDatetime


class Invite(_Stored):
    """A one-time link, by the SHA-256 of its secret."""

    digest: _Digest
    expires_at: AwareDatetime


class UserRecord(_Stored):
    """Bucket `users`, by `user_key(email)`. A session opened under another `session_epoch` is over."""

    id: _Id
    email: str
    name: str = ""
    role: Role
    tenant: _Id
    password_hash: str = Field(default="", repr=False)
    status: UserStatus = UserStatus.ACTIVE
    session_epoch: int = 0
    invite: Invite | None = None
    created: AwareDatetime


class SessionRecord(_Stored):
    """Bucket `sessions`, by id: one sign-in. `refresh_digest` is of the one refresh token that is good now."""

    id: _Id
    user: _Hex  # its place in the bucket `users`
    epoch: int
    refresh_digest: _Digest
    ended: bool = False
    expires_at: AwareDatetime
    created: AwareDatetime


class RateLimits(_Stored):
    """Per minute and at once; None: no limit of the key's own."""

    rpm: int | None = Field(default=None, ge=1)
    tpm: int | None = Field(default=None, ge=1)
    concurrency: int | None = Field(default=None, ge=1)


class KeyRecord(_Stored):
    """Bucket `keys`, by digest. Empty `residency` and `model_pool` restrict nothing; no `allowed_tiers`: no route.

    A rotated key keeps its id. The record of the secret before names its successor, whose settings and status hold
    for it too, and until when that secret is accepted.
    """

    id: _Id
    tenant: _Id
    name: str
    digest: _Hex
    prefix: str
    last4: str
    allowed_tiers: tuple[str, ...] = ()
    residency: tuple[str, ...] = ()
    model_pool: tuple[str, ...] = ()
    optimize_mode: OptimizeMode = OptimizeMode.BALANCED
    byok: bool = False
    max_spend_per_day: _Amount | None = None
    rate_limits: RateLimits = RateLimits()
    expires_at: AwareDatetime | None = None
    status: KeyStatus = KeyStatus.ACTIVE
    revoked_at: AwareDatetime | None = None
    superseded_by: _Digest | None = None
    superseded_until: AwareDatetime | None = None
    rotated_from: _Digest | None = None
    created_by: str = ""
    created: AwareDatetime


class Envelope(_Stored):
    """A secret at rest (envelopes.py), each part in base64."""

    kek: _Id
    wrapped_key: str = Field(repr=False)
    ciphertext: str = Field(repr=False)


class ByokRecord(_Stored):
    """Bucket `byok`, by `byok_key(tenant, provider)`: an account's own credential; `slots` fill in the address."""

    tenant: _Id
    provider: _Id
    version: int = Field(ge=1)
    last4: str
    slots: dict[str, str] = Field(default_factory=dict)
    envelope: Envelope
    created: AwareDatetime
    updated: AwareDatetime


class AliasesRecord(_Stored):
    """Bucket `aliases`, by account: its own names of models, each with the route id or maker's id that it means."""

    tenant: _Id
    aliases: dict[str, str] = Field(default_factory=dict)


class ShownList(_Stored):
    """A numbered list of routes that an account was shown: a digest of it, and when."""

    digest: str
    at_ms: int


class ShownRecord(_Stored):
    """Bucket `aliases`, by `shown_key(tenant)`: the list last shown for each name, for as long as one may answer it."""

    tenant: _Id
    lists: dict[str, ShownList] = Field(default_factory=dict)


def shown_key(tenant: str) -> str:
    """Where the lists that an account was shown stand in the bucket `aliases`."""
    return f"{tenant}.shown"


def byok_key(tenant: str, provider: str) -> str:
    """Where an account's credential for a provider stands in the bucket."""
    return f"{tenant}.{provider}"


def user_key(email: str) -> str:
    """Where a user stands in the bucket: hex SHA-256 of the address in lower case, so that signing in is one get."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def new_id(letter: str, random_bytes: Callable[[int], bytes]) -> str:
    """`t_…`, `u_…` or `k_…`: 80 random bits that may stand in a subject."""
    return f"{letter}_{base64.b32encode(random_bytes(_RANDOM)).decode().lower()}"
