"""The public HTTP server: aiohttp's low-level one, with a deadline for headers and errors in our own words."""

import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

from aiohttp import HttpVersion, HttpVersion10, HttpVersion11, web
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError, LineTooLong
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo
from aiohttp.web_request import BaseRequest

from libs.contracts.errors import OUR_FAULT, HeadersTooLarge, Internal, InvalidRequest, NorthernError, SlowRequest
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from libs.telemetry.metrics import Metrics
from services.ingress import problems
from services.ingress.http.bodies import GO_ON, UNREADABLE_CODING
from services.ingress.http.origins import EdgeRequest, Origins
from services.ingress.http.refusals import Reason, Refusals
from services.ingress.places import dialect_of

Handler = Callable[[BaseRequest], Awaitable[web.StreamResponse]]
_SWEEP_S = 1.0
_LINGER_S = 1.0  # of a connection on which a stream has failed
_BEGUN = 512  # bytes of a request that are looked at for its path
_LOOK_S = 0.2  # between looks whether a client that says no more is still there
_TOO_LARGE = "the request's headers are too large, or too many; send smaller ones"
_PATH = re.compile(rb"[\r\n]*[A-Z]{1,16} (/[^ ?\r\n]*)")


class EdgeServer(web.Server):
    """Accepts on one socket; a body may not grow beyond `max_body`, headers not take longer than `header_s`.

    A reader that takes nothing for `write_idle_s` is let go, whatever it is that waits for it.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        max_body: int,
        header_s: float,
        write_idle_s: float,
        origins: Origins,
        metrics: Metrics,
    ) -> None:
        super().__init__(
            handler,
            request_factory=self._request,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=75.0,
            tcp_keepalive=True,
        )
        self._max_body, self._header_s, self._origins = max_body, header_s, origins
        self._write_idle_s = write_idle_s
        self.refusals = Refusals(metrics)
        self._socket: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    async def listen(self, sock: socket.socket) -> None:
        """Begin to accept on a bound socket."""
        self._socket = await self._loop.create_server(self, sock=sock, backlog=1024)
        self._sweeper = asyncio.create_task(self._sweep())

    async def close(self, drain_s: float) -> None:
        """Accept nothing new, let running answers end within `drain_s`, then close."""
        if self._socket is not None:
            self._socket.close()
        for connection in self.connections:
            if isinstance(connection, _Connection):
                connection.close_in_order()
        deadline = time.monotonic() + drain_s
        while self.busy and time.monotonic() < deadline:  # noqa: ASYNC110 - connections say nothing when they end
            await asyncio.sleep(0.05)
        await self.shutdown(1.0)
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        self.refusals.tell()

    @property
    def busy(self) -> int:
        """Connections on which a request is being answered."""
        return sum(1 for connection in self.connections if isinstance(connection, _Connection) and connection.busy)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = self._loop.time()
            for connection in self.connections:
                if isinstance(connection, _Connection):
                    connection.check_headers(now - self._header_s)
                    connection.check_reader(now - self._write_idle_s)
            self.refusals.tell()

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> BaseRequest:
        request = EdgeRequest(message, payload, protocol, writer, task, self._loop, client_max_size=self._max_body)
        request.told = self._origins.told(message.headers.get("Origin"))
        return request


class _Connection(RequestHandler):
    """One connection. aiohttp has no time limit for headers: this one knows since when a request has been half sent.

    It has none for readers either, not even for those of a connection that it closes: it waits until all is taken.
    Nor does it tell who reads a body that its chunks are broken, or answer who says no more and listens.
    """

    def __init__(self, server: EdgeServer, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._refusals = server.refusals
        self._half_since: float | None = None
        self._begun = b""  # how the request that is being read begins
        self._body: StreamReader | None = None  # of the last request, while it is coming
        self._version: HttpVersion = HttpVersion10  # of the last request
        self._last = False  # what the connection closes behind is that request
        self._looks = 0  # at a client that says no more
        self._wire: asyncio.Transport  # aiohttp forgets its own as it begins to close it
        self._waiting = 0  # bytes that the client has not taken, at the last look
        self._took_at = 0.0  # when it last took something, or had nothing to take

    @property
    def busy(self) -> bool:
        return self._current_request is not None or bool(self._messages)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wire = cast(asyncio.Transport, transport)
        self._half_since = self._took_at = self._loop.time()  # a connection that never says anything is half sent too

    def data_received(self, data: bytes) -> None:
        body = self._body
        if data and not self.busy and body is None:
            self._begun = data[:_BEGUN] if self._half_since is None else (self._begun + data[:_BEGUN])[:_BEGUN]
        super().data_received(data)
        if self._messages:
            message, payload = self._messages[-1]
            if body is not None and isinstance(message, _ErrInfo) and not body.is_eof():
                body.set_exception(message.exc or HttpProcessingError())
            self._body = payload
            self._version = HttpVersion10 if isinstance(message, _ErrInfo) else message.version
        if self._body is not None and self._body.is_eof():
            self._body = None
        if self._last and self._body is None:
            self.close()
        if self.busy or body is not None or self._body is not None:  # what comes after a refusal is its body yet
            self._half_since = None
        elif data and self._half_since is None:  # without any, reading only goes on
            self._half_since = self._loop.time()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own has a result, aiohttp's none
        """Whether to keep the connection of a client that says no more, for what it is yet to be told.

        It may have gone altogether, which looks the same: then what it is sent next is answered by a reset. Once its
        answer has begun, and before HTTP/1.1, nothing can be sent to find out: an end is an end.
        """
        if self._looks:
            return True  # reading was paused and went on
        if self._idle or self._answering or self._body is not None or self._version < HttpVersion11:
            return False
        self._look()
        return True

    @property
    def _idle(self) -> bool:
        """Waiting for a request. `busy` is not yet true of one that was taken up, and will be at once."""
        return not self._messages and (self._waiter is not None or not self._request_count)

    @property
    def _answering(self) -> bool:
        return self._current_request is not None and self._current_request.writer.output_size > 0

    def _look(self) -> None:
        """At a client that says no more: whether it is still there, and has been told all.

        Ever more seldom it is sent something, for who stands in between may notice the second time only.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            transport.abort()
            return
        if self._looks and self._idle:
            self.force_close()
            return
        asked = not self._looks or (self._current_request is not None and not self._answering)
        if asked and not self._looks & (self._looks - 1):  # at the first, second, third, fifth, ninth look
            transport.write(GO_ON)
        self._looks += 1
        self._loop.call_later(_LOOK_S, self._look)

    def close_in_order(self) -> None:
        """Close behind the request that is being answered, at once where there is none.

        A body that is still coming is taken first: aiohttp takes no notice of what a closing connection is sent.
        """
        if self._idle:
            self.force_close()
        elif self._body is None:
            self.close()
        else:
            self._last = True

    def close_soon(self) -> None:
        """Close when nothing has been asked for a while: a client that asks again at once loses nothing."""
        self._loop.call_later(_LINGER_S, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self.busy and self.transport is not None:
            self.force_close()

    def check_headers(self, since: float) -> None:
        if self._half_since is None or self._half_since > since or self._current_request is not None:
            return
        self._half_since = None
        if self.transport is not None and not self.transport.is_closing():
            slow = SlowRequest("the request's headers did not arrive in time; send it again")
            status, answer = _raw(slow, self._dialect())
            self.transport.write(answer)
            self._refusals.add(status, Reason.SLOW_HEADERS)
            self.force_close()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._took_at = self._loop.time()

    def check_reader(self, since: float) -> None:
        """Judged only while nothing is added to what waits, so that less of it is progress, and as much is none."""
        before, self._waiting = self._waiting, self._wire.get_write_buffer_size()
        if self._waiting < before or not (self.writing_paused or self._wire.is_closing()):
            self._took_at = self._loop.time()
        elif self._waiting and self._took_at <= since:
            self._wire.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp calls it so
    ) -> web.StreamResponse:
        """What aiohttp could not read as HTTP, or a handler that fell: never its own text."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        error: NorthernError
        reason = Reason.MALFORMED
        if isinstance(exc, LineTooLong) or (isinstance(exc, HttpProcessingError) and "Too many" in exc.message):
            error, reason = HeadersTooLarge(_TOO_LARGE), Reason.HEADERS_TOO_LARGE
        elif isinstance(exc, ContentEncodingError):
            error = InvalidRequest(UNREADABLE_CODING)
        elif status == HTTPStatus.BAD_REQUEST:
            error = InvalidRequest("the request is not valid HTTP")
        else:
            error, reason = Internal(OUR_FAULT), Reason.INTERNAL
        dialect = self._dialect()
        shown = problems.status_of(error, dialect)
        self._refusals.add(shown, reason)
        response = web.Response(
            status=shown,
            body=problems.body_of(error, dialect, ""),
            content_type="application/json",
            headers=problems.headers_of(error),
        )
        response.force_close()
        return response

    def _dialect(self) -> Dialect:
        """Of the path that was asked for, as far as it arrived: what cannot be read as HTTP has no other."""
        found = _PATH.match(self._begun)
        return dialect_of(found[1].decode("latin-1") if found else "")

    def log_exception(self, *_: Any, **__: Any) -> None:
        """The edge logs its own errors; aiohttp's log line would quote the request."""


def close_soon(request: BaseRequest) -> None:
    """After a failed stream the connection closes; not at once, for nothing told the client that it would."""
    connection = request.protocol
    if isinstance(connection, _Connection):
        connection.close_soon()


def _raw(error: NorthernError, dialect: Dialect) -> tuple[int, bytes]:
    """A status and a whole response by hand, for a connection that never got as far as a request."""
    status = problems.status_of(error, dialect)
    body = problems.body_of(error, dialect, "")
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return status, head.encode() + body
