"""One POST on a kept connection: aiohttp's pool, TLS and parser, without what a browser has around them."""

import asyncio
import io
import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache, partial
from types import TracebackType
from typing import Self, cast

import aiohttp
import yarl
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

from libs.contracts.head import header_lines
from services.worker.upstream.endpoint import Answered, Peer, peer_of

_PIECEWISE = 1 << 20  # a body larger than this is written in pieces
_INTERIM = frozenset(range(100, 200)) - {101}  # after which something else is spoken


class _Kept(ResponseHandler):
    """A connection whose pool knows what came on it unasked, and whose reader knows when it cannot be read on."""

    def is_connected(self) -> bool:
        """False, too, where something was said that nobody had asked for: it would be taken for the next answer."""
        return super().is_connected() and not self._buffer

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Only what is paused: aiohttp's reader asks for each piece that is taken, and each time feeds its parser."""
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """As aiohttp, which tells who waits for a head; of chunks that are none, who waits for the body hears too."""
        super().set_exception(exc, *cause)
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("the connection cannot be read on"))


def connector(*, tls: ssl.SSLContext | bool = True) -> aiohttp.TCPConnector:
    """The pool of a way out, without a limit of its own."""
    pool = aiohttp.TCPConnector(limit=0, keepalive_timeout=30, ttl_dns_cache=60, ssl=tls)
    kept = partial(_Kept, loop=asyncio.get_running_loop())
    pool._factory = kept  # type: ignore[assignment]  # noqa: SLF001 - aiohttp has no other door, nor for subclasses
    return pool


def post(
    session: aiohttp.ClientSession, address: str, headers: Mapping[str, str], body: bytes
) -> AbstractAsyncContextManager[Answered]:
    """Send once, follow nothing, keep no cookie. Raises aiohttp.ClientError, ClientConnectorError where nothing left.

    Large bodies go aiohttp's own way: a file is written in pieces, between which running streams get their turn, and
    what is answered meanwhile is heard. So does what stands behind a proxy, or has a password in its address.
    """
    line = _line(session, address)
    if not line.plain or len(body) > _PIECEWISE:
        data = io.BytesIO(body) if len(body) > _PIECEWISE else body
        posted = session.post(line.request.url, data=data, headers=headers, allow_redirects=False)
        return cast(AbstractAsyncContextManager[Answered], posted)  # a WitnessedResponse, as the session was told
    return _Posted(session, line, headers, body)


@dataclass(frozen=True, kw_only=True)
class _Line:
    """What is the same for every request to an address: `start` is its head up to the headers of one request."""

    request: aiohttp.ClientRequest
    start: str
    plain: bool


@lru_cache(maxsize=256)  # the same few addresses, request after request
def _line(session: aiohttp.ClientSession, address: str) -> _Line:
    url = yarl.URL(address, encoded=True)  # as it was signed: yarl would write `%3A` back to `:`
    always = {"Host": url.host_port_subcomponent or "", **session.headers}
    return _Line(
        request=aiohttp.ClientRequest("POST", url, loop=asyncio.get_running_loop(), session=session),
        start=f"POST {url.raw_path_qs} HTTP/1.1\r\n{header_lines(always)}",
        plain=session._default_proxy is None and not url.raw_user,  # noqa: SLF001 - aiohttp has no other name for it
    )


class _Posted:
    """The hot path: head and body are written at once, and no task, timer or payload object stands beside them."""

    __slots__ = ("_connection", "_line", "_sent", "_session", "content", "headers", "peer", "status")

    status: int
    headers: Mapping[str, str]
    content: aiohttp.StreamReader
    peer: Peer

    def __init__(self, session: aiohttp.ClientSession, line: _Line, headers: Mapping[str, str], body: bytes) -> None:
        self._session, self._line = session, line
        accept = "" if "Accept" in headers else "Accept: */*\r\n"  # as aiohttp says where nobody else does
        head = f"{line.start}{header_lines(headers)}{accept}Content-Length: {len(body)}\r\n\r\n"
        self._sent = head.encode() + body
        self._connection: Connection | None = None

    @property
    def authority(self) -> str:
        return self._line.request.url.authority

    async def __aenter__(self) -> Self:
        connector = self._session.connector
        if connector is None:
            raise aiohttp.ClientConnectionError("the session is closed")
        try:
            connection = await connector.connect(self._line.request, traces=[], timeout=self._session.timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError("no connection in time") from error
        self._connection = connection
        try:
            await self._exchange(connection)
        except BaseException:
            self._connection = None
            connection.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    async def _exchange(self, connection: Connection) -> None:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError("the connection was closed before anything was sent")
        protocol.set_response_params(read_until_eof=True)  # where no length is said, an answer ends with its connection
        transport.write(self._sent)
        self._sent = b""
        try:
            message, payload = await protocol.read()
            while message.code in _INTERIM:
                message, payload = await protocol.read()
        except HttpProcessingError as error:
            raise aiohttp.ClientPayloadError("the provider's answer is not HTTP") from error
        self.peer = peer_of(protocol)
        self.status, self.headers, self.content = message.code, message.headers, payload
        payload.on_eof(self._release)  # whoever calls next may have the connection while we close the record

    def _release(self) -> None:
        """Back to the pool, which closes it where the answer was not read to its end.

        Where it came before the request had left, the rest of that would stand in the way of the next one.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if (transport := connection.transport) is not None and transport.get_write_buffer_size():
            transport.abort()
            connection.close()
        else:
            connection.release()
