"""Who calls with a key, and whether that key may be used now."""

from dataclasses import dataclass

from libs.auth.records import KeyRecord, KeyStatus, TenantRecord, TenantStatus
from libs.contracts.errors import AccountDeactivated, InvalidApiKey, KeyRevoked


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """A caller as the edge knows it: what the key allows, before the request narrows it."""

    tenant: str
    key_id: str
    allowed_tiers: tuple[str, ...]
    residency: tuple[str, ...]
    model_pool: tuple[str, ...]
    optimize_mode: str
    byok: bool


def principal(key: KeyRecord | None, tenant: TenantRecord | None, now_ms: int) -> Principal:
    """The caller behind a key's record. `now_ms` is Unix time.

    Raises InvalidApiKey (unknown, of no account, or expired), KeyRevoked, AccountDeactivated.
    """
    if key is None or tenant is None or key.tenant != tenant.id:
        raise InvalidApiKey("Invalid API key. Check that it was copied whole, or create a new one.")
    if key.status is not KeyStatus.ACTIVE:
        raise KeyRevoked("This API key was revoked. Create a new one and use that.")
    if tenant.status is not TenantStatus.ACTIVE:
        raise AccountDeactivated("This account is deactivated. Ask your administrator to activate it.")
    if key.expires_at is not None and key.expires_at.timestamp() * 1000 <= now_ms:
        raise InvalidApiKey("Invalid API key: it has expired. Create a new one and use that.")
    return Principal(
        tenant=key.tenant,
        key_id=key.id,
        allowed_tiers=key.allowed_tiers,
        residency=key.residency,
        model_pool=key.model_pool,
        optimize_mode=key.optimize_mode.value,
        byok=key.byok,
    )
