"""A worker with its own bus, real sockets towards the provider, and a client at the other end of the frames."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from libs.bus.facts import FactPublisher
from libs.bus.inflow import Inflow, Inflows
from libs.bus.memory import MemoryBus
from libs.bus.outflow import Outflows
from libs.catalog.load import load
from libs.catalog.model import Catalog, Limits, Wire
from libs.contracts.errors import BusUnavailable, NorthernError
from libs.contracts.failures import from_failure
from libs.contracts.northern.v1.envelope_pb2 import (
    BodyRef,
    Candidate,
    Dialect,
    Envelope,
    Operation,
    Policy,
    Shape,
    Surface,
)
from libs.contracts.northern.v1.facts_pb2 import Egress, Fact, FactBatch, Finished
from libs.contracts.northern.v1.frames_pb2 import Frame, RouteFacts
from libs.contracts.subjects import work
from libs.runtime.identity import Identity
from libs.telemetry.metrics import Metrics
from services.worker.app import _own, _provider, _session
from services.worker.byok.clients import Clients
from services.worker.byok.kept import Kept
from services.worker.byok.ring import Ring
from services.worker.handlers import Handlers
from services.worker.handoffs import Handoffs
from services.worker.images.fetcher import Fetcher
from services.worker.money.asking import Ledger
from services.worker.providers.base import Provider
from services.worker.providers.vertex.credentials import GivenToken
from services.worker.providers.vertex.wire import VertexProvider
from services.worker.requests.testimony import Witness
from services.worker.street import Street
from services.worker.upstream.signals import Signals
from services.worker.upstream.ways_out import find
from tests.support.broker import until
from tests.support.ledger import ScriptedLedger

AZURE, OPENAI, QWEN = "azure/gpt-4.1-mini-ca", "openai/gpt-4.1-mini-us", "Qwen/Qwen3-14B"
HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global"
MISTRAL = "bedrock/mistral.mistral-large-2402-v1:0-ca"
CLAUDE, OPUS = "anthropic/claude-haiku-4-5-20251001-us", "anthropic/claude-opus-4-8-us"
BEDROCK_OPUS = "bedrock/global.anthropic.claude-opus-4-8-global"
GEMINI, VERTEX_CLAUDE = "vertex_ai/gemini-2.5-flash-ca", "vertex_ai/claude-haiku-4-5@20251001-us"
OPENAI_CHAT, ANTHROPIC_MESSAGES = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES
COUNT = Operation.OPERATION_COUNT_TOKENS
TIERS = ("managed_canadian_cloud", "provider_api", "self_hosted")
KEY = "canary-credential-7f3a9"
SALT = bytes(range(32))
CATALOG = load(Path("infra/config"))
WITNESS = Witness.read(Identity(role="worker", node="w1", build="b1", place="CA"), None)


class SlowBus(MemoryBus):
    """A bus whose disk can be held up or taken away, apart from the rest of it."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = asyncio.Event()
        self.disk.set()
        self.disk_broken = False

    async def append(
        self, subject: str, data: bytes, *, msg_id: str = "", expected: int | None = None, timeout_s: float = 5.0
    ) -> int:
        await self.disk.wait()
        if self.disk_broken:
            raise BusUnavailable("no disk")
        return await super().append(subject, data, msg_id=msg_id, expected=expected, timeout_s=timeout_s)


@dataclass
class Got:
    """What the client's side of one request has seen."""

    inflow: Inflow
    frames: list[Frame] = field(default_factory=list)
    error: NorthernError | None = None
    reading: asyncio.Task[None] | None = None
    credit: bool = True

    @property
    def data(self) -> bytes:
        return b"".join(frame.data for frame in self.frames)

    @property
    def route(self) -> RouteFacts:
        """As Head states it, or the failure of an attempt that dialled."""
        for frame in self.frames:
            if frame.HasField("head"):
                return frame.head.route
            if frame.failure.HasField("route"):
                return frame.failure.route
        raise AssertionError("no route was stated")

    def has(self, part: str) -> bool:
        return any(frame.HasField(part) for frame in self.frames)

    async def read(self) -> None:
        """Until the end, the failure, or the other side is lost."""
        try:
            while True:
                frame = await self.inflow.next()
                self.frames.append(frame)
                if frame.data and self.credit:
                    await self.inflow.consumed(len(frame.data))
                if frame.HasField("failure"):
                    self.error = from_failure(frame.failure)
                    return
                if frame.HasField("end"):
                    return
        except NorthernError as error:
            self.error = error

    async def over(self, seconds: float = 8.0) -> "Got":
        assert self.reading is not None
        await asyncio.wait_for(self.reading, seconds)
        return self


@dataclass
class Rig:
    """`ask` sends one request as the router would; `facts` reads what is durable as custody would."""

    bus: SlowBus
    handlers: Handlers
    outflows: Outflows
    inflows: Inflows
    metrics: Metrics
    ledger: ScriptedLedger
    asked: int = 0

    async def ask(self, route_id: str = OPENAI, *, stream: bool = False, read: bool = True, **more: Any) -> Got:
        self.asked += 1
        dialect = more.pop("dialect", OPENAI_CHAT)
        body: bytes = more.pop("body", orjson.dumps({"messages": [{"role": "user", "content": "hi"}]}))
        if dialect == OPENAI_CHAT and stream:  # of the other dialect's bodies the edge takes it out
            body = orjson.dumps({**orjson.loads(body), "stream": True})
        if dialect == ANTHROPIC_MESSAGES and "operation" not in more:
            body = orjson.dumps({"max_tokens": 1000, **orjson.loads(body)})
        large = more.pop("large", False)
        inflow = self.inflows.open(body if large else None)
        slip = more.pop("slip", ()) or (route_id,)
        tries = more.pop("tries", ())
        envelope = Envelope(
            request_id=f"{self.asked:016x}",
            tenant="t_one",
            key_id="k_one",
            dialect=dialect,
            operation=more.pop("operation", Operation.OPERATION_GENERATE),
            anthropic_version=more.pop("anthropic_version", ""),
            anthropic_beta=more.pop("anthropic_beta", ""),
            surface=more.pop("surface", Surface.SURFACE_GATEWAY),
            reply=inflow.reply,
            attempt=more.pop("attempt", 0),
            tries=tries,
            held_nano=more.pop("held_nano", 0),
            idempotency_key=more.pop("idempotency_key", ""),
            policy=Policy(
                allowed_tiers=TIERS,
                residency=more.pop("residency", ()),
                byok=more.pop("byok", False),
                allow_fallbacks=more.pop("allow_fallbacks", True),
            ),
            decision=more.pop("decision", None),
            budget_ms=more.pop("budget_ms", 0),
            received_at_ms=more.pop("received_at_ms", 0),
            shape=Shape(model=route_id, stream=stream, text_bytes=400, **more),
            slip=[candidate(each) for each in slip],
            salt=SALT,
            request_hash=b"r" * 32,
            edge="edge-1",
        )
        if large:
            envelope.body_ref.CopyFrom(BodyRef(subject=inflow.body_subject, size=len(body)))
        else:
            envelope.body = body
        got = Got(inflow)
        if read:
            got.reading = asyncio.create_task(got.read())
        await self.bus.publish(work(envelope.slip[envelope.attempt].egress), envelope.SerializeToString())
        return got

    def facts(self) -> list[Fact]:
        """Every durable fact, in the order in which its reader gets it."""
        stored = self.bus._streams["EVENTS"].messages
        return [fact for each in stored for fact in FactBatch.FromString(each.data).facts]

    def egress(self) -> list[Egress]:
        return [fact.egress for fact in self.facts() if fact.HasField("egress")]

    def finished(self) -> list[Finished]:
        return [fact.finished for fact in self.facts() if fact.HasField("finished")]

    async def settled(self) -> None:
        """Until nothing runs and everything published is durable."""
        await until(lambda: not self.handlers.runs, 8)
        await asyncio.sleep(0)
        await until(lambda: not self.handlers.street.facts.waiting)

    async def only_finished(self) -> Finished:
        """The one Finished of the one request that was asked; more or none is a failure."""
        await self.settled()
        await until(lambda: bool(self.finished()))
        await asyncio.sleep(0.02)  # a second one would follow at once
        assert [fact.WhichOneof("kind") for fact in self.facts()] == ["egress", "finished"]
        return self.finished()[0]


def candidate(route_id: str) -> Candidate:
    """As the router names it; what no catalogue knows is said to be OpenAI's."""
    route = CATALOG.routes.get(route_id)
    return Candidate(route_id=route_id, egress=route.egress if route is not None else "openai")


def limited(**limits: float) -> Catalog:
    """The shipped catalogue with other time limits."""
    changed = Limits(**limits)
    routes = {route_id: replace(route, limits=changed) for route_id, route in CATALOG.routes.items()}
    return replace(CATALOG, routes=routes)


def dialling(url: str) -> dict[str, str]:
    """An environment in which every egress leads to one address with the canary as credential."""
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": KEY,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_BEARER_TOKEN_BEDROCK": KEY,
        "GOOGLE_VERTEX_BASE_URL": url,
        "GOOGLE_APPLICATION_CREDENTIALS": "unread",
        "GOOGLE_CLOUD_PROJECT": "maple",
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_ENDPOINT": url,
        "AZURE_OPENAI_API_KEY": KEY,
        "NI_SELF_HOSTED_BASE_URL": f"{url}/v1",
        "NI_SELF_HOSTED_API_KEY": KEY,
    }


@asynccontextmanager
async def worker(
    bus: SlowBus,
    environ: Mapping[str, str],
    *,
    boot: str = "w1",
    serves: Collection[str] = (),
    sandbox: str | None = None,
    catalog: Catalog = CATALOG,
    in_flight: int = 64,
    fetcher: Fetcher | None = None,
    kek_file: Path | None = None,
) -> AsyncIterator[Handlers]:
    """A worker for the egresses it `serves`, by default every one. Google's token is the canary: none is asked for."""
    metrics = Metrics()
    facts = FactPublisher(bus, metrics)
    named = {name: egress for name, egress in catalog.egresses.items() if not serves or name in serves}
    ways = {name: find(egress, environ, sandbox) for name, egress in named.items()}
    providers: dict[str, Provider] = {name: _provider(way, environ) for name, way in ways.items()}
    if sandbox is None:
        google = VertexProvider(GivenToken(KEY, ""), environ.get("GOOGLE_CLOUD_PROJECT", ""))
        providers |= {name: google for name, way in ways.items() if way.egress.wire is Wire.VERTEX}
    async with AsyncExitStack() as stack:
        sessions = {name: await stack.enter_async_context(_session(way)) for name, way in ways.items()}
        outflows = Outflows(bus, "worker", boot)
        await outflows.start()
        ledger, handoffs, kept = Ledger(bus, boot), Handoffs(bus, boot), Kept(bus, metrics)
        await ledger.start()
        await handoffs.start()
        await kept.start()
        stack.push_async_callback(kept.close)
        street = Street(
            boot_id=boot,
            witness=WITNESS,
            catalog=catalog,
            ways=ways,
            providers=providers,
            sessions=sessions,
            own=Clients(kept, Ring(kek_file), _own),
            fetcher=fetcher if fetcher is not None else await stack.enter_async_context(Fetcher()),
            facts=facts,
            ledger=ledger,
            handoffs=handoffs,
            signals=Signals(),
            metrics=metrics,
        )
        handlers = Handlers(street=street, outflows=outflows, in_flight=in_flight)
        watching = asyncio.create_task(handlers.watch())
        taking = [await bus.subscribe(work(name), handlers.work, "worker") for name in ways]
        try:
            yield handlers
        finally:
            bus.disk.set()
            bus.disk_broken = False
            await handlers.drain(0.1)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await facts.close(1.0)
            await ledger.close()
            await handoffs.close()
            await outflows.close()
            for sub in taking:
                await sub.stop()


@asynccontextmanager
async def working(environ: Mapping[str, str], **more: Any) -> AsyncIterator[Rig]:
    """A worker, and everybody it talks to: `worker` says what it may be told."""
    bus = SlowBus()
    async with worker(bus, environ, **more) as handlers:
        metrics = handlers.street.metrics
        inflows = Inflows(bus, "ingress", "e1", metrics)
        await inflows.start()
        try:
            yield Rig(bus, handlers, handlers.outflows, inflows, metrics, await ScriptedLedger(bus).start())
        finally:
            bus.disk.set()
            bus.disk_broken = False
            await handlers.drain(0.1)
            await inflows.close()
    for sub in list(bus.subs):
        await sub.stop()
