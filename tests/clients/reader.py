"""A stream read without a library in between: when to read, how much to buffer, when to stop is the test's choice."""

import asyncio
import re
import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import orjson

from tests.clients.asking import user
from tests.support.street import Street

_PIECE = 16 << 10
_WORD = re.compile(r"w(\d+)")


@dataclass(kw_only=True)
class Reader:
    """One streamed chat on a connection of its own. `rcvbuf` bounds what the kernel takes in for us."""

    street: Street
    model: str
    text: str
    rcvbuf: int = 0
    received: bytearray = field(default_factory=bytearray)

    async def __aenter__(self) -> Self:
        place = urlsplit(self.street.base_url)
        assert place.hostname is not None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        if self.rcvbuf:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.rcvbuf)
        self._loop = asyncio.get_running_loop()
        await self._loop.sock_connect(self._socket, (place.hostname, place.port))
        await self._loop.sock_sendall(self._socket, request(self.street, self.model, self.text))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.hang_up()

    async def read_until(self, found: bytes) -> None:
        """AssertionError where the connection ends before."""
        seen = 0
        while self.received.find(found, seen) < 0:
            seen = max(0, len(self.received) - len(found))
            assert await self.read_some(), f"the answer ended: {bytes(self.received[-300:])!r}"

    async def read_to_end(self) -> None:
        """Until the last chunk of HTTP's own, or the connection's end."""
        while not self.received.endswith(b"\r\n0\r\n\r\n") and await self.read_some():
            pass

    async def read_some(self) -> bool:
        piece = await self._loop.sock_recv(self._socket, _PIECE)
        self.received += piece
        return bool(piece)

    def hang_up(self) -> None:
        self._socket.close()

    @property
    def request_id(self) -> str:
        found = re.search(rb"\r\nx-ni-request-id: ([0-9a-f]{16})\r\n", self.received)
        assert found is not None
        return found[1].decode()

    @property
    def body(self) -> bytes:
        """The body without HTTP's chunks around it."""
        return unchunked(bytes(self.received))


def request(street: Street, model: str, text: str) -> bytes:
    """A streamed chat as bytes."""
    body = orjson.dumps({"model": model, "stream": True, "messages": user(text)})
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: street\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {street.api_key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def unchunked(answer: bytes) -> bytes:
    """The body of a whole answer, RFC 9112 §7.1; AssertionError where the last chunk is missing."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer[:300]
    parts: list[bytes] = []
    while True:
        size, found, rest = rest.partition(b"\r\n")
        assert found, "the last chunk is missing"
        length = int(size, 16)
        if not length:
            return b"".join(parts)
        parts.append(rest[:length])
        rest = rest[length + 2 :]


def assert_whole(body: bytes, words: int) -> None:
    """Every numbered word once and in order, a finish reason, and the end that only a whole stream has."""
    events = [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    choices = [choice for event in events[:-1] for choice in orjson.loads(event)["choices"]]
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert [int(word) for word in _WORD.findall(said)] == list(range(words))
    assert choices[-1]["finish_reason"] == "stop"
