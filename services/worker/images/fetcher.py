"""Fetches images that a request names by URL: from public hosts only, over checked connections, within limits."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import aiohttp
import yarl

from libs.dialects.images import sniffed
from libs.outward.addresses import is_public
from libs.outward.resolver import Checked, Forbidden, Resolve, is_numeric, look_up

LINK_LIMIT = 8192
TOO_LARGE_TOGETHER = "the images of one request are too large together"
_CONNECTIONS = 64  # of the whole process; what waits for one does so within its own deadline
_OK = 200
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HEADERS = {
    "User-Agent": "northern-inference/0.1",
    "Accept": "image/png, image/jpeg, image/gif, image/webp",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bytes of one image and of all together, images of one request, redirects of one link, seconds for everything.

    One image: what Claude takes (5 MB; Converse 3.75 MB, which asks for less). All: as base64 they are 20 MB, which
    every provider's limit on a request leaves room for.
    """

    each: int = 5_000_000
    total: int = 15_000_000
    count: int = 20
    redirects: int = 3
    seconds: float = 10.0
    parallel: int = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What was fetched; `media_type` is what the bytes are, whatever the server called them."""

    media_type: str
    data: bytes


class Unfetchable(Exception):
    """Which of the links cannot be had, and why: the end of a sentence for the caller, without the address."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place, self.why = place, why


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Where connections may go. Tests, whose servers are on loopback, have rules of their own."""

    port: int = 443
    permitted: Callable[[str], bool] = is_public
    resolve: Resolve = look_up
    tls: ssl.SSLContext | None = None


@dataclass
class _Left:
    """Bytes that one request may still fetch."""

    bytes: int


class Fetcher:
    """One for a process; opened as a context. No proxy is asked: what is connected to must be what was checked."""

    def __init__(self, rules: Rules | None = None, limits: Limits | None = None) -> None:
        self.rules, self.limits = rules or Rules(), limits or Limits()
        self._resolver = Checked(self.rules.permitted, self.rules.resolve)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            force_close=True,
            limit=_CONNECTIONS,
            ssl=self.rules.tls if self.rules.tls is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a few bytes never become many
            timeout=aiohttp.ClientTimeout(total=None),  # fetch_all has the one limit for everything
            headers=_HEADERS,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()

    async def fetch_all(self, links: Sequence[str], *, each: int = 0) -> list[Picture]:
        """Every link, in their order, or Unfetchable for the first that fails. `each` lowers the limit of one image."""
        limits = self.limits
        if len(links) > limits.count:
            raise Unfetchable(limits.count, f"a request may name {limits.count} images by URL")
        if not links:
            return []
        left, turns = _Left(limits.total), asyncio.Semaphore(limits.parallel)
        size = min(each or limits.each, limits.each)
        tasks = [asyncio.create_task(self._fetch(place, link, size, left, turns)) for place, link in enumerate(links)]
        try:
            await asyncio.wait(tasks, timeout=limits.seconds, return_when=asyncio.FIRST_EXCEPTION)
            for place, task in enumerate(tasks):
                if task.done():
                    task.result()
                elif not any(other.done() and other.exception() for other in tasks):
                    raise Unfetchable(place, f"it did not arrive within {limits.seconds:g} s")
            return [task.result() for task in tasks]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, place: int, link: str, size: int, left: _Left, turns: asyncio.Semaphore) -> Picture:
        async with turns:
            try:
                return await self._follow(_address(link), size, left)
            except _NotHad as error:
                why = error.why
            except aiohttp.ClientConnectorError as error:
                forbidden = isinstance(error.os_error, Forbidden)
                why = "its host is not a public one" if forbidden else "its server could not be reached"
            except (aiohttp.ClientError, ConnectionError, ValueError):
                why = "its server broke off"
            raise Unfetchable(place, why)

    async def _follow(self, url: yarl.URL, size: int, left: _Left) -> Picture:
        for _ in range(self.limits.redirects + 1):
            found = await self._get(self._allowed(url), size, left)
            if isinstance(found, Picture):
                return found
            url = found
        raise _NotHad(f"its server redirects more than {self.limits.redirects} times")

    def _allowed(self, url: yarl.URL) -> yarl.URL:
        """https, no credentials, our port, and no numeric address (which no resolver is asked for) that is private."""
        if url.scheme != "https":
            raise _NotHad("only https is fetched")
        if url.user is not None or url.password is not None:
            raise _NotHad("its URL holds credentials")
        if not url.raw_host or url.port != self.rules.port:
            raise _NotHad(f"only port {self.rules.port} is connected to")
        host = url.raw_host or ""
        if is_numeric(host) and not self.rules.permitted(host):
            raise _NotHad("its host is not a public one")
        return url

    async def _get(self, url: yarl.URL, size: int, left: _Left) -> Picture | yarl.URL:
        """The image, or where its server says that it is."""
        assert self._session is not None
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status in _REDIRECTS:
                return url.join(_address(response.headers.get("Location", "")))
            if response.status != _OK:
                raise _NotHad(f"its server answered {response.status}")
            data = await _read(response, size, left)
        if not (media_type := sniffed(data)):
            raise _NotHad("it is not a PNG, JPEG, GIF or WebP image")
        return Picture(media_type=media_type, data=data)


class _NotHad(Exception):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


async def _read(response: aiohttp.ClientResponse, size: int, left: _Left) -> bytes:
    if (response.content_length or 0) > size:
        raise _NotHad(f"it is larger than {size / 1e6:g} MB")
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        left.bytes -= len(part)
        if len(data) > size:
            raise _NotHad(f"it is larger than {size / 1e6:g} MB")
        if left.bytes < 0:
            raise _NotHad(TOO_LARGE_TOGETHER)
    return bytes(data)


def _address(link: str) -> yarl.URL:
    """As it is written, for signed URLs bear no rewriting; only what is beyond ASCII is encoded."""
    if not link or len(link) > LINK_LIMIT or any(char <= " " or char == "\x7f" for char in link):
        raise _NotHad("its URL cannot be read")
    try:
        url = yarl.URL(link, encoded=link.isascii())
        return url if url.port != 0 else yarl.URL()  # what is wrong with a port shows only when it is asked for
    except ValueError:
        raise _NotHad("its URL cannot be read") from None
