"""From frames to the client: one whole answer or a stream, every byte counted and hashed on its way out."""

import asyncio
import hmac
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.bus.inflow import Inflow
from libs.contracts.errors import NorthernError, RequestTooLarge
from libs.contracts.failures import from_failure
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.envelope_pb2 import DIALECT_ANTHROPIC_MESSAGES, DIALECT_OPENAI_CHAT, Dialect
from libs.contracts.northern.v1.facts_pb2 import DELIVERY_COMPLETE, DELIVERY_CUT, Delivered, Delivery
from libs.contracts.northern.v1.frames_pb2 import End, Failure, Frame, Head, RouteFacts
from services.ingress import headers, problems
from services.ingress.http.server import close_soon
from services.ingress.http.whole import of_any_length, write_whole
from services.ingress.inference.promises import Promises
from services.ingress.names.speech import Voice
from services.ingress.routing.telling import routing_event

_MAX_WHOLE = 64 << 20  # a non-streamed answer is held until it is whole, so that a failure can still be a status
_SMALL = 16 << 10  # while nothing waits to be sent, nobody waits for a reader of so little
KEEP_ALIVE = b": keep-alive\n\n"
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
_OF_STREAMS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
_NONE: Mapping[str, str] = MappingProxyType({})
_EVENT_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")


@dataclass(kw_only=True, slots=True)
class Sent:
    """What became of one answer: the material of Delivered and of the log line."""

    salt: bytes
    request_hash: bytes = b""  # none before the body was read
    began: float = field(default_factory=time.perf_counter)
    status: int = 0
    size: int = 0
    chunks: int = 0
    output_bytes: int = 0
    first_byte_ms: int = 0
    overhead_ms: float = 0.0
    delivery: Delivery = DELIVERY_CUT
    route: RouteFacts | None = None  # until the answer has begun
    route_id: str = ""
    end: End | None = None
    error: NorthernError | None = None
    model: str = ""
    estimated: bool = False  # by ourselves, with nobody dialled
    limits: Mapping[str, str] = field(default_factory=dict)  # of the key, as the ledger stated them
    dispatched: bool = False
    voice: Voice | None = None  # how the gateway may answer by itself, where it may
    attempts: int = 0  # calls to providers of a request that failed
    refused: bool = False  # by the street itself: no worker ran, none will

    _hash: hmac.HMAC = field(init=False)

    def __post_init__(self) -> None:
        self._hash = hmac.new(self.salt, digestmod="sha256")

    @property
    def may_run(self) -> bool:
        """Whether a worker had this request, or may have it yet."""
        return self.dispatched and not self.refused

    @property
    def on_record(self) -> bool:
        """Whether Delivered has something to belong to."""
        return not self.estimated and (self.may_run or self.route is not None)

    def heard(self, head: Head) -> None:
        """What the answer's head says."""
        self.estimated = head.estimated and not head.attempts
        self.limits = head.limits
        if head.HasField("route"):
            self.route, self.route_id = head.route, head.route.route_id
        self.overhead_ms = max(0.0, (time.perf_counter() - self.began) * 1000 - head.provider_us / 1000)

    def refused_by(self, failure: Failure) -> None:
        """What is said in place of a head."""
        if failure.HasField("route"):
            self.route, self.route_id = failure.route, failure.route.route_id
        self.limits, self.attempts = failure.limits, failure.attempts
        self.refused = self.route is None and not failure.attempts

    def begun(self) -> None:
        """The head has left. An answer may take an hour: what was for its head alone is not kept meanwhile."""
        self.route, self.limits, self.voice = None, _NONE, None
        self.salt = self.request_hash = b""

    def wrote(self, data: bytes) -> None:
        if not self.chunks:
            self.first_byte_ms = self.elapsed_ms()
        self._hash.update(data)
        self.size += len(data)
        self.chunks += 1

    def elapsed_ms(self) -> int:
        return round((time.perf_counter() - self.began) * 1000)

    def state(self, delivered: Delivered) -> None:
        """Write it down, all but by whom."""
        delivered.delivery, delivered.status = self.delivery, self.status
        delivered.size, delivered.chunks, delivered.hash = self.size, self.chunks, self._hash.digest()
        delivered.output_bytes = self.output_bytes
        delivered.first_byte_ms, delivered.total_ms = self.first_byte_ms, self.elapsed_ms()


class Relay:
    """Answers one request from its inflow. What goes wrong before the first byte is raised; after it, it ends the
    stream with an error event.
    """

    __slots__ = (
        "_begun",
        "_dialect",
        "_id",
        "_inflow",
        "_promises",
        "_request",
        "_sent",
        "_whole_events",
        "_write_idle_s",
    )

    def __init__(
        self,
        request: BaseRequest,
        inflow: Inflow,
        dialect: Dialect,
        request_id: str,
        sent: Sent,
        promises: Promises,
        write_idle_s: float,
    ) -> None:
        self._request, self._inflow, self._dialect = request, inflow, dialect
        self._id, self._sent, self._write_idle_s = request_id, sent, write_idle_s
        self._promises = promises
        self._begun, self._whole_events = False, True  # what was written so far ends with an event's end

    def answer(self, first: Frame) -> Coroutine[None, None, web.StreamResponse]:
        """The response, written. Raises NorthernError while nothing has been written."""
        self._sent.heard(first.head)
        return self._stream(first) if first.head.stream else self._whole(first)

    async def first(self) -> Frame:
        """The frame with which an answer begins. Raises NorthernError where there is none."""
        while True:
            frame = await self._inflow.next()
            if frame.HasField("failure"):
                self._sent.refused_by(frame.failure)
                raise from_failure(frame.failure)
            if frame.HasField("head"):
                return frame

    async def _whole(self, frame: Frame) -> web.StreamResponse:
        head = frame.head
        parts: list[bytes] = []
        size = 0
        while True:
            if data := frame.data:
                parts.append(data)
                size += len(data)
                self._sent.output_bytes = frame.output_bytes
                await self._inflow.consumed(len(data))
            if size > _MAX_WHOLE:
                raise RequestTooLarge("the answer is larger than 64 MiB; ask for it as a stream")
            if frame.HasField("failure"):
                raise from_failure(frame.failure)
            if frame.HasField("end"):
                break
            frame = await self._inflow.next()
        self._sent.end = frame.end
        body = b"".join(parts)
        self._sent.status = head.status
        writing = write_whole(self._request, head.status, self._headers(head, frame.end), body)
        if len(body) <= _SMALL:
            response = await writing
        else:
            async with asyncio.timeout(self._write_idle_s):
                response = await writing
        self._sent.wrote(body)
        self._sent.delivery = DELIVERY_COMPLETE
        return response

    async def _stream(self, frame: Frame) -> web.StreamResponse:
        response = await self._prepared(frame.head)
        try:
            if frame.head.HasField("decision") and self._dialect == DIALECT_OPENAI_CHAT:
                await self._write(response, routing_event(frame.head.decision))
            while True:
                await self._forward(response, frame)
                if frame.HasField("failure"):
                    raise from_failure(frame.failure)
                if frame.HasField("end"):
                    break
                del frame  # while the answer is silent, nothing that it said is kept
                frame = await self._inflow.next()
        except NorthernError as error:
            self._sent.error = error
            await self._inflow.cancel()  # a gap or a silence is known here alone
            event = problems.event_of(error, self._dialect, self._id)
            await self._write(response, event if self._whole_events else b"\n\n" + event)
            await self._write_eof(response)
            close_soon(self._request)
            return response
        self._sent.end = frame.end
        await self._write_eof(response)
        self._sent.delivery = DELIVERY_COMPLETE
        return response

    async def _prepared(self, head: Head) -> web.StreamResponse:
        """A stream whose head has left."""
        found = self._headers(head, None) | _OF_STREAMS
        response = of_any_length(self._request, web.StreamResponse(status=head.status, headers=found))
        self._sent.status = head.status
        await response.prepare(self._request)
        response.headers.clear()  # they are a fifth of all that is kept of a stream
        if (connection := self._request.protocol) is not None:
            connection.keep_alive(True)  # its timer of a connection on which nothing runs is begun anew at the end
        self._sent.begun()
        return response

    async def _forward(self, response: web.StreamResponse, frame: Frame) -> None:
        if frame.beat:
            if self._whole_events:  # in the middle of a large event it would tear that apart
                await self._write(response, self._keep_alive())
        elif data := frame.data:
            await self._write(response, data)
            self._begun, self._whole_events = True, data.endswith(_EVENT_ENDS)
            self._sent.output_bytes = frame.output_bytes
            await self._inflow.consumed(len(data))

    def _keep_alive(self) -> bytes:
        """Anthropic's own ping, but never before its first event; a comment is nothing to any client."""
        anthropic = self._dialect == DIALECT_ANTHROPIC_MESSAGES
        return PING if anthropic and self._begun else KEEP_ALIVE

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        transport = self._request.transport
        if len(data) <= _SMALL and transport is not None and not transport.get_write_buffer_size():
            await response.write(data)
        else:
            async with asyncio.timeout(self._write_idle_s):
                await response.write(data)
        self._sent.wrote(data)

    async def _write_eof(self, response: web.StreamResponse) -> None:
        async with asyncio.timeout(self._write_idle_s):
            await response.write_eof()

    def _headers(self, head: Head, end: End | None) -> dict[str, str]:
        found = headers.identity(self._id)
        if head.HasField("route"):
            found |= headers.custody(head.route)
            found |= self._promises.headers(self._id, self._sent.request_hash)
        found |= headers.outcome(head, self._sent.overhead_ms)
        if self._sent.limits:
            found |= headers.limits(self._sent.limits, self._dialect, time.time())
        if end is not None and end.billed_currency:
            found["x-ni-cost"] = f"{decimal_text(end.billed_nano)} {end.billed_currency}"
        return found
