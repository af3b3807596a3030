"""What stands in the buckets `tenants`, `users` and `keys`: written by accounts, watched by whoever must know."""

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
_RANDOM: Final = 10  # bytes of an id: 16 characters of base32


class UnreadableRecord(ValueError):
    """A value that is no such record. Who meets one goes on as if the key did not exist: it fails closed."""


class TenantStatus(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class UserStatus(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class KeyStatus(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


class Role(StrEnum):
    """`admin` runs the whole deployment and may do in its own account what an owner may; the others act in theirs."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    AUDITOR = "auditor"


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


class TenantRecord(_Stored):
    """Bucket `tenants`, by id. The deposit is what the ledger opens the account with."""

    id: _Id
    name: str
    status: TenantStatus = TenantStatus.ACTIVE
    currency: str = "CAD"
    opening_deposit: _Amount = "0.00"
    timezone: str = "UTC"
    created: AwareDatetime


class UserRecord(_Stored):
    """Bucket `users`, by `user_key(email)`."""

    id: _Id
    email: str
    role: Role
    tenant: _Id
    password_hash: str = Field(repr=False)
    status: UserStatus = UserStatus.ACTIVE
    created: AwareDatetime


class RateLimits(_Stored):
    """Per minute and at once; None: no limit of the key's own."""

    rpm: int | None = Field(default=None, ge=1)
    tpm: int | None = Field(default=None, ge=1)
    concurrency: int | None = Field(default=None, ge=1)


class KeyRecord(_Stored):
    """Bucket `keys`, by digest. Empty `residency` and `model_pool` restrict nothing; no `allowed_tiers`: no route."""

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
    created: AwareDatetime


def user_key(email: str) -> str:
    """Where a user stands in the bucket: hex SHA-256 of the address in lower case, so that signing in is one get."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def new_id(letter: str, random_bytes: Callable[[int], bytes]) -> str:
    """`t_…`, `u_…` or `k_…`: 80 random bits that may stand in a subject."""
    return f"{letter}_{base64.b32encode(random_bytes(_RANDOM)).decode().lower()}"
