"""Who calls: a watched copy of keys and accounts in memory, so that authentication needs no I/O."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import ValidationError

from libs.auth import keys
from libs.auth.principal import Principal, principal
from libs.auth.records import KeyRecord, TenantRecord
from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.contracts.errors import BusUnavailable, InvalidApiKey
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

_Record = TypeVar("_Record")
_NO_KEY = "No API key was sent. Send `Authorization: Bearer <key>` or `x-api-key: <key>`."
_UNKNOWN = "Invalid API key. Check that it was copied whole, or create a new one."


class Principals:
    """Keys by digest and accounts by id, as the buckets have them. A copy that is stale too long lets nobody in."""

    def __init__(self, bus: Bus, pepper: bytes, metrics: Metrics) -> None:
        self._pepper = pepper
        self._keys: dict[str, KeyRecord] = {}
        self._tenants: dict[str, TenantRecord] = {}
        # What was made of two records stays true while they are the same two records (and the key never expires).
        self._known: dict[str, tuple[KeyRecord, TenantRecord | None, Principal]] = {}
        self._watches = (
            Watch(bus, "keys", _keeper(self._keys, KeyRecord.from_bytes), metrics),
            Watch(bus, "tenants", _keeper(self._tenants, TenantRecord.from_bytes), metrics),
        )

    async def start(self) -> None:
        for watch in self._watches:
            await watch.start()

    async def close(self) -> None:
        for watch in self._watches:
            await watch.close()

    @property
    def fresh(self) -> bool:
        return not any(watch.stale for watch in self._watches)

    def of_key(self, headers: Mapping[str, str]) -> Principal:
        """The caller behind the key of either header. Raises InvalidApiKey, KeyRevoked, AccountDeactivated."""
        key = key_of(headers)
        if not key:
            raise InvalidApiKey(_NO_KEY)
        if not keys.checksum_ok(key):
            raise InvalidApiKey(_UNKNOWN)
        self._not_blind()
        record = self._keys.get(keys.digest(self._pepper, key))
        tenant = self._tenants.get(record.tenant) if record else None
        if record is None or record.expires_at is not None:
            return principal(record, tenant, int(time.time() * 1000))
        known = self._known.get(record.id)
        if known is None or known[0] is not record or known[1] is not tenant:
            self._known[record.id] = known = (record, tenant, principal(record, tenant, 0))
        return known[2]

    def tenant(self, tenant_id: str) -> TenantRecord | None:
        self._not_blind()
        return self._tenants.get(tenant_id)

    def _not_blind(self) -> None:
        if any(watch.blind for watch in self._watches):
            raise BusUnavailable("keys cannot be checked right now; try again in a moment", retry_after_ms=1000)


def key_of(headers: Mapping[str, str]) -> str:
    """The key as sent: a bearer token, else x-api-key; empty where there is neither."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return headers.get("x-api-key", "").strip()


def _keeper(copy: dict[str, _Record], read: Callable[[bytes], _Record]) -> Callable[[str, bytes | None], None]:
    def keep(key: str, value: bytes | None) -> None:
        try:
            if value is None:
                copy.pop(key, None)
            else:
                copy[key] = read(value)
        except (ValidationError, ValueError) as error:
            copy.pop(key, None)  # a record we cannot read lets nobody in
            logger().error("record_unreadable", error_type=type(error).__name__)

    return keep
