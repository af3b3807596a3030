"""Bodies: read with a bound and a time limit, small ones of everything that is no inference, and whole large ones."""

import asyncio
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_request import BaseRequest

from libs.contracts.errors import InvalidRequest, RequestTooLarge, SlowRequest
from libs.contracts.large import joined

MOST: Final = 64 << 10
UNREADABLE_CODING: Final = "the body is packed in a way that is not read here; send it plain, or as gzip or deflate"
_IDLE_S: Final = 30.0
_CODINGS: Final = frozenset({"identity", "gzip", "deflate", "zstd"})  # what aiohttp unpacks, where it can at all
GO_ON: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


async def small_body(request: BaseRequest) -> bytes:
    """The whole body, at most 64 KiB after unpacking. Raises RequestTooLarge, SlowRequest, InvalidRequest."""
    return await _read(
        request, MOST, _IDLE_S, f"the body is larger than {MOST >> 10} KiB, and nothing here needs so much"
    )


async def whole_body(request: BaseRequest, most: int, idle_s: float) -> bytes:
    """The whole body, at most so many bytes after unpacking, of a request for a model. Raises the same."""
    return await _read(request, most, idle_s, f"the body is larger than {most >> 20} MiB; send a smaller one")


async def _go_on(request: BaseRequest) -> None:
    """Clients that ask before they send a large body (curl, .NET, PHP) wait a second or longer for this."""
    waits = request.headers["Expect"].strip().lower() == "100-continue" and not request.content.total_bytes
    if waits and request.version == HttpVersion11 and not request.content.is_eof():
        await request.writer.write(GO_ON)
        request.writer.output_size = 0  # nothing of the answer


async def _read(request: BaseRequest, most: int, idle_s: float, too_large: str) -> bytes:
    coding = request.headers.get("Content-Encoding")
    if coding is not None and coding.strip().lower() not in _CODINGS:
        raise InvalidRequest(UNREADABLE_CODING)
    if (request.content_length or 0) > most:
        raise RequestTooLarge(too_large)
    content = request.content
    parts: list[bytes] = []
    size = 0
    try:
        if "Expect" in request.headers:
            await _go_on(request)
        while not content.at_eof():
            if content.is_eof():
                part = content.read_nowait()
            else:
                async with asyncio.timeout(idle_s):
                    part = await content.readany()
            parts.append(part)
            size += len(part)
            if size > most:
                raise RequestTooLarge(too_large)
    except TimeoutError:
        raise SlowRequest("the body stopped coming; send it again") from None
    except (web.RequestPayloadError, HttpProcessingError) as error:
        raise InvalidRequest("the body cannot be read as it is encoded") from error
    return parts[0] if len(parts) == 1 else await joined(parts)
