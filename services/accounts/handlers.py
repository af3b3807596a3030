"""Answers to what the edge asks about sessions: sign in, who is it, refresh, sign out, another password."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from libs.auth.one_time import INVITE, REFRESH, read, same
from libs.auth.passwords import Passwords
from libs.auth.records import UserRecord, UserStatus, user_key
from libs.bus.base import Conflict
from libs.contracts.errors import (
    CsrfFailed,
    InvalidCredentials,
    InvalidRequest,
    InvalidSession,
    NorthernError,
    RateLimitExceeded,
)
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.account_pb2 import PasswordChange, Refresh, SessionGot, SessionOf, SignIn
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.accounts.domain import SignInThrottle, check_password, check_standing
from services.accounts.sessions import OVER, Sessions, shown

_HASHES_AT_ONCE = 2  # each takes a core and 64 MiB for tens of milliseconds
_LONGEST_ADDRESS = 64
_VOID_LINK = "This link is not valid any more. Ask for a new one."

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The handlers and what they need."""

    sessions: Sessions
    passwords: Passwords
    metrics: Metrics
    throttle: SignInThrottle = field(default_factory=SignInThrottle)
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HASHES_AT_ONCE))

    async def sign_in(self, data: bytes) -> bytes:
        """SignIn in, SessionGot out."""
        return await _answered(SignIn, data, self._sign_in)

    async def session(self, data: bytes) -> bytes:
        """SessionOf in, SessionGot out; role and account are those of now, not of when the token was issued."""
        return await _answered(SessionOf, data, self._session)

    async def refresh(self, data: bytes) -> bytes:
        """Refresh in, SessionGot out. A token that was spent before ends the session, whoever sent it."""
        return await _answered(Refresh, data, self._refresh)

    async def sign_out(self, data: bytes) -> bytes:
        """SessionOf in, SessionGot out: neither token of the session is good from now on."""
        return await _answered(SessionOf, data, self._sign_out)

    async def password(self, data: bytes) -> bytes:
        """PasswordChange in, SessionGot out: every other session of the user is over, this one is new."""
        return await _answered(PasswordChange, data, self._password)

    async def _sign_in(self, asked: SignIn) -> SessionGot:
        place, client = user_key(asked.email), asked.client[:_LONGEST_ADDRESS]
        self._slow_down(place, client)
        user, revision = await self.sessions.user_at(place)
        right = await self._verified(user, revision, asked.password)
        if user is None or not right:
            self.metrics.count("sign_ins_total", "refused")
            raise InvalidCredentials("The e-mail address or the password is wrong.")
        self.throttle.forget(place, client)
        check_standing(user, await self.sessions.tenant_of(user))
        self.metrics.count("sign_ins_total", "opened")
        return await self.sessions.open(place, user)

    async def _session(self, asked: SessionOf) -> SessionGot:
        session, user = await self.sessions.standing(asked.token)
        left_s = session.expires_at - int(self.sessions.now_s())
        return SessionGot(csrf_token=self.sessions.csrf_of(session.id), user=shown(user), expires_in_s=left_s)

    async def _refresh(self, asked: Refresh) -> SessionGot:
        token = read(REFRESH, asked.token)
        if token is None:
            raise InvalidSession(OVER)
        if not asked.own_page and not same(asked.csrf_token, self.sessions.csrf_of(token.record)):
            raise CsrfFailed("send the x-csrf-token that signing in answered with")
        return await self.sessions.renew(token)

    async def _sign_out(self, asked: SessionOf) -> SessionGot:
        session, _ = await self.sessions.standing(asked.token)
        await self.sessions.end(session.id, "signed_out")
        return SessionGot()

    async def _password(self, asked: PasswordChange) -> SessionGot:
        place, user = await (self._by_link(asked.invite) if asked.invite else self._by_password(asked))
        check_password(asked.password, user)
        async with self.hashing:
            hashed = await asyncio.to_thread(self.passwords.hash, asked.password)

        def decide(held: UserRecord) -> UserRecord:
            if held.session_epoch != user.session_epoch or (asked.invite and held.invite != user.invite):
                raise InvalidSession(_VOID_LINK if asked.invite else OVER)  # somebody was faster: it works once
            changes = {"password_hash": hashed, "status": UserStatus.ACTIVE, "invite": None}
            return held.model_copy(update={**changes, "session_epoch": held.session_epoch + 1})

        changed = await self.sessions.buckets.users.change(place, decide)
        logger().info("password_changed", tenant=changed.tenant, actor=changed.id)
        return await self.sessions.open(place, changed)

    async def _by_link(self, sent: str) -> tuple[str, UserRecord]:
        """The user a one-time link is for. Raises InvalidSession, the same for every link that is not good."""
        users = self.sessions.buckets.users
        token = read(INVITE, sent)
        if token is not None:
            await users.current()
            for place, user in users.everything().items():
                invite = user.invite
                if user.id != token.record or invite is None or not same(invite.digest, token.digest):
                    continue
                if invite.expires_at <= self.sessions.now() or user.status is UserStatus.DEACTIVATED:
                    break
                awake = user.model_copy(update={"status": UserStatus.ACTIVE})
                check_standing(awake, await self.sessions.tenant_of(user))
                return place, user
        raise InvalidSession(_VOID_LINK)

    async def _by_password(self, asked: PasswordChange) -> tuple[str, UserRecord]:
        _, user = await self.sessions.standing(asked.session)
        place = user_key(user.email)
        self._slow_down(place, place)  # not a client that all sessions share: one user's guesses would slow everybody
        if not await self._verified(user, None, asked.current):
            raise InvalidCredentials("The present password is wrong.")
        self.throttle.forget(place, place)
        return place, user

    def _slow_down(self, place: str, client: str) -> None:
        wait_ms = self.throttle.admit(place, client, round(self.sessions.now_s() * 1000))
        if wait_ms:
            self.metrics.count("sign_ins_total", "throttled")
            seconds = -(-wait_ms // 1000)
            raise RateLimitExceeded(f"Too many attempts to sign in. Try again in {seconds} s.", retry_after_ms=wait_ms)

    async def _verified(self, user: UserRecord | None, revision: int | None, password: str) -> bool:
        """Whether it is the password; hashed again, where a `revision` is given, if its hash is of an older kind."""
        stored = user.password_hash or None if user else None
        async with self.hashing:
            verdict = await asyncio.to_thread(self.passwords.verify, stored, password)
        if user is not None and verdict.stale and revision is not None:
            await self._hash_again(user, revision, password)
        return verdict.right

    async def _hash_again(self, user: UserRecord, revision: int, password: str) -> None:
        async with self.hashing:
            fresh = await asyncio.to_thread(self.passwords.hash, password)
        changed = user.model_copy(update={"password_hash": fresh})
        try:
            await self.sessions.buckets.users.replace(user_key(user.email), changed, revision)
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
