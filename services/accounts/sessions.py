"""Sign-ins on record: opened, found again by either token, renewed once per refresh token, ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import orjson

from libs.auth.one_time import REFRESH, OneTime, make, same
from libs.auth.records import SessionRecord, TenantRecord, UserRecord, user_key
from libs.auth.sessions import REFRESH_S, SESSION_S, Session, SessionKeys, csrf_token, issue, verify
from libs.bus.base import Conflict
from libs.contracts.errors import InvalidSession, NotFound
from libs.contracts.northern.v1.account_pb2 import SessionGot
from libs.telemetry.log import logger
from services.accounts.buckets import Buckets
from services.accounts.domain import check_standing, session_stands
from services.accounts.held import Held, Record

OVER = "The session is over or not valid. Sign in again."
_TWICE = "This session was ended: its refresh token was used twice. Sign in again."

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """`now_s` is Unix time; `random_bytes` gives what nobody can guess."""

    buckets: Buckets
    keys: SessionKeys
    now_s: Callable[[], float]
    random_bytes: Callable[[int], bytes]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s(), UTC)

    def csrf_of(self, session_id: str) -> str:
        return csrf_token(self.keys.csrf, session_id)

    async def open(self, place: str, user: UserRecord) -> SessionGot:
        """A new sign-in of the user who stands at `place`."""
        session_id = self.random_bytes(16).hex()
        token, digest = make(REFRESH, session_id, self.random_bytes)
        now = self.now()
        record = SessionRecord(
            id=session_id,
            user=place,
            epoch=user.session_epoch,
            refresh_digest=digest,
            created=now,
            expires_at=now + timedelta(seconds=REFRESH_S),
        )
        await self.buckets.sessions.create(session_id, record)
        return self._got(user, record, token)

    async def renew(self, token: OneTime) -> SessionGot:
        """New tokens for a refresh token. One that was spent before ends the session: there are two who hold it."""
        held, revision = await self._found(self.buckets.sessions, token.record)
        user, _ = await self._found(self.buckets.users, held.user if held else "")
        if held is None or user is None or not session_stands(held, held.user, user, self.now()):
            raise InvalidSession(OVER)
        if not same(held.refresh_digest, token.digest):
            await self.end(held.id, "refresh_token_reused")
            raise InvalidSession(_TWICE)
        check_standing(user, await self.tenant_of(user))
        fresh, digest = make(REFRESH, held.id, self.random_bytes)
        renewed = held.model_copy(update={"refresh_digest": digest})
        try:
            await self.buckets.sessions.replace(held.id, renewed, revision)
        except Conflict:  # the same token at the same moment, or a sign-out
            await self.end(held.id, "refresh_token_reused")
            raise InvalidSession(_TWICE) from None
        return self._got(user, held, fresh)

    async def standing(self, token: str) -> tuple[Session, UserRecord]:
        """The session behind a token and its user as of now. Raises InvalidSession, AccountDeactivated."""
        session = verify(self.keys.public, token, now_s=int(self.now_s()))
        place = user_key(session.email)
        (user, _), (held, _) = await asyncio.gather(
            self._found(self.buckets.users, place), self._found(self.buckets.sessions, session.id)
        )
        if user is None or held is None or user.id != session.user_id or user.tenant != session.tenant:
            raise InvalidSession(OVER)
        check_standing(user, await self.tenant_of(user))
        if not session_stands(held, place, user, self.now()):
            raise InvalidSession(OVER)
        return session, user

    async def end(self, session_id: str, why: str) -> None:
        """Neither token is good from now on."""
        try:
            await self.buckets.sessions.change(session_id, lambda held: held.model_copy(update={"ended": True}))
        except NotFound:
            return  # it was so old that it is forgotten
        logger().info("session_ended", reason=why)

    async def user_at(self, place: str) -> tuple[UserRecord | None, int]:
        """The user who stands there, with the record's revision."""
        return await self._found(self.buckets.users, place)

    async def tenant_of(self, user: UserRecord) -> TenantRecord | None:
        return (await self._found(self.buckets.tenants, user.tenant))[0]

    @staticmethod
    async def _found(bucket: Held[R], place: str) -> tuple[R | None, int]:
        try:
            return await bucket.read(place) if place else (None, 0)
        except NotFound:
            return None, 0

    def _got(self, user: UserRecord, session: SessionRecord, refresh_token: str) -> SessionGot:
        now_s = int(self.now_s())
        token, csrf = issue(self.keys, user, session_id=session.id, now_s=now_s)
        return SessionGot(
            token=token,
            csrf_token=csrf,
            user=shown(user),
            expires_in_s=SESSION_S,
            refresh_token=refresh_token,
            refresh_in_s=max(0, int(session.expires_at.timestamp()) - now_s),
        )


def shown(user: UserRecord) -> bytes:
    """Who it is, for the page."""
    return orjson.dumps(
        {"id": user.id, "email": user.email, "name": user.name, "role": user.role.value, "tenant": user.tenant}
    )
