"""Who calls: a watched copy of keys and accounts in memory, so that authentication needs no I/O."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import ValidationError

from libs.auth import keys
from libs.auth.principal import Principal, in_force, principal
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
        # By digest: what was made of two records stays true while they are the same two (and the key never expires).
        self._known: dict[str, tuple[KeyRecord, TenantRecord | None, Principal]] = {}
        self._watches = (
            Watch(bus, "keys", _keeper(self._keys, KeyRecord.from_bytes, self._forget), metrics),
            Watch(bus, "tenants", _keeper(self._tenants, TenantRecord.from_bytes, lambda _: None), metrics),
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
        return self.caller(headers)[1]

    def caller(self, headers: Mapping[str, str]) -> tuple[str, Principal]:
        """The digest of the key, and the caller behind it. Raises the same."""
        key = key_of(headers)
        if not key:
            raise InvalidApiKey(_NO_KEY)
        if not keys.checksum_ok(key):
            raise InvalidApiKey(_UNKNOWN)
        self._not_blind()
        digest = keys.digest(self._pepper, key)
        record = self._keys.get(digest)
        tenant = self._tenants.get(record.tenant) if record else None
        if record is None or record.expires_at is not None or record.superseded_by is not None:
            return digest, self._judged(record, tenant)
        known = self._known.get(digest)
        if known is None or known[0] is not record or known[1] is not tenant:
            self._known[digest] = known = (record, tenant, self._judged(record, tenant))
        return digest, known[2]

    def _judged(self, record: KeyRecord | None, tenant: TenantRecord | None) -> Principal:
        return principal(in_force(record, self._keys.get), tenant, int(time.time() * 1000))

    def tenant(self, tenant_id: str) -> TenantRecord | None:
        self._not_blind()
        return self._tenants.get(tenant_id)

    def _forget(self, digest: str) -> None:
        self._known.pop(digest, None)

    def _not_blind(self) -> None:
        if any(watch.blind for watch in self._watches):
            raise BusUnavailable("keys cannot be checked right now; try again in a moment", retry_after_ms=1000)


def key_of(headers: Mapping[str, str]) -> str:
    """The key as sent: a bearer token, else x-api-key; empty where there is neither."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return headers.get("x-api-key", "").strip()


def _keeper(
    copy: dict[str, _Record], read: Callable[[bytes], _Record], forget: Callable[[str], None]
) -> Callable[[str, bytes | None], None]:
    def keep(key: str, value: bytes | None) -> None:
        forget(key)
        try:
            if value is None:
                copy.pop(key, None)
            else:
                copy[key] = read(value)
        except (ValidationError, ValueError) as error:
            copy.pop(key, None)  # a record we cannot read lets nobody in
            logger().error("record_unreadable", error_type=type(error).__name__)

    return keep
