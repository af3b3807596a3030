"""Takes a notice to where it goes, once: over https, to a public address, within a time limit, and nowhere else."""

import asyncio
import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
import yarl

from libs.outward.addresses import is_public
from libs.outward.resolver import Checked, is_numeric
from services.billing.alerts.notices import Notice

_DEADLINE_S: Final = 10.0
_CONNECTIONS: Final = 32
_GONE: Final = 410


class Verdict(StrEnum):
    """What came of an attempt."""

    DELIVERED = "delivered"
    LATER = "later"
    NEVER = "never"  # the receiver says that there is none any more, or the address cannot be one


class Courier:
    """One for a process; opened as a context. No proxy is asked, no redirect followed, no answer read."""

    def __init__(
        self,
        *,
        now_s: Callable[[], float],
        allow_private: bool = False,
        deadline_s: float = _DEADLINE_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._now_s, self._deadline_s, self._tls = now_s, deadline_s, tls
        self._permitted: Callable[[str], bool] = (lambda _: True) if allow_private else is_public
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=Checked(self._permitted),
            use_dns_cache=False,
            force_close=True,
            limit=_CONNECTIONS,
            ssl=self._tls if self._tls is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),  # deliver has the one limit for everything
            headers={"User-Agent": "northern-inference/0.1"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, notice: Notice) -> Verdict:
        """One attempt. Anything but 2xx is no delivery; what the receiver says beside its status nobody looks at."""
        assert self._session is not None
        if not self._may_be_called(notice.url):
            return Verdict.NEVER
        headers = notice.headers(int(self._now_s()))
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._session.post(
                    yarl.URL(notice.url, encoded=True), data=notice.body, headers=headers, allow_redirects=False
                ) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return Verdict.LATER
        if status == _GONE:
            return Verdict.NEVER
        return Verdict.DELIVERED if 200 <= status < 300 else Verdict.LATER  # noqa: PLR2004 - HTTP's successes

    def _may_be_called(self, url: str) -> bool:
        """Whether it is https without credentials, and a host that is a number is a permitted one."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            good = parts.scheme == "https" and bool(host) and parts.username is None and parts.port != 0
        except ValueError:
            return False
        return good and (not is_numeric(host) or self._permitted(host))
