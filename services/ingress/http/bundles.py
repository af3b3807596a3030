"""Bundles of files on their way out as one tar, written as they come, nothing kept (POSIX.1-1988 `ustar`)."""

import asyncio
import tarfile
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.contracts.errors import NorthernError
from services.ingress.http.whole import cut, of_any_length

_BLOCK: Final = 512
_END: Final = b"\0" * (2 * _BLOCK)
_WRITE_IDLE_S: Final = 60.0


def member(name: str, data: bytes, at: int) -> bytes:
    """A file of a tar, as it stands there. `at`: Unix seconds."""
    head = tarfile.TarInfo(name)
    head.size, head.mtime, head.mode = len(data), at, 0o600
    return head.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % _BLOCK)


async def sent(request: BaseRequest, pieces: AsyncIterator[bytes], name: str, first: bytes) -> web.StreamResponse:
    """One that breaks off is cut in the middle of the transfer: no client takes it for a whole one."""
    response = of_any_length(request, web.StreamResponse(headers={"Cache-Control": "no-store"}))
    response.content_type = "application/x-tar"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    await response.prepare(request)
    try:
        await _write(response, first)
        async for piece in pieces:
            await _write(response, piece)
        await _write(response, _END)
    except (NorthernError, TimeoutError, ConnectionError):
        response.force_close()
        cut(request)
        return response
    await response.write_eof()
    return response


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(_WRITE_IDLE_S):
        await response.write(piece)
