"""Envelopes in, a slip on them and on to a worker; or a failure straight to the edge, on record if it proves much."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from libs.bus.base import Message
from libs.bus.beats import Heard
from libs.bus.facts import FactPublisher
from libs.bus.memory import MemoryBus
from libs.catalog.live import Live
from libs.catalog.load import load
from libs.catalog.model import Route
from libs.contracts import subjects
from libs.contracts.northern.v1.envelope_pb2 import Decision, Envelope, Policy, Shape
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch
from libs.contracts.northern.v1.frames_pb2 import Failure, Frame
from libs.contracts.northern.v1.street_pb2 import Beat, Breaker, EgressState, RouteSignals
from libs.runtime.identity import Identity
from libs.telemetry.metrics import Metrics
from services.router.auto import Auto
from services.router.handlers import Handlers
from services.router.legal import Legal
from tests.support.broker import until

TIERS = ("managed_canadian_cloud", "provider_api", "self_hosted")
AZURE, OPENAI = "azure/gpt-4.1-mini-ca", "openai/gpt-4.1-mini-us"
HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global"
REPLY = subjects.reply("ingress", "e1", "t1")
CATALOG = load(Path("infra/config"))
ROUTER = Identity(role="router", node="r1", build="b1", place="CA")


@dataclass
class Room:
    """A router on a bus, and what its neighbours receive."""

    bus: MemoryBus
    handlers: Handlers
    replies: list[Frame] = field(default_factory=list)
    work: list[Envelope] = field(default_factory=list)

    async def ask(self, model: str, *residency: str, fallbacks: bool = False) -> None:
        envelope = Envelope(
            request_id="0" * 16,
            tenant="t_one",
            key_id="k_one",
            reply=REPLY,
            shape=Shape(model=model),
            policy=Policy(allowed_tiers=TIERS, residency=residency, allow_fallbacks=fallbacks),
            body=b"{}",
            salt=b"s" * 32,
        )
        await self.bus.publish(subjects.ROUTE, envelope.SerializeToString())

    async def failure(self) -> Failure:
        await until(lambda: bool(self.replies))
        return self.replies[0].failure

    async def refused(self) -> list[Fact]:
        """What is durable, read as custody reads it."""
        await self.handlers.facts.close()
        async for batch in self.bus.follow(subjects.EVENTS):
            return [fact for stored in batch for fact in FactBatch.FromString(stored.data).facts]
        return []

    async def worker(self, egress: str) -> None:
        def take(message: Message) -> None:
            self.work.append(Envelope.FromString(message.data))

        await self.bus.subscribe(subjects.work(egress), take, "worker")

    async def beat(self, *states: EgressState) -> None:
        beat = Beat(service="worker", replica="w", boot_id="w", egresses=states)
        await self.bus.publish(subjects.beat("worker"), beat.SerializeToString())
        await until(lambda: bool(self.handlers.heard.alive("worker")))


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    bus, metrics = MemoryBus(), Metrics()
    heard, facts = Heard(bus), FactPublisher(bus, metrics)
    await heard.start("worker")
    handlers = Handlers(bus=bus, live=Live(CATALOG), heard=heard, facts=facts, metrics=metrics, identity=ROUTER)
    made = Room(bus, handlers)
    await bus.subscribe(subjects.nak("router", "r1", "*"), handlers.nobody)
    await bus.subscribe(subjects.ROUTE, handlers.route, "router")
    await bus.subscribe(REPLY, lambda message: made.replies.append(Frame.FromString(message.data)))
    await made.beat(*(EgressState(name=name, available=True) for name in CATALOG.egresses))
    yield made
    await facts.close(0.1)
    for sub in list(bus.subs):
        await sub.stop()


async def test_a_request_goes_on_to_the_worker_of_its_route_with_a_slip_and_nothing_else_changed(room: Room) -> None:
    await room.worker("azure-ca")
    await room.ask(AZURE, "CA")
    await until(lambda: bool(room.work))
    (envelope,) = room.work
    assert [(each.route_id, each.egress) for each in envelope.slip] == [(AZURE, "azure-ca")]
    assert (envelope.tenant, envelope.body, envelope.salt, envelope.reply) == ("t_one", b"{}", b"s" * 32, REPLY)
    assert list(envelope.policy.residency) == ["CA"]
    assert not room.replies


async def test_a_residency_refusal_names_rule_and_nearest_route_and_is_durably_on_record(room: Room) -> None:
    await room.worker("bedrock-global")
    await room.ask(HAIKU, "CA")
    failure = await room.failure()
    assert failure.code == "residency_refused"
    assert "processing_anywhere" in failure.message
    assert "The nearest route that may: " in failure.message
    (fact,) = await room.refused()
    assert (fact.request_id, fact.tenant) == ("0" * 16, "t_one")
    assert (fact.refused.code, fact.refused.key_id) == ("residency_refused", "k_one")
    assert fact.refused.model_requested == HAIKU
    assert "processing_anywhere" in fact.refused.rule
    assert not room.work


async def test_a_residency_refusal_while_the_record_is_away_is_told_and_recorded_later(room: Room) -> None:
    append = room.bus.append
    back = asyncio.Event()

    async def sometimes(subject: str, data: bytes, **more: object) -> int:
        await back.wait()
        return await append(subject, data)

    room.bus.append = sometimes  # type: ignore[method-assign]  # a broker whose disk is slow
    await room.ask(HAIKU, "CA")
    assert (await room.failure()).code == "residency_refused"
    back.set()
    assert [fact.refused.code for fact in await room.refused()] == ["residency_refused"]


@pytest.mark.parametrize(("model", "code"), [("no/such", "model_not_found"), ("", "model_not_found")])
async def test_other_refusals_are_told_and_leave_no_record(room: Room, model: str, code: str) -> None:
    await room.ask(model)
    assert (await room.failure()).code == code
    assert await room.refused() == []


async def test_a_closed_way_out_is_unavailable_with_its_reason(room: Room) -> None:
    await room.beat(EgressState(name="openai", available=False, reason="set OPENAI_API_KEY"))
    await room.ask(OPENAI)
    failure = await room.failure()
    assert failure.code == "route_unavailable"
    assert "set OPENAI_API_KEY" in failure.message


async def test_a_way_out_nobody_serves_is_overloaded(room: Room) -> None:
    await room.beat(EgressState(name="openai", available=True))
    await room.ask(AZURE)
    failure = await room.failure()
    assert (failure.code, failure.retry_after_ms) == ("overloaded", 1000)


async def test_a_worker_that_beats_but_does_not_listen_becomes_a_failure_at_once(room: Room) -> None:
    await room.ask(AZURE)
    failure = await room.failure()
    assert (failure.code, failure.retry_after_ms) == ("overloaded", 1000)
    assert b"ni_handoffs_refused_total 1.0" in room.handlers.metrics.text()
    assert not room.handlers.on_their_way.kept


async def test_only_the_servers_own_refusal_counts_as_one(room: Room) -> None:
    await room.worker("azure-ca")
    await room.ask(AZURE)
    await until(lambda: bool(room.work))
    (token,) = room.handlers.on_their_way.kept
    await room.bus.publish(subjects.nak("router", "r1", token), b"x")
    await room.bus.publish(subjects.nak("router", "r1", "0123456789abcdef"), b"")
    await asyncio.sleep(0.01)
    assert not room.replies


async def test_what_cannot_be_read_is_ignored_and_harms_nobody(room: Room) -> None:
    await room.worker("azure-ca")
    await room.bus.publish(subjects.ROUTE, b"\xff\xff\xff")
    await room.ask(AZURE)
    await until(lambda: bool(room.work))
    assert not room.replies


async def test_a_broker_that_is_away_does_not_end_the_router(room: Room) -> None:
    await room.worker("azure-ca")
    room.bus.fail()
    envelope = Envelope(reply=REPLY, shape=Shape(model=AZURE), policy=Policy(allowed_tiers=TIERS))
    await room.handlers.route(Message(subjects.ROUTE, envelope.SerializeToString()))
    envelope.shape.model = "no/such"
    await room.handlers.route(Message(subjects.ROUTE, envelope.SerializeToString()))
    room.bus.heal()
    await room.ask(AZURE)
    await until(lambda: bool(room.work))


async def test_what_is_remembered_of_requests_on_their_way_is_bounded_and_holds_no_body(room: Room) -> None:
    await room.worker("azure-ca")
    for _ in range(5):
        await room.ask(AZURE)
    await until(lambda: len(room.work) == 5)
    kept = room.handlers.on_their_way.kept
    kept.update({token: (at - 60, envelope, size) for token, (at, envelope, size) in kept.items()})
    await room.ask(AZURE)
    await until(lambda: len(room.work) == 6)
    ((_, envelope, size),) = kept.values()
    assert (envelope, size) == (Envelope(request_id="0" * 16, reply=REPLY), 0)


async def test_a_slip_holds_all_that_may_be_tried_and_one_where_fallbacks_are_forbidden(
    room: Room,
) -> None:
    await room.worker("azure-ca")
    await room.ask("gpt-4.1-mini", fallbacks=True)
    await room.ask("gpt-4.1-mini")
    await until(lambda: len(room.work) == 2)
    many, one = ([each.route_id for each in envelope.slip] for envelope in room.work)
    assert many == [AZURE, OPENAI]
    assert one == [AZURE]


async def test_where_the_first_worker_is_gone_the_next_candidates_takes_it_whole(room: Room) -> None:
    await room.worker("openai")
    await room.ask("gpt-4.1-mini", fallbacks=True)
    await until(lambda: bool(room.work))
    (envelope,) = room.work
    assert [each.route_id for each in envelope.slip] == [OPENAI]
    assert (envelope.body, envelope.salt, envelope.attempt) == (b"{}", b"s" * 32, 0)
    assert not room.replies
    assert b"ni_handoffs_refused_total 1.0" in room.handlers.metrics.text()


async def test_where_no_candidates_worker_is_there_it_is_said_once(room: Room) -> None:
    await room.ask("gpt-4.1-mini", fallbacks=True)
    assert (await room.failure()).code == "overloaded"
    assert b"ni_handoffs_refused_total 2.0" in room.handlers.metrics.text()
    assert (len(room.replies), room.handlers.on_their_way.size) == (1, 0)


async def test_a_breaker_that_one_worker_reports_moves_the_next_request_elsewhere(room: Room) -> None:
    await room.worker("azure-ca")
    await room.worker("openai")
    failing = RouteSignals(route_id=AZURE, calls=9, breaker=Breaker.BREAKER_OPEN, headroom_permille=1000)
    states = [EgressState(name=name, available=True) for name in CATALOG.egresses]
    beat = Beat(service="worker", replica="w", boot_id="w", egresses=states, routes=[failing])
    await room.bus.publish(subjects.beat("worker"), beat.SerializeToString())
    await until(lambda: AZURE in room.handlers.heard.signals())
    await room.ask("gpt-4.1-mini", fallbacks=True)
    await room.ask(AZURE, fallbacks=True)  # there is no other of its tier: it is tried
    await until(lambda: len(room.work) == 2)
    assert {tuple(each.route_id for each in envelope.slip) for envelope in room.work} == {(OPENAI, AZURE), (AZURE,)}


class Falling:
    """A chooser that has a fault."""

    def decide(self, *_: object) -> tuple[list[Route], Decision]:
        raise ZeroDivisionError

    def explain(self, *_: object, excluded: Mapping[str, str]) -> dict[str, Any]:
        raise ZeroDivisionError


async def test_a_choice_that_falls_is_an_internal_failure_at_once_and_the_next_request_is_served(room: Room) -> None:
    await room.worker("azure-ca")
    handlers = replace(room.handlers, auto=Auto(legal=Legal(catalog=CATALOG), chooser=Falling()))
    envelope = Envelope(reply=REPLY, shape=Shape(model="auto"), policy=Policy(allowed_tiers=TIERS))
    await handlers.route(Message(subjects.ROUTE, envelope.SerializeToString()))
    failure = await room.failure()
    assert (failure.code, "ZeroDivision" in failure.message) == ("internal", False)
    await room.ask(AZURE)
    await until(lambda: bool(room.work))
