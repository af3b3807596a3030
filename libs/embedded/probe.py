"""One small HTTP GET on loopback, without a client library: the supervisor must stay small."""

import asyncio
from urllib.parse import urlsplit

OK = 200


async def get(url: str, *, bearer: str = "", timeout_s: float = 2.0) -> tuple[int, bytes]:
    """Status and body; (0, b"") when nobody answers in time. Bodies are read to the end of the connection."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _get(url, bearer)
    except (OSError, ValueError, IndexError):
        return 0, b""


async def until_ready(url: str, every_s: float = 0.1) -> None:
    """Ask until the answer is 200."""
    while True:
        if (await get(url))[0] == OK:
            return
        await asyncio.sleep(every_s)


async def _get(url: str, bearer: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        key = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
        # HTTP/1.0: the server closes, and does not chunk.
        writer.write(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n{key}\r\n".encode())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body
    finally:
        writer.close()
