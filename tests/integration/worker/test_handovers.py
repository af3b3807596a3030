"""A request that changes hands between workers: one record, one hold, one end, whoever has it."""

import asyncio
import time
from typing import Any

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Envelope, Try
from libs.contracts.northern.v1.facts_pb2 import Fact, Finished, Outcome
from libs.contracts.subjects import work
from tests.integration.worker.rig import (
    AZURE,
    OPENAI,
    QWEN,
    Rig,
    dialling,
    worker,
    working,
)
from tests.integration.worker.upstream import (
    Call,
    listening,
    refusing,
    whole,
)
from tests.integration.worker.walks import (
    BOTH,
    COMPLETED,
    FAILED,
    answering,
    ask,
    ended,
    in_turn,
    silent,
)
from tests.support.broker import until
from tests.support.ledger import RICH, Core


def closed(rig: Rig) -> tuple[list[Fact], Finished]:
    facts = rig.facts()
    (finished,) = (fact.finished for fact in facts if fact.HasField("finished"))
    return facts, finished


async def both_settled(rig: Rig, other: Any) -> None:
    await until(lambda: not rig.handlers.runs and not other.runs, 8)
    await until(lambda: bool(rig.finished()))
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("size", [60, 60_000, 600_000], ids=["in its envelope", "beside it", "at its holder"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_candidate_of_another_worker_gets_the_request_from_the_first(stream: bool, size: int) -> None:
    body = orjson.dumps({"messages": [{"role": "user", "content": "x" * size}]})
    async with listening(in_turn(refusing(500), answering(stream))) as upstream:
        environ = dialling(upstream.url)
        async with (
            working(environ, serves=["azure-ca"]) as rig,
            worker(rig.bus, environ, boot="w2", serves=["openai"]) as other,
        ):
            core = Core("t_one", RICH)
            rig.ledger.script = core
            got = await ask(rig, stream, body=body, large=size > 500_000, budget_ms=100_000)
            await both_settled(rig, other)
            facts, finished = closed(rig)
            core.settle(f"{rig.asked:016x}", finished.billed_nano, 9)
    assert got.error is None
    assert [orjson.loads(call.body)["messages"] for call in upstream.calls] == [orjson.loads(body)["messages"]] * 2
    assert [frame.attempt for frame in got.frames if frame.HasField("head")] == [1]
    head = next(frame.head for frame in got.frames if frame.HasField("head"))
    assert (head.attempts, head.route.route_id) == (2, OPENAI)
    assert [fact.WhichOneof("kind") for fact in facts] == ["egress", "egress", "finished"]
    assert [fact.egress.boot_id for fact in facts[:2]] == ["w1", "w2"]
    assert (finished.boot_id, finished.attempts, finished.outcome) == ("w2", 2, COMPLETED)
    assert [each.route_id for each in finished.tries] == [AZURE]
    assert len(rig.ledger.holds()) == 1
    assert core.account.held == 0


async def test_where_no_worker_serves_the_next_candidate_the_one_after_it_is_tried() -> None:
    plan, serves = in_turn(refusing(500), whole), ["azure-ca", "self-hosted"]
    async with listening(plan) as upstream, working(dialling(upstream.url), serves=serves) as rig:
        got = await ask(rig, slip=(AZURE, OPENAI, QWEN))
        egresses, finished = await ended(rig)
    assert (got.error, got.route.route_id, len(egresses)) == (None, QWEN, 2)
    assert (finished.attempts, [each.attempt for each in finished.tries]) == (2, [0])


async def test_where_no_worker_is_left_the_last_failure_is_told() -> None:
    async with listening(refusing(500)) as upstream, working(dialling(upstream.url), serves=["azure-ca"]) as rig:
        got = await ask(rig)
        finished = await rig.only_finished()
    failure = got.frames[-1].failure
    assert (failure.code, failure.attempts, failure.route.route_id) == ("upstream_error", 1, AZURE)
    assert (finished.attempts, finished.outcome, finished.error_code) == (1, FAILED, "upstream_error")


@pytest.mark.parametrize(
    ("slip", "in_flight"),
    [((AZURE, "openai/gone-since-us"), 64), (BOTH, 0)],
    ids=["cannot call", "has no room"],
)
async def test_a_worker_that_makes_no_call_closes_what_the_one_before_it_opened(
    slip: tuple[str, ...], in_flight: int
) -> None:
    async with listening(refusing(429)) as upstream:
        environ = dialling(upstream.url)
        async with (
            working(environ, serves=["azure-ca"]) as rig,
            worker(rig.bus, environ, boot="w2", serves=["openai"], in_flight=in_flight) as other,
        ):
            got = await ask(rig, slip=slip)
            await both_settled(rig, other)
            facts, finished = closed(rig)
    failure = got.frames[-1].failure
    assert (failure.attempts, failure.HasField("route")) == (1, False)
    assert failure.code == ("rate_limit_exceeded" if in_flight else "overloaded")
    assert [fact.WhichOneof("kind") for fact in facts] == ["egress", "finished"]
    assert (finished.boot_id, finished.attempts, finished.outcome) == ("w2", 1, FAILED)
    assert (finished.error_code, finished.provider_status) == ("rate_limit_exceeded", 429)
    assert (finished.statement, list(finished.tries)) == (b"", [])


async def test_a_client_that_leaves_while_the_request_changes_hands_is_heard_by_who_gets_it() -> None:
    async with listening(in_turn(refusing(500), silent)) as upstream:
        environ = dialling(upstream.url)
        async with (
            working(environ, serves=["azure-ca"]) as rig,
            worker(rig.bus, environ, boot="w2", serves=["openai"]) as other,
        ):
            got = await rig.ask(AZURE, slip=BOTH)
            await until(lambda: len(upstream.calls) == 2)
            left = time.monotonic()
            await got.inflow.cancel()
            got.inflow.close()
            await both_settled(rig, other)
            _, finished = closed(rig)
            assert got.reading is not None
            got.reading.cancel()
    assert (finished.boot_id, finished.outcome) == ("w2", Outcome.OUTCOME_CANCELLED)
    assert time.monotonic() - left < 1.5
    assert upstream.calls[1].gone.is_set()


async def test_a_worker_that_stops_while_the_request_changes_hands_leaves_it_to_who_has_it() -> None:
    async with listening(in_turn(refusing(500), whole)) as upstream:
        environ = dialling(upstream.url)
        async with (
            working(environ, serves=["azure-ca"]) as rig,
            worker(rig.bus, environ, boot="w2", serves=["openai"]) as other,
        ):
            got = await (await rig.ask(AZURE, slip=BOTH)).over()
            await rig.handlers.drain(0)
            await both_settled(rig, other)
            _, finished = closed(rig)
    assert (got.error, finished.boot_id, finished.outcome) == (None, "w2", COMPLETED)


async def test_a_second_worker_is_told_what_it_needs_and_no_more() -> None:
    heard: list[Envelope] = []

    async def slowly(call: Call) -> None:
        await asyncio.sleep(0.1)
        await refusing(500)(call)

    async with listening(slowly) as upstream, working(dialling(upstream.url), serves=["azure-ca"]) as rig:
        await rig.bus.subscribe(work("openai"), lambda message: heard.append(Envelope.FromString(message.data)))
        got = await rig.ask(AZURE, slip=BOTH, budget_ms=5_000)
        await until(lambda: bool(heard))
        held = rig.ledger.holds()[0].amount_nano
        await got.inflow.cancel()
        assert got.reading is not None
        got.reading.cancel()
    (envelope,) = heard
    assert (envelope.attempt, envelope.held_nano, len(envelope.slip)) == (1, held, 2)
    assert envelope.body
    assert 0 < envelope.budget_ms <= 4_900
    earlier = envelope.tries[0]
    assert earlier == Try(
        route_id=AZURE, code="upstream_error", provider_status=500, total_ms=earlier.total_ms, sent=True
    )
