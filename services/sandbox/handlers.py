"""Takes each request through the log, the provider's checks and the answer; says in the log how it ended."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson
from aiohttp import web

from services.sandbox.delivery import cut, hang, send, send_half, send_until, stream
from services.sandbox.domain import Answer, Ask, Cached, answer
from services.sandbox.journal import Entry, Journal, Outcome
from services.sandbox.model.examples import UnfillableSchemaError
from services.sandbox.model.prompt_cache import PromptCache
from services.sandbox.orders.directives import Directive
from services.sandbox.orders.faults import Faults
from services.sandbox.routes import Place, Routes
from services.sandbox.wire import Received, Refusal, Reply, Wire

BODY_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """`new_id` gives 24 hex digits, never twice; `monotonic` seconds."""

    journal: Journal
    faults: Faults
    routes: Routes
    cache: PromptCache
    new_id: Callable[[], str]
    monotonic: Callable[[], float]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request. It is in the log before its body is read."""
        entry = self.journal.begin(request.method, request.raw_path, request.raw_headers)
        try:
            response, outcome = await self._serve(request, entry)
        except (asyncio.CancelledError, ConnectionError):
            self.journal.end(entry, Outcome.CLIENT_GONE)
            raise
        except Exception:  # our own fault, or a body that is no HTTP: aiohttp answers it
            self.journal.end(entry, Outcome.ANSWERED)
            raise
        self.journal.end(entry, outcome)
        return response

    async def _serve(self, request: web.BaseRequest, entry: Entry) -> tuple[web.StreamResponse, Outcome]:
        began = self.monotonic()
        body = await self._body(request, entry)
        received = Received(method=request.method, path=request.raw_path, headers=request.headers, body=body)
        place = self.routes.at(request.raw_path.partition("?")[0])
        if place is None:
            return await send(request, entry, _NOT_HERE, {}), Outcome.ANSWERED
        reply_id = self.new_id()
        try:
            ask = _ask(place, received)
            entry.model, entry.stream = ask.model, ask.stream
            directive = self._directive(ask, entry.path)
            cached = Cached() if directive.status or directive.hang else self.cache.use(ask.prefixes)
            said = _said(replace(ask, directive=directive), cached)
        except Refusal as refusal:
            return await self._refuse(request, entry, place.wire, refusal, reply_id)
        if directive.hang:
            return web.Response(), await hang()
        if directive.latency_ms:
            await asyncio.sleep(directive.latency_ms / 1000)
        if directive.status is not None:
            message = f"The sandbox was asked to answer {directive.status}."
            ordered = Refusal(directive.status, message, retry_after=directive.retry_after)
            return await self._refuse(request, entry, place.wire, ordered, reply_id, directive)
        latency_ms = round((self.monotonic() - began) * 1000)
        headers = place.wire.headers(reply_id, latency_ms)
        if place.models is not None:
            return await send(request, entry, place.models, headers), Outcome.ANSWERED
        if ask.stream:
            script = place.wire.script(ask, said, reply_id)
            return await stream(request, entry, script, headers, directive, latency_ms)
        return await _whole(request, entry, place.wire.whole(ask, said, reply_id, latency_ms), headers, directive)

    async def _body(self, request: web.BaseRequest, entry: Entry) -> bytes:
        """The body, as far as it came; the log has it either way."""
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        parts: list[bytes] = []
        size = 0
        try:
            async for part in request.content.iter_any():
                size += len(part)
                if (
                    size - len(part) <= BODY_BYTES
                ):  # beyond it the rest is read and dropped, so that the refusal arrives
                    parts.append(part)
        finally:
            body = b"".join(parts)
            self.journal.received(entry, body)
        return body

    def _directive(self, ask: Ask, path: str) -> Directive:
        fault = self.faults.take(path, ask.model)
        return ask.directive if fault is None else ask.directive.under(fault)

    async def _refuse(
        self,
        request: web.BaseRequest,
        entry: Entry,
        wire: Wire,
        refusal: Refusal,
        reply_id: str,
        directive: Directive | None = None,
    ) -> tuple[web.StreamResponse, Outcome]:
        headers: Mapping[str, str] = wire.headers(reply_id, 0)
        reply = wire.refuse(refusal, reply_id)
        if directive is None:
            return await send(request, entry, reply, headers), Outcome.ANSWERED
        if directive.retry_after is not None:
            headers = {**headers, "retry-after": str(directive.retry_after)}
        return await send_until(request, entry, reply, headers, directive.cut_byte)


def _ask(place: Place, received: Received) -> Ask:
    """What is asked, if the provider would answer it; raises Refusal."""
    place.wire.admit(received)
    if received.method != ("GET" if place.models is not None else "POST"):
        raise Refusal(405, f"Not allowed to {received.method} on this path.")
    if len(received.body) > BODY_BYTES:
        raise Refusal(413, "The request body is too large.")
    return Ask(model="") if place.models is not None else place.wire.read(received)


def _said(ask: Ask, cached: Cached) -> Answer:
    try:
        return answer(ask, cached)
    except UnfillableSchemaError as error:
        raise Refusal(400, f"Invalid schema: {error}.", code="invalid_function_parameters") from None


async def _whole(
    request: web.BaseRequest, entry: Entry, reply: Reply, headers: Mapping[str, str], directive: Directive
) -> tuple[web.StreamResponse, Outcome]:
    if directive.garbage:
        return await send(request, entry, replace(reply, body=b'{"id": "\xff\xfe\xfa'), headers), Outcome.ANSWERED
    if directive.first_ms:
        await asyncio.sleep(directive.first_ms / 1000)
    if directive.cut_after == 0:
        return web.Response(), cut(request)
    if directive.cut_after is not None or directive.stall_after is not None:
        return await send_half(request, entry, reply, headers, directive)
    return await send_until(request, entry, reply, headers, directive.cut_byte)


_NOT_HERE = Reply(
    status=404,
    body=orjson.dumps({"error": {"message": "The sandbox serves nothing at this path.", "type": "not_found"}}),
)
