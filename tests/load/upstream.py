"""The upstream of the bench: OpenAI's wire format from fixed bytes, cheap enough not to be what is measured.

The request's text says how to answer: `bench:whole`, `bench:burst`, `bench:steady`, `bench:idle`.
"""

import asyncio
import re
import sys
from typing import cast

import orjson
import uvloop

CHUNKS = 100
CHUNK_BYTES = 150
BURST = 10
BURST_EVERY_S = 0.005  # so that bursts reach the reader one by one, not glued together by the kernel
STEADY_EVERY_S = 0.02

_MODE = re.compile(rb"bench:(\w+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ABOUT = {"id": "c-1", "model": "gpt-4.1-mini"}
_USAGE = {"prompt_tokens": 40, "completion_tokens": CHUNKS, "total_tokens": 40 + CHUNKS}
_LAST = b"0\r\n\r\n"


def whole() -> bytes:
    """A complete answer that is not streamed, with its HTTP head."""
    message = {"role": "assistant", "content": "Hello there, how can I help you today? " * 4}
    body = orjson.dumps(
        {
            **_ABOUT,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": _USAGE,
        }
    )
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _sse({**_ABOUT, "object": "chat.completion.chunk", "choices": [choice]})


def content() -> bytes:
    """One content event of exactly CHUNK_BYTES."""
    return event({"content": "x" * (CHUNK_BYTES - len(event({"content": ""})))})


def ending() -> bytes:
    """Finish reason, usage and `[DONE]`."""
    usage = _sse({**_ABOUT, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
    return event({}, "stop") + usage + b"data: [DONE]\n\n"


def _sse(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_WHOLE = whole()
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_ONE = _framed(content())
_TEN = _framed(content() * BURST)
_END = _framed(ending()) + _LAST


class Upstream(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heard = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from asyncio's

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head = self._heard.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._heard, 0, head)
        if length is None or len(self._heard) < head + 4 + int(length[1]):
            return
        mode = _MODE.search(self._heard, head)
        self._heard = b""
        self._answer(mode[1] if mode else b"whole")

    def _answer(self, mode: bytes) -> None:
        match mode:
            case b"burst":
                self._write(_HEAD)
                self._pace(_TEN, CHUNKS // BURST, BURST_EVERY_S)
            case b"steady":
                self._write(_HEAD)
                self._pace(_ONE, CHUNKS, STEADY_EVERY_S)
            case b"idle":
                self._write(_HEAD + _ONE)
            case _:
                self._write(_WHOLE)

    def _pace(self, piece: bytes, left: int, every_s: float, at: float = 0.0) -> None:
        self._write(piece)
        if left == 1:
            self._write(_END)
            return
        at = (at or self._loop.time()) + every_s
        self._loop.call_at(at, self._pace, piece, left - 1, every_s, at)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def serve(port: int) -> None:
    """Until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(loop), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
