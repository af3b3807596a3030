"""Answers to what others ask of accounts: sign in, and who a session speaks for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import orjson
from google.protobuf.message import DecodeError, Message

from libs.auth.passwords import Passwords
from libs.auth.records import TenantRecord, UnreadableRecord, UserRecord, user_key
from libs.auth.sessions import SESSION_S, SessionKeys, csrf_token, issue, verify
from libs.bus.base import Bus, Conflict
from libs.contracts.errors import (
    InvalidCredentials,
    InvalidRequest,
    InvalidSession,
    NorthernError,
    RateLimitExceeded,
)
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.query_pb2 import SessionGot, SessionOf, SignIn
from libs.telemetry.log import logger
from services.accounts.domain import Throttle, check_standing

_HASHES_AT_ONCE = 2  # each takes a core and 64 MiB for tens of milliseconds

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The handlers and what they need. `now_s` is Unix time; `new_session_id` gives what nobody can guess."""

    bus: Bus
    passwords: Passwords
    session_keys: SessionKeys
    now_s: Callable[[], float]
    new_session_id: Callable[[], str]
    throttle: Throttle = field(default_factory=Throttle)
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HASHES_AT_ONCE))

    async def sign_in(self, data: bytes) -> bytes:
        """SignIn in, SessionGot out."""
        return await _answered(SignIn, data, self._sign_in)

    async def session(self, data: bytes) -> bytes:
        """SessionOf in, SessionGot out; role and account are those of now, not of when the token was issued."""
        return await _answered(SessionOf, data, self._session)

    async def _sign_in(self, asked: SignIn) -> SessionGot:
        address = user_key(asked.email)
        wait_ms = self.throttle.admit(address, round(self.now_s() * 1000))
        if wait_ms:
            seconds = -(-wait_ms // 1000)
            raise RateLimitExceeded(f"Too many attempts to sign in. Try again in {seconds} s.", retry_after_ms=wait_ms)
        user, revision = await self._user(address)
        stored = user.password_hash if user else None
        async with self.hashing:
            verdict = await asyncio.to_thread(self.passwords.verify, stored, asked.password)
        if user is None or not verdict.right:
            raise InvalidCredentials("The e-mail address or the password is wrong.")
        self.throttle.forget(address)
        check_standing(user, await self._tenant(user.tenant))
        if verdict.stale:
            await self._hash_again(user, revision, asked.password)
        token, csrf = issue(self.session_keys, user, session_id=self.new_session_id(), now_s=int(self.now_s()))
        return SessionGot(token=token, csrf_token=csrf, user=_shown(user), expires_in_s=SESSION_S)

    async def _session(self, asked: SessionOf) -> SessionGot:
        now_s = int(self.now_s())
        session = verify(self.session_keys.public, asked.token, now_s=now_s)
        user, _ = await self._user(user_key(session.email))
        if user is None or user.id != session.user_id or user.tenant != session.tenant:
            raise InvalidSession("The session's user is gone. Sign in again.")
        check_standing(user, await self._tenant(user.tenant))
        csrf = csrf_token(self.session_keys.csrf, session.id)
        return SessionGot(csrf_token=csrf, user=_shown(user), expires_in_s=session.expires_at - now_s)

    async def _user(self, key: str) -> tuple[UserRecord | None, int]:
        entry = await self.bus.get("users", key)
        if entry is None:
            return None, 0
        try:
            return UserRecord.from_bytes(entry.value), entry.revision
        except UnreadableRecord as error:
            logger().error("record_unreadable", bucket="users", reason=str(error))
            return None, 0

    async def _tenant(self, tenant: str) -> TenantRecord | None:
        entry = await self.bus.get("tenants", tenant)
        try:
            return TenantRecord.from_bytes(entry.value) if entry else None
        except UnreadableRecord as error:
            logger().error("record_unreadable", bucket="tenants", reason=str(error))
            return None

    async def _hash_again(self, user: UserRecord, revision: int, password: str) -> None:
        async with self.hashing:
            fresh = await asyncio.to_thread(self.passwords.hash, password)
        changed = user.model_copy(update={"password_hash": fresh})
        try:
            await self.bus.put("users", user_key(user.email), changed.to_bytes(), revision=revision)
        except (Conflict, NorthernError):
            logger().info("rehash_left_for_later", bucket="users")  # signing in does not depend on it


async def _answered(kind: type[M], data: bytes, act: Callable[[M], Awaitable[SessionGot]]) -> bytes:
    try:
        got = await act(kind.FromString(data))
    except DecodeError:
        got = _failed(InvalidRequest(f"This is no {kind.DESCRIPTOR.name} message."))
    except NorthernError as error:
        got = _failed(error)
    return got.SerializeToString()


def _failed(error: NorthernError) -> SessionGot:
    return SessionGot(failure=to_query_failure(error))


def _shown(user: UserRecord) -> bytes:
    return orjson.dumps({"id": user.id, "email": user.email, "role": user.role.value, "tenant": user.tenant})
