"""Puts answers on the socket as a directive says: in bursts, with pauses, cut off, stalled, broken."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from services.sandbox.journal import Entry, Outcome
from services.sandbox.orders.directives import Directive
from services.sandbox.wire import Reply, Script

SANDBOX = {"x-ni-sandbox": "true"}  # on every response, so that nobody takes it for a provider's


async def send(request: web.BaseRequest, entry: Entry, reply: Reply, headers: Mapping[str, str]) -> web.Response:
    """A whole answer, written to its last byte."""
    response = web.Response(
        body=reply.body,
        status=reply.status,
        headers={"content-type": reply.content_type, **SANDBOX, **headers, **reply.headers},
    )
    entry.status = reply.status
    await response.prepare(request)
    await response.write_eof()
    return response


async def send_half(
    request: web.BaseRequest, entry: Entry, reply: Reply, headers: Mapping[str, str], directive: Directive
) -> tuple[web.StreamResponse, Outcome]:
    """Headers that promise the whole and half of it; then the connection is cut, or nothing more comes."""
    response = await _send_part(request, entry, reply, headers, len(reply.body) // 2)
    return response, await _leave(request, directive)


async def send_until(
    request: web.BaseRequest, entry: Entry, reply: Reply, headers: Mapping[str, str], cut_byte: int | None
) -> tuple[web.StreamResponse, Outcome]:
    """A whole answer, or as many of its bytes as a directive leaves; then the connection is cut."""
    if cut_byte is None or cut_byte >= len(reply.body):
        return await send(request, entry, reply, headers), Outcome.ANSWERED
    return await _send_part(request, entry, reply, headers, cut_byte), cut(request)


async def _send_part(
    request: web.BaseRequest, entry: Entry, reply: Reply, headers: Mapping[str, str], size: int
) -> web.StreamResponse:
    promised = {"content-type": reply.content_type, "content-length": str(len(reply.body))}
    response = web.StreamResponse(status=reply.status, headers={**promised, **SANDBOX, **headers, **reply.headers})
    entry.status = reply.status
    await response.prepare(request)
    await response.write(reply.body[:size])
    return response


class _CutAtByteError(Exception):
    """As many bytes as a directive leaves have been written."""


@dataclass(kw_only=True)
class _Pen:
    """Writes a stream's body, up to the byte at which a directive cuts it. `left` None: to its end."""

    response: web.StreamResponse
    left: int | None

    async def write(self, data: bytes) -> None:
        if self.left is None:
            await self.response.write(data)
            return
        await self.response.write(data[: self.left])
        self.left -= len(data)
        if self.left <= 0:
            raise _CutAtByteError

    async def end(self, data: bytes = b"") -> None:
        await self.write(data)
        await self.response.write_eof()


async def stream(
    request: web.BaseRequest,
    entry: Entry,
    script: Script,
    headers: Mapping[str, str],
    directive: Directive,
    latency_ms: int,
) -> tuple[web.StreamResponse, Outcome]:
    """A streamed answer; the entry counts the content chunks as they are written."""
    response = web.StreamResponse(
        headers={"content-type": script.content_type, "cache-control": "no-cache", **SANDBOX, **headers}
    )
    response.enable_chunked_encoding()
    entry.status = 200
    await response.prepare(request)
    try:
        ended = await _write(_Pen(response=response, left=directive.cut_byte), entry, script, directive, latency_ms)
    except _CutAtByteError:
        return response, cut(request)
    return response, Outcome.ANSWERED if ended else await _leave(request, directive)


async def _write(pen: _Pen, entry: Entry, script: Script, directive: Directive, latency_ms: int) -> bool:
    """True: the stream has its end, be it an error's; False: a directive leaves it without one."""
    if directive.garbage:
        await pen.end(script.garbage)
        return True
    await pen.write(script.opening)
    if directive.first_ms:
        await asyncio.sleep(directive.first_ms / 1000)
    if await _write_events(pen, entry, script, directive):
        await pen.end(script.tail(latency_ms))
        return True
    if directive.error_after == directive.stop_at:
        await pen.end(script.error(directive.error))
        return True
    return False


async def _write_events(pen: _Pen, entry: Entry, script: Script, directive: Directive) -> bool:
    """Write content until it ends (True) or the directive stops it (False)."""
    stop_at, burst, pause_s = directive.stop_at, directive.burst, directive.chunk_ms / 1000
    held = [script.head]
    count = 0
    for event in script.events:
        if count == stop_at:
            break
        if pause_s and count and count % burst == 0:
            await asyncio.sleep(pause_s)
        held.append(event)
        count += 1
        if count % burst == 0:
            await pen.write(b"".join(held))
            entry.chunks_sent = count
            held.clear()
    else:
        await pen.write(b"".join(held))
        entry.chunks_sent = count
        return True
    if count or directive.cut_after != 0:
        await pen.write(b"".join(held))
    entry.chunks_sent = count
    return False


async def _leave(request: web.BaseRequest, directive: Directive) -> Outcome:
    if directive.cut_after is not None and directive.cut_after == directive.stop_at:
        return cut(request)
    return await hang()


def cut(request: web.BaseRequest) -> Outcome:
    """Close the connection: what was written still goes out, the end of the answer does not."""
    if request.transport is not None:
        request.transport.close()
    return Outcome.CUT


async def hang() -> Outcome:
    """Nothing more, for ever: the client's leaving cancels this."""
    await asyncio.Event().wait()
    raise AssertionError
