"""Keys over the API: made, shown, changed, rotated and revoked, by compare-and-set on one record at a time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from libs.auth.keys import GATEWAY, INFERENCE, digest, last4, mint, prefix_of
from libs.auth.records import KeyRecord, KeyStatus, new_id
from libs.bus.base import Conflict
from libs.contracts.errors import InvalidRequest, NotFound, Overloaded
from libs.contracts.northern.v1.account_pb2 import AccountAsk
from services.accounts.api import shown
from services.accounts.api.asking import Asker, Desk
from services.accounts.api.domain import (
    MOST_OVERLAPS,
    changed_key,
    check_counts_itself,
    check_not_wider,
    heads,
    predecessors,
)
from services.accounts.bodies.keys import TIERS, KeyBody, RotationBody
from services.accounts.bodies.reading import read

_ATTEMPTS: Final = 24
_NO_KEY = "There is no such key. GET the list of keys for their ids."


class _Moved(Exception):
    """The record is not the key's present one any more: it was rotated meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The handlers of /api/keys and /api/v1/inference/keys."""

    desk: Desk

    async def list(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        found = [key for key in heads(self._of(asker)) if ask.everything or key.status is KeyStatus.ACTIVE]
        return shown.page(found, lambda key: self._shown(asker, key), ask.cursor, ask.limit)

    async def get(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        return self._shown(asker, self._head(asker, ask.id))

    async def create(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """The one answer that has the key itself."""
        body = read(KeyBody, ask.body, self.desk.context)
        secret = mint(INFERENCE if ask.inference else GATEWAY, self.desk.random_bytes)
        now = self.desk.now()
        blank = self._blank(asker, secret, body.name)
        key = changed_key(blank, body.changes(), body.limits(), now)
        if asker.key is not None:
            check_counts_itself(asker.key)
            check_not_wider(key, asker.key)
        await self.desk.keys.create(key.digest, key)
        return {**shown.key(key), "key": secret}

    async def change(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        body = read(KeyBody, ask.body, self.desk.context)
        changes, limits = body.changes(), body.limits()

        def decide(key: KeyRecord) -> KeyRecord:
            if key.superseded_by is not None:
                raise _Moved
            changed = changed_key(key, changes, limits, self.desk.now())
            if asker.key is not None:
                check_counts_itself(asker.key, key.id)
                check_not_wider(changed, asker.key)
            return changed

        for _ in range(_ATTEMPTS):
            head = self._head(asker, ask.id)
            try:
                return self._shown(asker, await self.desk.keys.change(head.digest, decide))
            except _Moved:
                await self.desk.keys.current()
        raise _busy()

    async def revoke(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """At once and for good: every secret the key has had. Asking again changes nothing."""
        head = self._head(asker, ask.id)
        now = self.desk.now()

        def decide(key: KeyRecord) -> KeyRecord:
            if key.status is KeyStatus.REVOKED:
                return key
            return key.model_copy(update={"status": KeyStatus.REVOKED, "revoked_at": now})

        for _ in range(_ATTEMPTS):
            # A rotation may add a record while we are at it: it finds its own revoked, or we find the one it added.
            left = [key for key in self._of(asker).values() if key.id == head.id and key.status is KeyStatus.ACTIVE]
            if not left:
                return {**shown.key(self._head(asker, ask.id)), "deleted": True}
            await asyncio.gather(*(self.desk.keys.change(key.digest, decide) for key in left))
            await self.desk.keys.current()
        raise _busy()

    async def rotate(self, asker: Asker, ask: AccountAsk) -> Mapping[str, Any]:
        """A new secret for the key; the one before is good until the overlap is over.

        The new record comes first, and is nobody's until the old one names it: a rotation that dies in between has
        changed nothing that anybody knows the secret of.
        """
        body = read(RotationBody, ask.body)
        for _ in range(_ATTEMPTS):
            head = self._head(asker, ask.id)
            self._check_rotation(asker, head)
            secret = mint(head.prefix, self.desk.random_bytes)
            fresh = await self._rotated(head.digest, secret, timedelta(seconds=body.overlap_s))
            await self.desk.keys.current()
            if fresh is not None:
                return {**self._shown(asker, fresh), "key": secret}
        raise _busy()

    async def _rotated(self, place: str, secret: str, overlap: timedelta) -> KeyRecord | None:
        """None where the record was rotated or revoked by somebody else first."""
        desk, revision = self.desk, 0
        held, seen = await desk.keys.read(place)
        while held.superseded_by is None and held.status is KeyStatus.ACTIVE:
            now = desk.now()
            fresh = held.model_copy(
                update={
                    "digest": digest(desk.pepper, secret),
                    "last4": last4(secret),
                    "rotated_from": held.digest,
                    "superseded_by": None,
                    "superseded_until": None,
                }
            )
            revision = await desk.keys.replace(fresh.digest, fresh, revision)
            before = held.model_copy(update={"superseded_by": fresh.digest, "superseded_until": now + overlap})
            try:
                await desk.keys.replace(place, before, seen)
            except Conflict:  # changed meanwhile: the change must be in the new record too
                held, seen = await desk.keys.read(place)
                continue
            return fresh
        if revision:  # nobody has seen its secret, and nobody shall wonder what it is
            nobodys = {"status": KeyStatus.REVOKED, "revoked_at": desk.now()}
            await desk.keys.change(digest(desk.pepper, secret), lambda key: key.model_copy(update=nobodys))
        return None

    def _check_rotation(self, asker: Asker, head: KeyRecord) -> None:
        if head.status is not KeyStatus.ACTIVE:
            raise InvalidRequest("This key is revoked, for good. Create a new one.")
        if asker.key is not None:
            check_counts_itself(asker.key, head.id)
            check_not_wider(head, asker.key)
        if len(predecessors(self._of(asker), head, self.desk.now())) >= MOST_OVERLAPS:
            raise InvalidRequest(
                f"This key has {MOST_OVERLAPS} earlier secrets that are still good; wait for their end."
            )

    def _blank(self, asker: Asker, secret: str, name: str) -> KeyRecord:
        """What a key is when nothing is said: as much as whoever makes it, and no more."""
        desk, own = self.desk, asker.key
        inherited = (
            own.model_dump(
                include={"allowed_tiers", "residency", "byok", "max_spend_per_day", "expires_at", "rate_limits"}
            )
            if own
            else {"allowed_tiers": TIERS}
        )
        return KeyRecord.model_validate(
            {
                **inherited,
                "id": new_id("k", desk.random_bytes),
                "tenant": asker.tenant.id,
                "name": name,
                "digest": digest(desk.pepper, secret),
                "prefix": prefix_of(secret),
                "last4": last4(secret),
                "created_by": asker.name,
                "created": desk.now(),
            }
        )

    def _of(self, asker: Asker) -> Mapping[str, KeyRecord]:
        return self.desk.keys.of_tenant(asker.tenant.id)

    def _head(self, asker: Asker, key_id: str) -> KeyRecord:
        for key in heads(self._of(asker)):
            if key.id == key_id:
                return key
        raise NotFound(_NO_KEY)

    def _shown(self, asker: Asker, key: KeyRecord) -> dict[str, Any]:
        return shown.key(key, predecessors(self._of(asker), key, self.desk.now()))


def _busy() -> Overloaded:
    return Overloaded("Others are changing the same key. Try again.", retry_after_ms=200)
