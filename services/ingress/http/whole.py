"""A whole answer written at once, head and body: what most requests end with; and how any other ends."""

import socket
import struct
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time

from aiohttp import HttpVersion11, web
from aiohttp.web_request import BaseRequest

from libs.contracts.head import header_lines
from services.ingress.http.origins import told

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def of_any_length(request: BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """The same, to be written in chunks; before HTTP/1.1 its end is the connection's."""
    if request.version < HttpVersion11:
        response.force_close()
    return response


def cut(request: BaseRequest) -> None:
    """Ends the connection so that nobody takes what came for the whole; before HTTP/1.1 a reset alone says so."""
    transport = request.transport
    if transport is None:
        return
    if request.version < HttpVersion11:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


class _Written(web.StreamResponse):
    """An answer that has left by the time aiohttp hears of it; the connection is kept."""

    async def prepare(self, request: BaseRequest) -> None:
        """Nothing: it was."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: it was."""

    @property
    def keep_alive(self) -> bool:
        return True


async def write_whole(request: BaseRequest, status: int, headers: Mapping[str, str], body: bytes) -> web.StreamResponse:
    """JSON with these headers. Waits for a reader only where it is more than the socket takes."""
    if request.version != HttpVersion11 or not request.keep_alive:  # aiohttp knows what such clients are told
        response = web.Response(status=status, body=body, content_type="application/json", headers=headers)
        await response.prepare(request)
        await response.write_eof()
        return response
    head = (
        f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n{header_lines(headers)}{header_lines(told(request))}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Date: {_date(int(time()))}\r\n\r\n"
    )
    await request.writer.write(head.encode() + body)
    return _Written(status=status)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
