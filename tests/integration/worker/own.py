"""Credentials of accounts as accounts would keep them, sealed under a ring that a test writes."""

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from libs.auth.envelopes import KeyRing, Place, new_ring, place_of, retired, rewrap, seal, turned, write_ring
from libs.auth.records import ByokRecord, byok_key
from libs.bus.base import Bus
from services.worker.byok.kept import Kept
from services.worker.byok.ring import Ring
from services.worker.street import Street

Meddle = Callable[[], Awaitable[None]] | None
THEIRS = "sk-account-canary-3c81d0"
EMAIL = "caller@their-project.iam.gserviceaccount.com"


@lru_cache(maxsize=1)
def pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def service_account() -> dict[str, str]:
    return {
        "project_id": "their-project",
        "private_key_id": "ab12cd34",
        "private_key": pem(),
        "client_email": EMAIL,
    }


@dataclass
class Safe:
    """`put` stores what accounts would; `ring` is what the worker's file holds."""

    bus: Bus
    path: Path
    ring: KeyRing
    version: int = 0

    @classmethod
    def at(cls, bus: Bus, path: Path) -> "Safe":
        ring = new_ring(os.urandom)
        path.write_bytes(write_ring(ring))
        return cls(bus, path, ring)

    async def put(
        self, provider: str, secret: Mapping[str, str], *, tenant: str = "t_one", of: str = "", **slots: str
    ) -> None:
        """`of`: the account whose place the envelope is sealed for, where that is not the one it stands under."""
        self.version += 1
        place = Place(tenant=of or tenant, provider=provider, version=self.version)
        now = datetime.now(UTC)
        record = ByokRecord(
            tenant=tenant,
            provider=provider,
            version=self.version,
            last4="last",
            slots=slots,
            envelope=seal(self.ring, place, orjson.dumps(dict(secret)), os.urandom),
            created=now,
            updated=now,
        )
        await self.bus.put("byok", byok_key(tenant, provider), record.to_bytes())

    async def rewrap(self, provider: str, tenant: str = "t_one") -> None:
        """The same credential under a new key-encryption key, and the one before retired."""
        entry = await self.bus.get("byok", byok_key(tenant, provider))
        assert entry is not None
        record = ByokRecord.from_bytes(entry.value)
        both = turned(self.ring, os.urandom)
        envelope = rewrap(both, place_of(record), record.envelope, os.urandom)
        await self.bus.put(
            "byok", byok_key(tenant, provider), record.model_copy(update={"envelope": envelope}).to_bytes()
        )
        self.ring = retired(both)
        self.path.write_bytes(write_ring(self.ring))

    async def delete(self, provider: str, tenant: str = "t_one") -> None:
        await self.bus.delete("byok", byok_key(tenant, provider))


class Meddling(Ring):
    """Opens as every other, and has somebody do something `before` or `after` it does so for the first time."""

    def __init__(self, path: Path, *, before: Meddle = None, after: Meddle = None) -> None:
        super().__init__(path)
        self._before, self._after = before, after

    async def opened(self, record: ByokRecord) -> Mapping[str, str]:
        before, self._before = self._before, None
        if before is not None:
            await before()
        try:
            return await super().opened(record)
        finally:
            after, self._after = self._after, None
            if after is not None:
                await after()


def watched(street: Street) -> Kept:
    return street.own._kept


def blinded(street: Street) -> None:
    """As if the bucket had not been heard of for a long time."""
    watch = watched(street)._watch
    watch._now = lambda: time.monotonic() + 3600
