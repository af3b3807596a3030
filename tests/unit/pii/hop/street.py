"""The hop on a bus in memory: an edge before it, a scripted worker behind it, and a masking that knows one name."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from libs.bus.base import Message
from libs.bus.facts import FactPublisher
from libs.bus.inflow import Inflow, Inflows
from libs.bus.memory import MemoryBus
from libs.bus.outflow import Gone, Outflow, Outflows
from libs.contracts.errors import PiiUnsupportedContent
from libs.contracts.northern.v1.envelope_pb2 import BodyRef, Envelope, PiiAsk, Shape
from libs.contracts.northern.v1.facts_pb2 import FactBatch, Substituted
from libs.contracts.northern.v1.frames_pb2 import End, Frame, Head, RouteFacts
from libs.contracts.subjects import PII, ROUTE
from libs.telemetry.metrics import Metrics
from services.pii.handlers import Handlers
from services.pii.hop.base import Lane, Listed, Masked
from services.pii.hop.room import Room

ORIGINAL, SUBSTITUTE = b"Jane", b"Mona"
STREAM, WHOLE = Head(status=200, stream=True), Head(status=200)
ROUTE_FACTS = RouteFacts(route_id="r")
Script = Callable[[Envelope, Outflow], Awaitable[None]]


class OneName:
    """A lane, and the restoration it belongs to: four bytes are held until the next ones or the end come."""

    def __init__(self) -> None:
        self.held = b""

    def stream(self) -> Lane:
        return OneName()

    whole = stream

    def sentence(self, text: str) -> str:
        return text.replace(SUBSTITUTE.decode(), ORIGINAL.decode())

    def feed(self, data: bytes) -> bytes:
        restored = (self.held + data).replace(SUBSTITUTE, ORIGINAL)
        cut = max(0, len(restored) - 3)
        self.held = restored[cut:]
        return restored[:cut]

    def close(self) -> bytes:
        held, self.held = self.held, b""
        return held


@dataclass
class Masking:
    """Substitutes one name. Refuses, falls or waits when told to."""

    error: Exception | None = None
    wait_s: float = 0.0
    asked: list[PiiAsk] = field(default_factory=list)

    async def mask(self, envelope: Envelope, body: bytes) -> Masked:
        self.asked.append(PiiAsk(policy=envelope.pii.policy, conversation_id=envelope.pii.conversation_id))
        await asyncio.sleep(self.wait_s)
        if self.error is not None:
            raise self.error
        if ORIGINAL not in body:
            return Masked(policy="default", audit_days=90)
        listed = Listed(
            type="PERSON",
            place="messages[0].content",
            count=1,
            substitute=SUBSTITUTE.decode(),
            original_hash=b"h" * 16,
            original_shape="1-4 letters",
            recognizer="test",
            score=0.9,
        )
        return Masked(
            policy="default",
            audit_days=90,
            body=body.replace(ORIGINAL, SUBSTITUTE),
            last_user_turn=SUBSTITUTE.decode(),
            text_bytes=7,
            restoration=OneName(),
            counts={"PERSON": 1},
            listed=[listed],
        )


@dataclass
class Street:
    """`script` plays router and worker; `seen` is what they were handed."""

    bus: MemoryBus
    masking: Masking
    handlers: Handlers
    edge: Inflows
    workers: Outflows
    facts: FactPublisher
    hop: Inflows
    script: Script | None = None
    seen: list[Envelope] = field(default_factory=list)
    gone: int = 0
    played: list["asyncio.Task[None]"] = field(default_factory=list)

    async def ask(self, body: bytes, *, by_reference: bool = False, **more: str) -> Inflow:
        inflow = self.edge.open(body if by_reference else None)
        envelope = Envelope(
            request_id="0123456789abcdef",
            tenant="t_one",
            key_id="k_one",
            reply=inflow.reply,
            budget_ms=60_000,
            shape=Shape(model="m", last_user_turn=ORIGINAL.decode(), text_bytes=4),
            pii=PiiAsk(**more),
        )
        if by_reference:
            envelope.body_ref.CopyFrom(BodyRef(subject=inflow.body_subject, size=len(body)))
        else:
            envelope.body = body
        await self.bus.publish(PII, envelope.SerializeToString(), inflow.nak)
        return inflow

    async def work(self, message: Message) -> None:
        envelope = Envelope.FromString(message.data)
        self.seen.append(envelope)
        if self.script is None:
            return
        outflow = self.workers.open(envelope.reply, envelope.attempt, self._leave)
        self.played.append(asyncio.create_task(self._play(self.script, envelope, outflow)))

    async def substituted(self) -> list[Substituted]:
        """What is on record."""
        await self.facts.close()
        stored = self.bus._streams["EVENTS"].messages
        return [fact.pii for each in stored for fact in FactBatch.FromString(each.data).facts]

    async def _play(self, script: Script, envelope: Envelope, outflow: Outflow) -> None:
        try:
            await script(envelope, outflow)
        except Gone:
            pass
        finally:
            outflow.close()

    def _leave(self) -> None:
        self.gone += 1


async def read(inflow: Inflow) -> tuple[list[Frame], bytes]:
    """Every frame up to the end, and the data in them; credit is given as the edge gives it."""
    frames: list[Frame] = []
    while True:
        frame = await inflow.next()
        frames.append(frame)
        if frame.data:
            await inflow.consumed(len(frame.data))
        if frame.HasField("end") or frame.HasField("failure"):
            return frames, b"".join(one.data for one in frames)


@asynccontextmanager
async def street(*, routed: bool = True, in_flight: int = 8, mask_s: float = 5.0) -> AsyncIterator[Street]:
    bus, metrics = MemoryBus(), Metrics()
    edge, workers = Inflows(bus, "ingress", "e1", metrics), Outflows(bus, "worker", "w1")
    inflows, outflows = Inflows(bus, "pii", "p1", metrics), Outflows(bus, "pii", "p1")
    facts = FactPublisher(bus, metrics)
    masking = Masking()
    room = Room(
        bus=bus,
        inflows=inflows,
        outflows=outflows,
        facts=facts,
        masking=masking,
        metrics=metrics,
        max_body=1 << 20,
        mask_s=mask_s,
    )
    handlers = Handlers(room=room, in_flight=in_flight)
    watching = asyncio.create_task(handlers.watch())
    made = Street(bus, masking, handlers, edge, workers, facts, inflows)
    for one in (edge, workers, inflows, outflows):
        await one.start()
    await bus.subscribe(PII, handlers.take, "pii")
    if routed:
        await bus.subscribe(ROUTE, made.work, "router")
    try:
        yield made
    finally:
        watching.cancel()
        await handlers.drain(0.1)
        await asyncio.gather(*made.played, return_exceptions=True)
        for one in (edge, workers, inflows, outflows):
            await one.close()
        await facts.close(0.1)
        for sub in list(bus.subs):
            await sub.stop()


def answers(*parts: bytes, head: Head = STREAM) -> Script:
    """A worker that says this, a frame each, and ends."""

    async def script(_: Envelope, outflow: Outflow) -> None:
        first: Head | None = head
        for part in parts:
            await outflow.send(head=first, data=part, output_bytes=len(part))
            first = None
        await outflow.send(end=End(billed_nano=5))

    return script


def refusal(place: str) -> PiiUnsupportedContent:
    return PiiUnsupportedContent("an image cannot be substituted in", param=place)
