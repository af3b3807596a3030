"""Talks to the public port as clients do: well-formed over one connection, and byte for byte where HTTP is broken."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from tests.support.street import Street


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, read to its end. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error in OpenAI's dialect: its four members and no other."""
        assert set(self.json) == {"error"}, self.body
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}, self.body
        assert error["message"]
        return error


class Edge:
    """One connection's worth of requests: what breaks the connection is noticed by the next one."""

    def __init__(self, street: Street, session: aiohttp.ClientSession) -> None:
        self._street, self._session = street, session

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Any = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """`body` bytes go as they are, anything else as JSON; `key` None: the first account's, "": none."""
        sent = dict(headers or {})
        if key != "":
            sent.setdefault("Authorization", f"Bearer {key or self._street.api_key}")
        data = None if body is None else io.BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self._session.request(
            method, self._street.base_url + path, data=data, headers=sent, allow_redirects=False
        ) as answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(status=answer.status, headers=found, body=await answer.read())

    async def chat(self, body: bytes | Any, *, base: str = "/v1", **more: Any) -> Reply:
        return await self.send("POST", f"{base}/chat/completions", body=body, **more)

    async def custody(self, request_id: str) -> Any:
        """A record of this account, once it is sealed."""
        for _ in range(50):
            reply = await self.send("GET", f"/api/usage/custody/{request_id}")
            assert reply.status == 200, reply.body
            if reply.json["status"] == "sealed":
                return reply.json
            await asyncio.sleep(0.1)
        raise AssertionError(f"not sealed: {reply.body!r}")


@asynccontextmanager
async def edge_of(street: Street) -> AsyncIterator[Edge]:
    connector = aiohttp.TCPConnector(limit=1)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Edge(street, session)


async def raw(
    street: Street, *pieces: bytes, pause_s: float = 0.0, deadline_s: float = 15.0, once: bool = False
) -> bytes:
    """Everything the edge says to these bytes until it closes the connection, or has answered `once`.

    TimeoutError where it does neither.
    """
    place = urlsplit(street.base_url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    answer = bytearray()

    async def listen() -> None:
        while (piece := await reader.read(1 << 16)) and not (once and _complete(bytes(answer) + piece)):
            answer.extend(piece)
        answer.extend(piece)

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(deadline_s):
            for piece in pieces:
                if listening.done():
                    break
                writer.write(piece)
                await asyncio.wait([listening], timeout=pause_s)
            await listening
    except ConnectionError:
        pass  # closed with some of ours unread: what was said before counts
    finally:
        listening.cancel()
        writer.close()
    return bytes(answer)


def _complete(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return length is not None and len(body) >= int(length[1])


def status_of(answer: bytes) -> int:
    """The status of a raw answer; 0: nothing was answered."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
