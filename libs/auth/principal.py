"""Who calls with a key, and whether that key may be used now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.auth.records import KeyRecord, KeyStatus, TenantRecord, TenantStatus
from libs.contracts.errors import AccountDeactivated, InvalidApiKey, KeyRevoked

_LONGEST_CHAIN: Final = 64  # rotations whose overlaps touch; accounts allows a quarter of that


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """A caller as the edge knows it: what the key and its account allow, before the request narrows it."""

    tenant: str
    key_id: str
    allowed_tiers: tuple[str, ...]
    residency: tuple[str, ...]
    model_pool: tuple[str, ...]
    optimize_mode: str
    byok: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """The record whose settings hold for a secret, and until when that secret does; None: as long as the record."""

    key: KeyRecord
    until: datetime | None = None


def in_force(given: KeyRecord | None, held: Callable[[str], KeyRecord | None]) -> InForce | None:
    """From the record a secret was found under to the one it was rotated into; None where that leads nowhere."""
    until: datetime | None = None
    for _ in range(_LONGEST_CHAIN):
        if given is None or given.superseded_by is None:
            return None if given is None else InForce(key=given, until=until)
        if given.status is not KeyStatus.ACTIVE:
            return InForce(key=given, until=until)
        if given.superseded_until is not None:
            until = min(until or given.superseded_until, given.superseded_until)
        given = held(given.superseded_by)
    return None


def principal(found: InForce | None, tenant: TenantRecord | None, now_ms: int) -> Principal:
    """The caller behind a key's record. `now_ms` is Unix time.

    Raises InvalidApiKey (unknown, or of no account), KeyRevoked (also: expired, replaced), AccountDeactivated.
    """
    if found is None or tenant is None or found.key.tenant != tenant.id:
        raise InvalidApiKey("Invalid API key. Check that it was copied whole, or create a new one.")
    key = found.key
    if key.status is not KeyStatus.ACTIVE:
        raise KeyRevoked("This API key was revoked. Create a new one and use that.")
    if tenant.status is not TenantStatus.ACTIVE:
        raise AccountDeactivated("This account is deactivated. Ask your administrator to activate it.")
    if found.until is not None and found.until.timestamp() * 1000 <= now_ms:
        raise KeyRevoked("This API key was replaced by a rotation and its overlap is over. Use the new one.")
    if key.expires_at is not None and key.expires_at.timestamp() * 1000 <= now_ms:
        raise KeyRevoked("This API key has expired. Create a new one and use that.")
    return Principal(
        tenant=key.tenant,
        key_id=key.id,
        allowed_tiers=narrowed_tiers(key.allowed_tiers, tenant),
        residency=narrowed_residency(key.residency, tenant),
        model_pool=key.model_pool,
        optimize_mode=key.optimize_mode.value,
        byok=key.byok,
    )


def narrowed_tiers(tiers: Sequence[str], tenant: TenantRecord) -> tuple[str, ...]:
    """What the account leaves of these tiers."""
    return tuple(tier for tier in tiers if not tenant.allowed_tiers or tier in tenant.allowed_tiers)


def narrowed_residency(residency: Sequence[str], tenant: TenantRecord) -> tuple[str, ...]:
    """Both rules hold. Two that exclude each other leave a rule nothing can meet, never no rule."""
    if not residency or not tenant.residency:
        return tuple(residency or tenant.residency)
    return tuple(place for place in residency if place in tenant.residency) or ("none",)
