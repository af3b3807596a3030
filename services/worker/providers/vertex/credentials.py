"""Tokens for Google Cloud: from google-auth's own chain, kept, refreshed ahead of their end by one thread at a time."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.contracts.errors import CredentialRefused, RouteUnavailable
from libs.telemetry.log import logger

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_LIFETIME = timedelta(hours=1)  # the longest that Google takes
_AHEAD = timedelta(minutes=5)  # a token of an hour: so early the next is fetched, while this one still serves
_MARGIN = timedelta(seconds=30)  # a token that ends within this is not begun a call with
_WAIT_S = 10.0
_AGAIN = timedelta(seconds=15)  # after a failure, while the present token still serves
_CANNOT = "The Google Cloud credentials of this route cannot be used."


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """`ends` is aware; `project` the one that the credentials belong to, empty where they do not say."""

    value: str
    ends: datetime
    project: str = ""

    def __repr__(self) -> str:
        return f"Token(…, ends={self.ends})"


class GivenToken:
    """Known beforehand: the sandbox's, which is no secret."""

    def __init__(self, value: str, project: str) -> None:
        self._token = Token(value=value, ends=datetime.max.replace(tzinfo=UTC), project=project)

    async def current(self) -> Token:
        return self._token


def application_default() -> Callable[[], Token]:
    """google-auth's chain (GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, the metadata server). It blocks.

    Imported at its first use: half of a worker's ways out never need it.
    """
    found: list[Any] = []

    def refresh() -> Token:
        import google.auth  # noqa: PLC0415
        import google.auth.transport.requests  # noqa: PLC0415

        if not found:
            found.extend(google.auth.default(scopes=_SCOPES))
        credentials, project = found
        credentials.refresh(google.auth.transport.requests.Request())
        if not credentials.token:
            raise ValueError("credentials without a token")
        ends = credentials.expiry or datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=30)
        return Token(value=str(credentials.token), ends=ends.replace(tzinfo=UTC), project=project or "")

    return refresh


def self_signed(account: Mapping[str, str], now: Callable[[], datetime]) -> Callable[[], Token]:
    """Tokens that a service account signs itself (https://google.aip.dev/auth/4111): nobody else is called for them.

    `account` has the members of its key file. It blocks for the signature. Raises ValueError for a key that is none.
    """

    def refresh() -> Token:
        from google.auth import crypt, jwt  # noqa: PLC0415

        begins = now()
        ends = begins + _LIFETIME
        claims = {
            "iss": account["client_email"],
            "sub": account["client_email"],
            "iat": int(begins.timestamp()),
            "exp": int(ends.timestamp()),
            "scope": " ".join(_SCOPES),
        }
        signer = crypt.RSASigner.from_string(account["private_key"], account["private_key_id"])  # type: ignore[no-untyped-call]
        value: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]
        return Token(value=value.decode(), ends=ends, project=account["project_id"])

    return refresh


class OwnTokens:
    """Those of an account: what cannot be signed with is its own credential's fault, and is told so."""

    def __init__(self, tokens: "Tokens") -> None:
        self._tokens = tokens

    async def current(self) -> Token:
        """A token that is valid now. Raises CredentialRefused."""
        try:
            return await self._tokens.current()
        except RouteUnavailable:
            raise CredentialRefused("The service account's key cannot be used.") from None


class Tokens:
    """`refresh` blocks and runs in a thread. RouteUnavailable where it fails; what went wrong is not repeated."""

    def __init__(self, refresh: Callable[[], Token], now: Callable[[], datetime], *, wait_s: float = _WAIT_S) -> None:
        self._refresh, self._now, self._wait_s = refresh, now, wait_s
        self._token: Token | None = None
        self._running: asyncio.Task[Token] | None = None
        self._not_before = datetime.min.replace(tzinfo=UTC)

    async def current(self) -> Token:
        """Valid now. Only who finds none waits; a token near its end is renewed behind the requests."""
        token, now = self._token, self._now()
        if token is not None and token.ends - now > _MARGIN:
            if token.ends - now <= _AHEAD and now >= self._not_before:
                self._begin()
            return token
        running = self._begin()
        done, _ = await asyncio.wait([running], timeout=self._wait_s)
        if not done:
            raise RouteUnavailable("Google Cloud did not give a token in time; try again.", retry_after_ms=2000)
        if running.exception() is not None:
            raise RouteUnavailable(_CANNOT) from None
        return running.result()

    def _begin(self) -> "asyncio.Task[Token]":
        """The refresh that runs already, or a new one."""
        if self._running is None:
            self._running = asyncio.create_task(asyncio.to_thread(self._refresh))
            self._running.add_done_callback(self._ended)
        return self._running

    def _ended(self, task: "asyncio.Task[Token]") -> None:
        self._running = None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._token = task.result()
        else:
            self._not_before = self._now() + _AGAIN
            logger().warning("google_token_failed", error_type=type(error).__name__)
