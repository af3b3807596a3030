"""An account's own credentials over the API: written, never read back; sealed before anything is stored."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from libs.auth.envelopes import CannotOpen, KeyRing, Place, place_of, read_ring, rewrap, seal
from libs.auth.records import ByokRecord, byok_key
from libs.bus.base import Conflict
from libs.contracts.errors import NotFound, Overloaded, RouteUnavailable
from libs.contracts.northern.v1.account_pb2 import AccountAsk
from libs.telemetry.log import logger
from services.accounts.api import shown
from services.accounts.api.asking import Asker, Desk
from services.accounts.bodies.credentials import FORMS, check_provider, read_credential


@dataclass(frozen=True, kw_only=True)
class Byok:
    """The handlers of /api/byok. `ring` reads the key-encryption keys as their file has them now."""

    desk: Desk
    ring: Callable[[], KeyRing]

    async def list(self, asker: Asker, _: AccountAsk) -> Mapping[str, Any]:
        await self.desk.byok.current()
        found = self.desk.byok.of_tenant(asker.tenant.id)
        data = [shown.byok(found[place]) for place in sorted(found)]
        return {"object": "list", "data": data, "next": None, "providers": list(FORMS)}

    async def get(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        await self.desk.byok.current()
        return shown.byok(self._known(asker, ask.id))

    async def put(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """The credential of now on; what stood there before is gone."""
        credential = read_credential(ask.id, ask.body, self.desk.context)
        ring = await asyncio.to_thread(self.ring)
        place = byok_key(asker.tenant.id, ask.id)
        for _ in range(8):
            held, revision = await self._held(place)
            now = self.desk.now()
            # Never a version that was there before, deleted ones included: an old envelope must not open as a new one.
            version = max(held.version + 1 if held else 1, round(now.timestamp() * 1000))
            bound = Place(tenant=asker.tenant.id, provider=ask.id, version=version)
            record = ByokRecord(
                tenant=asker.tenant.id,
                provider=ask.id,
                version=version,
                last4=credential.last4,
                slots=dict(credential.slots),
                envelope=seal(ring, bound, orjson.dumps(dict(credential.secret)), self.desk.random_bytes),
                created=held.created if held else now,
                updated=now,
            )
            try:
                await self.desk.byok.replace(place, record, revision)
            except Conflict:
                continue
            return shown.byok(record)
        raise Overloaded("Others are changing the same credential. Try again.", retry_after_ms=200)

    async def delete(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        await self.desk.byok.current()
        known = self._known(asker, ask.id)
        await self.desk.byok.remove(byok_key(known.tenant, known.provider))
        return {"object": "byok_credential", "provider": known.provider, "deleted": True}

    async def rewrap(self, _: Asker, __: AccountAsk) -> Mapping[str, Any]:
        """Every credential's own key under the current key-encryption key; what the ring cannot open is counted."""
        await self.desk.byok.current()
        ring = await asyncio.to_thread(self.ring)
        done = lost = 0
        for place, record in list(self.desk.byok.everything().items()):
            if record.envelope.kek == ring.current:
                continue
            try:
                await self.desk.byok.change(place, lambda held: self._rewrapped(ring, held))
                done += 1
            except NotFound:
                continue  # deleted meanwhile
            except CannotOpen:
                lost += 1
                logger().error("byok_cannot_open", tenant=record.tenant, target=record.provider)
        return {"object": "rewrap", "current": ring.current, "rewrapped": done, "unopened": lost}

    def _rewrapped(self, ring: KeyRing, held: ByokRecord) -> ByokRecord:
        if held.envelope.kek == ring.current:
            return held
        envelope = rewrap(ring, place_of(held), held.envelope, self.desk.random_bytes)
        return held.model_copy(update={"envelope": envelope})

    async def _held(self, place: str) -> tuple[ByokRecord | None, int]:
        try:
            return await self.desk.byok.read(place)
        except NotFound:
            return None, 0

    def _known(self, asker: Asker, provider: str) -> ByokRecord:
        check_provider(provider)
        found = self.desk.byok.get(byok_key(asker.tenant.id, provider))
        if found is None:
            raise NotFound(f"No credential is kept for {provider}. PUT one.")
        return found


def ring_reader(path: Path | None) -> Callable[[], KeyRing]:
    """Reads the ring at each call, so that a rotation needs no restart. Raises RouteUnavailable. It blocks."""

    def ring() -> KeyRing:
        if path is None:
            raise RouteUnavailable("BYOK is not set up here: the operator has to set NI_KEK_FILE.")
        try:
            return read_ring(path.read_bytes())
        except (OSError, ValueError) as error:
            logger().error("kek_unreadable", path=str(path), error_type=type(error).__name__)
            raise RouteUnavailable("The key-encryption keys cannot be read; the operator has to look.") from None

    return ring
