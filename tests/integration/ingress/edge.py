"""An edge in this process: its real server and handlers, a bus in memory, and a scripted street behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from libs.auth import keys
from libs.auth.records import KeyRecord, TenantRecord
from libs.bus.aliases import Aliases
from libs.bus.base import Message
from libs.bus.beats import Heard
from libs.bus.facts import FactPublisher
from libs.bus.inflow import Inflows
from libs.bus.memory import MemoryBus
from libs.bus.outflow import Outflow, Outflows
from libs.catalog.live import Live
from libs.catalog.load import load
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Delivered, FactBatch
from libs.contracts.northern.v1.frames_pb2 import Control, End, Head, RouteFacts, Usage
from libs.contracts.subjects import ROUTE
from libs.runtime.identity import Identity
from libs.telemetry.metrics import Metrics
from libs.tlog.signing import SigningKey
from services.ingress.auth.callers import Callers
from services.ingress.auth.principals import Principals
from services.ingress.auth.sessions import Sessions
from services.ingress.domain import TIERS
from services.ingress.handlers import Handlers
from services.ingress.http.origins import Origins
from services.ingress.http.proxies import Proxies
from services.ingress.http.server import EdgeServer
from services.ingress.inference.balances import Balances
from services.ingress.inference.promises import Promises
from services.ingress.inference.request import Inference
from services.ingress.names.desk import Names
from services.ingress.names.telling import Teller
from services.ingress.routing.conversations import Conversations
from tests.support.broker import until

CATALOG = load(Path("infra/config"))
PEPPER = b"p" * 32
PROMISES = Promises(SigningKey(b"s" * 32))
NO_PROXIES = Proxies()
KEY = keys.mint(keys.GATEWAY, lambda n: bytes(range(n)))
ROUTE_FACTS = RouteFacts(
    route_id="azure/gpt-4.1-mini-ca",
    tier="managed_canadian_cloud",
    provider="Azure",
    region="canadaeast",
    jurisdiction="CA",
    custody_path="NI-CA -> Azure-CA",
    credential_source="platform",
    litellm_model="azure/gpt-4.1-mini",
    processing_jurisdictions=["CA"],
    evidence="asserted",
)
END = End(
    usage=Usage(input=1, output=2),
    cost_nano=1_000_000,
    currency="USD",
    billed_nano=1_500_000,
    billed_currency="CAD",
)
DONE = b"data: [DONE]\n\n"
MESSAGES = "/v1/messages"
CLAUDE = "claude-sonnet-4-5-20250929"

Script = Callable[[Envelope, Outflow], Awaitable[None]]


def head(*, stream: bool) -> Head:
    return Head(status=200, stream=stream, route=ROUTE_FACTS, attempts=1)


@dataclass
class Edge:
    """`script` plays router and worker for each request; `controls` is what the edge told the worker."""

    bus: MemoryBus
    port: int
    server: EdgeServer
    inflows: Inflows
    outflows: Outflows
    metrics: Metrics
    facts: FactPublisher
    script: Script | None = None
    envelopes: list[Envelope] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    wires: list["Wire"] = field(default_factory=list)
    gone: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def work(self, message: Message) -> None:
        envelope = Envelope.FromString(message.data)
        self.envelopes.append(envelope)
        outflow = self.outflows.open(envelope.reply, envelope.attempt, self._leave)
        if self.script is not None:
            task = asyncio.create_task(self._play(self.script, envelope, outflow))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _play(self, script: Script, envelope: Envelope, outflow: Outflow) -> None:
        try:
            await script(envelope, outflow)
        finally:
            outflow.close()

    def _leave(self) -> None:
        self.gone += 1

    def control(self, message: Message) -> None:
        self.controls.append(Control.FromString(message.data))

    async def delivered(self) -> Delivered:
        """The one Delivered, durable."""
        await until(lambda: bool(self.all_delivered()))
        (found,) = self.all_delivered()
        return found

    def all_delivered(self) -> list[Delivered]:
        stored = self.bus._streams["EVENTS"].messages
        return [fact.delivered for each in stored for fact in FactBatch.FromString(each.data).facts]

    async def ask(self, *, stream: bool = False, path: str = "/v1/chat/completions", **more: Any) -> "Reply":
        """One chat request, read to the end of the connection or of the answer."""
        wire = await self.open()
        await wire.send(chat(stream=stream, path=path, **more))
        return await wire.reply()

    async def say(self, request: bytes) -> "Reply":
        """Any request, byte for byte, on a connection of its own."""
        wire = await self.open()
        await wire.send(request)
        return await wire.reply()

    async def open(self) -> "Wire":
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26))
        self.wires.append(wire)
        return wire


@dataclass
class Reply:
    """An HTTP answer. `whole`: it ended as its own framing says, and not with the connection."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)["error"]
        return found


@dataclass
class Wire:
    """One connection, byte for byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, seconds: float = 5.0) -> Reply:
        async with asyncio.timeout(seconds):
            status, headers = await self.headers()
            body = bytearray()
            try:
                if "content-length" in headers:
                    body += await self.reader.readexactly(int(headers["content-length"]))
                elif headers.get("transfer-encoding") == "chunked":
                    while chunk := await self.chunk():
                        body += chunk
            except (asyncio.IncompleteReadError, ConnectionError):
                return Reply(status, headers, bytes(body), whole=False)
            return Reply(status, headers, bytes(body), whole=True)

    async def headers(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def chunk(self) -> bytes:
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def closed(self, seconds: float = 3.0) -> bytes:
        """What else comes until the other side closes."""
        async with asyncio.timeout(seconds):
            return await self.reader.read()

    def hang_up(self) -> None:
        self.writer.transport.abort()


def chat(*, stream: bool = False, path: str = "/v1/chat/completions", key: str = KEY, **more: Any) -> bytes:
    body = {"model": "azure/gpt-4.1-mini-ca", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **more}
    return post(orjson.dumps(body), path=path, key=key)


def message(*more: str, path: str = MESSAGES, key: str = KEY, **members: Any) -> bytes:
    """A request as Anthropic's clients send it; a member given as `...` is left out, headers may be added."""
    body = {"model": CLAUDE, "max_tokens": 80, "messages": [{"role": "user", "content": "hi"}], **members}
    body = {name: value for name, value in body.items() if value is not ...}
    return post(orjson.dumps(body), *more, path=path, key=key)


def post(body: bytes, *more: str, path: str = "/v1/chat/completions", key: str = KEY) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def get(path: str, *more: str, method: str = "GET", key: str = KEY) -> bytes:
    """A request without a body, the key as Anthropic's older clients send it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"x-api-key: {key}", *more, "", ""]
    return "\r\n".join(lines).encode()


@asynccontextmanager
async def edge(
    script: Script | None = None,
    *,
    header_s: float = 10.0,
    body_idle_s: float = 30.0,
    write_idle_s: float = 60.0,
    keep_alive_s: float = 15.0,
    max_body: int = 4 << 20,
    tiers: tuple[str, ...] = TIERS,
    origins: tuple[str, ...] = (),
    proxies: Proxies = NO_PROXIES,
) -> AsyncIterator[Edge]:
    bus, metrics = MemoryBus(), Metrics()
    await enrol(bus, tiers)
    principals, heard, balances = Principals(bus, PEPPER, metrics), Heard(bus), Balances(bus, metrics)
    inflows, outflows = Inflows(bus, "ingress", "e1", metrics), Outflows(bus, "worker", "w1")
    facts, ids = FactPublisher(bus, metrics), count(1)
    for part in (principals, heard, balances, inflows, outflows):
        await part.start()
    sessions = Sessions(bus=bus, principals=principals, secure=False, proxies=proxies)
    callers, aliases = Callers(principals=principals, sessions=sessions), Aliases(bus, metrics)
    await aliases.start()
    identity = Identity(role="ingress", node="e1", build="b1", place="CA")
    inference = Inference(
        bus=bus,
        inflows=inflows,
        facts=facts,
        metrics=metrics,
        balances=balances,
        new_id=lambda: f"{next(ids):016x}",
        max_body=max_body,
        body_idle_s=body_idle_s,
        write_idle_s=write_idle_s,
        keep_alive_s=keep_alive_s,
        identity=identity,
        promises=PROMISES,
        names=Names(bus=bus, live=Live(CATALOG), heard=heard, aliases=aliases, callers=callers),
        teller=Teller(facts=facts, identity=identity, promises=PROMISES),
        conversations=Conversations(key=PEPPER),
        large=asyncio.Lock(),
    )
    handlers = Handlers(
        bus=bus,
        live=Live(CATALOG),
        callers=callers,
        sessions=sessions,
        heard=heard,
        inference=inference,
        metrics=metrics,
        ready=lambda: (True, {}),
    )
    sock = socket.create_server(("127.0.0.1", 0))
    server = EdgeServer(
        handlers,
        max_body=max_body,
        header_s=header_s,
        write_idle_s=write_idle_s,
        origins=Origins(origins),
        metrics=metrics,
    )
    await server.listen(sock)
    made = Edge(bus, sock.getsockname()[1], server, inflows, outflows, metrics, facts, script)
    await bus.subscribe(ROUTE, made.work, "router")
    await bus.subscribe("ni.ctl.worker.w1.*", made.control)
    try:
        yield made
    finally:
        for task in list(made.tasks):
            task.cancel()
        for wire in made.wires:
            wire.hang_up()
            wire.writer.close()
        await server.close(0.1)
        await facts.close(1.0)
        await aliases.close()
        for part in (outflows, inflows, balances, heard, principals):
            await part.close()
        for sub in list(bus.subs):
            await sub.stop()


async def enrol(bus: MemoryBus, tiers: tuple[str, ...]) -> None:
    """One account with one key."""
    now = datetime.now(UTC)
    await bus.put("tenants", "t_one", TenantRecord(id="t_one", name="One", created=now).to_bytes())
    digest = keys.digest(PEPPER, KEY)
    record = KeyRecord(
        id="k_one",
        tenant="t_one",
        name="one",
        digest=digest,
        prefix=keys.prefix_of(KEY),
        last4=keys.last4(KEY),
        allowed_tiers=tiers,
        created=now,
    )
    await bus.put("keys", digest, record.to_bytes())
