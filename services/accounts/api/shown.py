"""Records as callers see them, and lists a page at a time: what is secret is not in any of these shapes."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from libs.auth.records import ByokRecord, KeyRecord, TenantRecord, UserRecord
from libs.contracts.errors import InvalidRequest

DEFAULT_LIMIT: Final = 100
MOST: Final = 1000

T = TypeVar("T", KeyRecord, TenantRecord, UserRecord)


def key(record: KeyRecord, before: Sequence[KeyRecord] = ()) -> dict[str, Any]:
    """A key without its secret; `previous` are secrets that a rotation leaves good for a while."""
    return {
        "id": record.id,
        "object": "api_key",
        "name": record.name,
        "prefix": record.prefix,
        "last4": record.last4,
        "status": record.status.value,
        "allowed_tiers": list(record.allowed_tiers),
        "residency": list(record.residency),
        "model_pool": list(record.model_pool),
        "optimize_mode": record.optimize_mode.value,
        "byok": record.byok,
        "max_spend_per_day": record.max_spend_per_day,
        "rate_limits": record.rate_limits.model_dump(),
        "expires_at": _moment(record.expires_at),
        "revoked_at": _moment(record.revoked_at),
        "previous": [{"last4": one.last4, "expires_at": _moment(one.superseded_until)} for one in before],
        "created": int(record.created.timestamp()),
    }


def tenant(record: TenantRecord) -> dict[str, Any]:
    webhook = record.alert_webhook
    return {
        "id": record.id,
        "object": "tenant",
        "name": record.name,
        "status": record.status.value,
        "currency": record.currency,
        "time_zone": record.time_zone,
        "residency": list(record.residency),
        "allowed_tiers": list(record.allowed_tiers),
        "budget_per_month": record.budget_per_month,
        "alert_webhook": {"url": webhook.url} if webhook else None,
        "alert_thresholds": list(record.alert_thresholds),
        "created": int(record.created.timestamp()),
    }


def user(record: UserRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "object": "user",
        "email": record.email,
        "name": record.name,
        "role": record.role.value,
        "tenant": record.tenant,
        "status": record.status.value,
        "created": int(record.created.timestamp()),
    }


def byok(record: ByokRecord) -> dict[str, Any]:
    return {
        "object": "byok_credential",
        "provider": record.provider,
        "last4": record.last4,
        **record.slots,
        "created": int(record.created.timestamp()),
        "updated": int(record.updated.timestamp()),
    }


def page(records: Iterable[T], show: Callable[[T], dict[str, Any]], cursor: str, limit: int) -> dict[str, Any]:
    """Oldest first, from behind `cursor`; `next` is the cursor of the page after, or null. Raises InvalidRequest."""
    after = _read_cursor(cursor) if cursor else ("", "")
    rest = sorted(
        ((place, record) for record in records if (place := _place(record)) > after), key=lambda found: found[0]
    )
    limit = limit or DEFAULT_LIMIT
    shown = rest[:limit]
    more = _cursor(shown[-1][0]) if len(rest) > limit else None
    return {"object": "list", "data": [show(record) for _, record in shown], "next": more}


def _place(record: KeyRecord | TenantRecord | UserRecord) -> tuple[str, str]:
    # Microseconds since 1970, so that the order of the texts is that of the times.
    return f"{round(record.created.timestamp() * 1e6):020d}", record.id


def _cursor(place: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(" ".join(place).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[str, str]:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        created, id_ = raw.decode("ascii").split(" ")
    except (binascii.Error, ValueError):
        raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor") from None
    return created, id_


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
