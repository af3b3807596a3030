"""A provider of flesh and TCP: a scripted server that notes when it received what, byte for byte."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-mini-2025-04-14",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


@dataclass
class Call:
    """One request as it arrived, and the wire to answer on. `gone` is set when the caller has hung up."""

    head: bytes
    body: bytes
    at: float
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hangs_up(self) -> None:
        """Until the caller closes the connection."""
        while await self.reader.read(1 << 16):
            pass
        self.gone.set()

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def path(call: Call) -> str:
    """The target of the request, query and all."""
    return call.head.split(b" ")[1].decode()


Plan = Callable[[Call], Awaitable[None]]


@dataclass
class Upstream:
    """Answers each request as `plan` says; every request stands in `calls` before anything is answered."""

    plan: Plan
    url: str = ""
    connections: int = 0
    calls: list[Call] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            call = Call(head, await reader.readexactly(length), time.monotonic(), reader, writer)
            self.calls.append(call)
            await self.plan(call)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(plan: Plan) -> AsyncIterator[Upstream]:
    upstream = Upstream(plan)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(upstream.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def response(body: bytes, status: int = 200, *more: str) -> bytes:
    """A whole HTTP response."""
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: application/json", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def stream_head(*more: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", *more]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def piece(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\n\r\n"


def event(content: str | None = None, *, finish: str | None = None, usage: bool = False) -> bytes:
    """One chunk of an OpenAI stream."""
    delta = {"role": "assistant"} if content is None else {"content": content}
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [] if usage else [{"index": 0, "delta": {} if finish else delta, "finish_reason": finish}],
    }
    if usage:
        chunk["usage"] = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


DONE = b"data: [DONE]\n\n"


async def whole(call: Call) -> None:
    await call.write(response(orjson.dumps(ANSWER), 200, "x-request-id: req-7"))


async def three_words(call: Call) -> None:
    await call.write(stream_head("x-request-id: req-7"))
    for data in (event(), event("one "), event("two "), event("three"), event(finish="stop"), event(usage=True), DONE):
        await call.write(piece(data))
    await call.write(END)


def refusing(status: int, message: str = "no", *more: str, **fields: object) -> Plan:
    body = orjson.dumps({"error": {"message": message, "type": "t", "param": None, "code": None, **fields}})

    async def plan(call: Call) -> None:
        await call.write(response(body, status, *more))

    return plan
