"""How a call to Bedrock is authorised: AWS credentials, SigV4 or a bearer token, and the address that is signed."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import botocore.session
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from libs.contracts.errors import RouteUnavailable

SERVICE = "bedrock"
CONTENT_TYPE = "application/json"
_THREADED = 1 << 20  # hashing more than this blocks the loop for too long
_PORTS = {"http": 80, "https": 443}


def endpoint_url(base: str, model_id: str, verb: str) -> str:
    """`verb` is converse, invoke and the like. Hand it to the client as `yarl.URL(url, encoded=True)`:

    yarl would write `%3A` back to `:`, and the path that is sent would not be the path that was signed.
    """
    if not model_id.strip("."):
        raise ValueError("a model id that is a path segment of dots cannot be addressed")
    return f"{base.rstrip('/')}/model/{quote(model_id, safe='')}/{verb}"


# --- what signs ---------------------------------------------------------------------------------------------------


class SigV4:
    """Headers for one POST (AWS Signature Version 4); the derived key is kept for its day.

    Not botocore's signer, which derives the key and parses the URL anew each time; the tests hold the two equal.
    """

    def __init__(self, region: str, now: Callable[[], datetime]) -> None:
        self._region = region
        self._now = now
        self._key_of: tuple[str, str] = ("", "")
        self._key = b""

    def headers(self, url: str, body: bytes, credentials: ReadOnlyCredentials) -> dict[str, str]:
        host, path = _canonical(url)
        time = self._now().strftime("%Y%m%dT%H%M%SZ")
        day = time[:8]
        signed = {"content-type": CONTENT_TYPE, "host": host, "x-amz-date": time}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = ";".join(signed)  # inserted in order of their names
        lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in signed.items())
        canonical = f"POST\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/{self._region}/{SERVICE}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(credentials.secret_key or "", day), to_sign.encode(), "sha256").hex()
        told = f"Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Date": time, "Authorization": f"AWS4-HMAC-SHA256 {told}"}
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        return headers

    def _signing_key(self, secret: str, day: str) -> bytes:
        if self._key_of != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key, self._key_of = key, (secret, day)
        return self._key


@lru_cache(maxsize=1024)
def _canonical(url: str) -> tuple[str, str]:
    """Host as the client sends it, and the path quoted once more, as every service but S3 wants it signed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != _PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    return host, quote(parts.path or "/", safe="/~")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bearer:
    """A Bedrock API key; it is the secret itself, so it never crosses a network in the clear."""

    token: str

    def __repr__(self) -> str:
        return "Bearer(…)"

    def headers(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
            raise RouteUnavailable("A Bedrock API key is sent over https only: correct this route's endpoint.")
        return {"Content-Type": CONTENT_TYPE, "Authorization": f"Bearer {self.token}"}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# --- where credentials come from ----------------------------------------------------------------------------------


class CredentialChain:
    """botocore's chain: environment, profile, SSO, container, instance. Files and metadata are read in a thread.

    RouteUnavailable where it yields nothing; what went wrong inside is not repeated.
    """

    def __init__(self, profile: str | None = None) -> None:
        self._profile = profile
        self._found: Credentials | None = None
        self._frozen: ReadOnlyCredentials | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> ReadOnlyCredentials:
        """Valid now. Only a refresh waits; between refreshes nothing does."""
        if self._frozen is not None and not self._is_due():
            return self._frozen
        async with self._lock:
            if self._frozen is None or self._is_due():
                self._frozen = await asyncio.to_thread(self._resolve)
            return self._frozen

    def _is_due(self) -> bool:
        return isinstance(self._found, RefreshableCredentials) and self._found.refresh_needed()

    def _resolve(self) -> ReadOnlyCredentials:
        try:
            if self._found is None:
                self._found = botocore.session.Session(profile=self._profile).get_credentials()
            frozen = None if self._found is None else self._found.get_frozen_credentials()
        except (BotoCoreError, ClientError, OSError, RuntimeError, ValueError) as error:
            raise RouteUnavailable("The AWS credentials of this route cannot be read.") from error
        if frozen is None or not frozen.access_key or not frozen.secret_key:
            raise RouteUnavailable("There are no AWS credentials for this route.")
        return frozen


class GivenCredentials:
    """Credentials known beforehand: an account's own, or the sandbox's, which are no secret."""

    def __init__(self, access_key: str, secret_key: str, session_token: str | None = None) -> None:
        self._frozen = ReadOnlyCredentials(access_key, secret_key, session_token)

    async def current(self) -> ReadOnlyCredentials:
        return self._frozen


class Signer:
    """Headers for each call: by bearer token where there is one (it wins, as in AWS's own SDKs), else by SigV4."""

    def __init__(self, sigv4: SigV4, chain: CredentialChain | GivenCredentials, bearer: Bearer | None = None) -> None:
        self._sigv4 = sigv4
        self._chain = chain
        self._bearer = bearer

    async def headers(self, url: str, body: bytes) -> dict[str, str]:
        if self._bearer is not None:
            return self._bearer.headers(url)
        credentials = await self._chain.current()
        if len(body) > _THREADED:
            return await asyncio.to_thread(self._sigv4.headers, url, body, credentials)
        return self._sigv4.headers(url, body, credentials)
