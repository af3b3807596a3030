"""Small bodies, of everything that is no inference: read with a bound and a time limit."""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_request import BaseRequest

from libs.contracts.errors import InvalidRequest, RequestTooLarge, SlowRequest

MOST: Final = 64 << 10
_IDLE_S: Final = 30.0


async def small_body(request: BaseRequest) -> bytes:
    """The whole body, at most 64 KiB after unpacking. Raises RequestTooLarge, SlowRequest, InvalidRequest."""
    content = request.content
    found = bytearray()
    try:
        while not content.at_eof():
            async with asyncio.timeout(_IDLE_S):
                found += await content.readany()
            if len(found) > MOST:
                raise RequestTooLarge(f"the body is larger than {MOST >> 10} KiB, and nothing here needs so much")
    except TimeoutError:
        raise SlowRequest("the body stopped coming; send it again") from None
    except (web.RequestPayloadError, HttpProcessingError) as error:
        raise InvalidRequest("the body cannot be read as it is encoded") from error
    return bytes(found)
