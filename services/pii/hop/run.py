"""One request on its way through: masked, handed on, its answer restored; or refused, and then nothing leaves."""

import asyncio
import time
from collections.abc import Callable

from libs.bus.inflow import Inflow
from libs.bus.outflow import Gone
from libs.contracts.errors import (
    NorthernError,
    PiiUnavailable,
    RequestTooLarge,
    StreamBroken,
    WorkerLost,
)
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import BodyRef, Envelope
from libs.contracts.northern.v1.frames_pb2 import Frame
from libs.contracts.subjects import ROUTE
from libs.telemetry.log import logger
from services.pii.audit.facts import facts_of
from services.pii.hop.base import Masked
from services.pii.hop.passing import Passing
from services.pii.hop.room import Room

INLINE = 256 << 10  # a larger body stays here and is pulled by the worker
_NOT_SENT = "personal data could not be substituted right now, so nothing was sent; try again in a moment"


class Run:
    """One request. `stepped_out` is called once it needs nothing of us any more but a moment's attention."""

    def __init__(self, room: Room, envelope: Envelope, stepped_out: Callable[["Run"], object]) -> None:
        self._room, self._envelope, self._stepped_out = room, envelope, stepped_out
        self._began = time.monotonic()
        self._edge = envelope.reply
        self._outflow = room.outflows.open(envelope.reply, envelope.attempt, self._leave)
        self._inflow: Inflow | None = None
        self._passing: Passing | None = None
        self._masked = self._late = False
        self._ended = False  # the answer is over, or somebody else has it
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """The whole request; whatever happens, the caller is told and the worker is not left working for nobody."""
        try:
            await self._hand_on()
        except asyncio.CancelledError:
            if self._late:
                await self._fail(PiiUnavailable(_NOT_SENT, retry_after_ms=1000))
            elif not self._outflow.gone:
                await self._fail(WorkerLost("the service that restores personal data had to stop; send it again"))
                raise
        except Gone:
            pass
        except NorthernError as error:
            if self._passing is None and not self._ended:
                self._room.metrics.count("pii_requests_total", error.code)
            await self._fail(error)
        except Exception:
            await self._fail(PiiUnavailable(_NOT_SENT, retry_after_ms=1000))
            raise
        finally:
            self._outflow.close()
            if self._inflow is not None:
                if not self._ended:
                    await asyncio.shield(self._inflow.cancel())
                self._inflow.close()

    def tick(self, now: float) -> None:
        """Called by the ticker with the monotonic time: who takes too long to look through a request refuses it."""
        if not self._masked and not self._late and now - self._began > self._room.mask_s and self.task is not None:
            self._late = True
            self.task.cancel()

    def _leave(self) -> None:
        """The edge is gone, or says that the client is."""
        if self.task is not None:
            self.task.cancel()

    async def _hand_on(self) -> None:
        envelope = self._envelope
        body = await self._body()
        masked = await self._room.masking.mask(envelope, body)
        self._masked = True
        self._on_record(masked)
        self._room.metrics.count("pii_requests_total", "nothing" if masked.body is None else "substituted")
        self._room.metrics.observe("mask_seconds", time.monotonic() - self._began)
        envelope.ClearField("pii")
        envelope.budget_ms = max(1, envelope.budget_ms - round((time.monotonic() - self._began) * 1000))
        if masked.body is None and not self._outflow.told:
            await self._step_out()
            return
        await self._outflow.taken()
        self._inflow = inflow = self._room.inflows.open()
        envelope.reply = inflow.reply
        self._put(body if masked.body is None else masked.body, inflow)
        if masked.body is not None:
            envelope.shape.last_user_turn = masked.last_user_turn
            envelope.shape.text_bytes = masked.text_bytes
        self._passing = Passing(masked.restoration)
        del body, masked
        await self._room.bus.publish(ROUTE, envelope.SerializeToString(), inflow.nak)
        self._envelope = Envelope(request_id=envelope.request_id)  # an answer may take an hour
        del envelope
        await self._bring_back(inflow, self._passing)

    async def _body(self) -> bytes:
        """Raises RequestTooLarge, and Gone where the edge does not hand it over."""
        envelope, most = self._envelope, self._room.max_body
        size = envelope.body_ref.size if envelope.HasField("body_ref") else len(envelope.body)
        if size > most:
            raise RequestTooLarge(
                f"with `pii_substitution` a body may have at most {most >> 20} MiB; send a smaller one"
            )
        if not envelope.HasField("body_ref"):
            return envelope.body
        return await self._outflow.pull(envelope.body_ref.subject, envelope.body_ref.size)

    def _on_record(self, masked: Masked) -> None:
        """Raises RecordUnavailable where too much waits to be recorded: then nothing leaves."""
        for fact in facts_of(self._envelope, masked, int(time.time() * 1000)):
            self._room.facts.publish("pii", fact)

    def _put(self, body: bytes, inflow: Inflow) -> None:
        envelope = self._envelope
        if len(body) > INLINE:
            inflow.body = body
            envelope.body_ref.CopyFrom(BodyRef(subject=inflow.body_subject, size=len(body)))
        else:
            envelope.body = body

    async def _step_out(self) -> None:
        """Nothing was substituted, so nothing has to be restored: the edge's own address goes on with the request.

        All that is left to do is to tell the edge if there is no router, for only who publishes hears that.
        """
        self._outflow.close()
        self._inflow = inflow = self._room.inflows.open()
        self._ended = True
        await self._room.bus.publish(ROUTE, self._envelope.SerializeToString(), inflow.nak)
        attempt, self._envelope = self._envelope.attempt, Envelope()
        self._stepped_out(self)
        try:
            await inflow.next()
        except WorkerLost:
            return  # a second of silence: it was taken
        except NorthernError as error:
            frame = Frame(attempt=attempt, failure=to_failure(error))
            await self._room.bus.publish(self._edge, frame.SerializeToString())

    async def _bring_back(self, inflow: Inflow, passing: Passing) -> None:
        """Frames one way as they come; credit the other way as they are passed on."""
        while not self._ended:
            frame = await inflow.next()
            if frame.beat:
                continue
            self._ended = passing.over(frame)
            out = passing.take(frame)
            if out is not None:
                await self._outflow.send(
                    head=out.head, data=out.data, output_bytes=out.output_bytes, end=out.end, failure=out.failure
                )
            if frame.data and not self._ended:
                await inflow.consumed(len(frame.data))

    async def _fail(self, error: NorthernError) -> None:
        begun = self._passing is not None and self._passing.begun
        told = error
        if begun and not isinstance(error, StreamBroken):
            told = StreamBroken("the answer could not be restored to its end; the answer above is incomplete")
        try:
            held = self._passing.held() if begun and self._passing is not None else b""
        except NorthernError:
            held = b""
        try:
            await self._outflow.send(data=held, failure=to_failure(told))
        except Gone:
            logger().info("edge_gone", request_id=self._envelope.request_id)
