"""A run whose egress record is slow to become durable: what it states, and in which order."""

import asyncio
from pathlib import Path

import pytest

from libs.bus.facts import FactPublisher
from libs.bus.memory import MemoryBus
from libs.bus.outflow import Outflows
from libs.catalog.load import load
from libs.contracts.northern.v1.envelope_pb2 import Candidate, Envelope
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch, Outcome
from libs.contracts.subjects import EVENTS
from libs.runtime.identity import Identity
from libs.telemetry.metrics import Metrics
from services.worker.app import _own
from services.worker.byok.clients import Clients
from services.worker.byok.kept import Kept
from services.worker.byok.ring import Ring
from services.worker.handoffs import Handoffs
from services.worker.images.fetcher import Fetcher
from services.worker.money.asking import Ledger
from services.worker.providers.openai.wire import OpenAIProvider
from services.worker.requests import record
from services.worker.requests import run as worker
from services.worker.requests.testimony import Witness
from services.worker.street import Street
from services.worker.upstream.signals import Signals
from services.worker.upstream.ways_out import find
from tests.support.ledger import ScriptedLedger

ROUTE = "openai/gpt-4.1-mini-us"


class SlowEgress(MemoryBus):
    """A broker that takes every fact at once, and egress records only when `allowed`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.allowed = asyncio.Event(), asyncio.Event()

    async def append(
        self, subject: str, data: bytes, *, msg_id: str = "", expected: int | None = None, timeout_s: float = 5.0
    ) -> int:
        if subject.startswith("ev.egress."):
            self.asked.set()
            await self.allowed.wait()
        return await super().append(subject, data, msg_id=msg_id, expected=expected, timeout_s=timeout_s)

    async def facts(self) -> list[Fact]:
        return [f for m in self._stream(EVENTS).messages for f in FactBatch.FromString(m.data).facts]


@pytest.fixture
async def bus() -> SlowEgress:
    return SlowEgress()


async def a_run(bus: SlowEgress) -> tuple[worker.Run, FactPublisher]:
    catalog = load(Path("infra/config"))
    egress = catalog.egresses["openai"]
    facts = FactPublisher(bus, Metrics())
    ledger = Ledger(bus, "b")
    await ledger.start()
    await ScriptedLedger(bus).start()
    street = Street(
        boot_id="b",
        witness=Witness.read(Identity(role="worker", node="b", build="b1"), None),
        catalog=catalog,
        ways={"openai": find(egress, {}, "http://127.0.0.1:1")},
        providers={"openai": OpenAIProvider("key")},
        sessions={},
        own=Clients(Kept(bus, Metrics()), Ring(None), _own),
        fetcher=Fetcher(),
        facts=facts,
        ledger=ledger,
        handoffs=Handoffs(bus, "b"),
        signals=Signals(),
        metrics=Metrics(),
    )
    envelope = Envelope(request_id="0" * 16, tenant="t", reply="ni.reply.ingress.r.t", salt=b"s" * 32)
    envelope.body = b'{"model":"' + ROUTE.encode() + b'","messages":[{"role":"user","content":"hello"}]}'
    envelope.shape.model = ROUTE
    envelope.slip.append(Candidate(route_id=ROUTE, egress="openai"))
    return worker.Run(street, envelope, Outflows(bus, "worker", "b")), facts


async def test_a_client_that_leaves_before_the_record_stands_is_closed_after_it(bus: SlowEgress) -> None:
    run, facts = await a_run(bus)
    run.task = asyncio.create_task(run.run())
    await asyncio.wait_for(bus.asked.wait(), 5)
    run.task.cancel()
    await asyncio.sleep(0.05)
    bus.allowed.set()
    await asyncio.gather(run.task, return_exceptions=True)
    await facts.close()
    egress, finished = await bus.facts()
    assert (egress.WhichOneof("kind"), finished.WhichOneof("kind")) == ("egress", "finished")
    assert finished.finished.outcome == Outcome.OUTCOME_NOT_SENT


async def test_a_record_that_comes_too_late_is_closed_after_it(
    bus: SlowEgress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "WAIT_S", 0.05)
    run, facts = await a_run(bus)
    await run.run()
    await asyncio.sleep(0.05)
    bus.allowed.set()
    await asyncio.sleep(0.05)
    await facts.close()
    egress, finished = await bus.facts()
    assert (egress.WhichOneof("kind"), finished.WhichOneof("kind")) == ("egress", "finished")
    assert finished.finished.outcome == Outcome.OUTCOME_NOT_SENT
    assert finished.finished.error_code == "record_unavailable"
