"""What an attempt along the slip leaves: decision, signals, a body no longer kept, and one end however it stops."""

import asyncio
from collections.abc import Callable

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Decision
from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.northern.v1.street_pb2 import Breaker
from tests.integration.worker.rig import (
    ANTHROPIC_MESSAGES,
    AZURE,
    CLAUDE,
    COUNT,
    OPENAI,
    QWEN,
    dialling,
    working,
)
from tests.integration.worker.upstream import (
    ANSWER,
    Call,
    Plan,
    event,
    listening,
    piece,
    refusing,
    response,
    stream_head,
    whole,
)
from tests.integration.worker.walks import (
    BOTH,
    FAILED,
    answering,
    ask,
    begun,
    called,
    ended,
    headed,
    in_turn,
    silent,
)
from tests.support.broker import until


async def test_a_decision_says_that_it_was_a_fallback_that_answered() -> None:
    chosen = Decision(task="chat", model=AZURE, reason="utility", fallbacks=[OPENAI])
    async with listening(in_turn(refusing(500), whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, decision=chosen)
        egresses, _ = await ended(rig)
    head = next(frame.head for frame in got.frames if frame.HasField("head"))
    assert (head.decision.model, head.decision.reason, head.decision.task) == (OPENAI, "fallback", "chat")
    assert [(each.decision.model, each.decision.reason) for each in egresses] == [
        (AZURE, "utility"),
        (OPENAI, "fallback"),
    ]


async def test_the_signals_of_each_deployment_hear_of_its_own_calls() -> None:
    async with listening(in_turn(refusing(429), whole)) as upstream, working(dialling(upstream.url)) as rig:
        await ask(rig)
        await ended(rig)
        found = {each.route_id: each for each in rig.handlers.street.signals.states()}
    assert (found[AZURE].pending, found[AZURE].headroom_permille) == (0, 0)
    assert (found[OPENAI].pending, found[OPENAI].calls, found[OPENAI].headroom_permille) == (0, 1, 1000)
    assert found[OPENAI].first_byte_p50_ms > 0


async def test_a_deployment_that_fails_again_and_again_opens_its_breaker_and_a_leaving_client_does_not() -> None:
    plan = in_turn(*[refusing(500)] * 6, silent)
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        for _ in range(6):
            await ask(rig, slip=(AZURE,))
        assert rig.handlers.street.signals.breaker(AZURE) == Breaker.BREAKER_OPEN
        for _ in range(6):
            before = len(upstream.calls)
            got = await rig.ask(OPENAI)
            await called(upstream, before + 1)
            await got.inflow.cancel()
            await rig.settled()
        assert rig.handlers.street.signals.breaker(OPENAI) == Breaker.BREAKER_CLOSED
        assert all(not each.pending for each in rig.handlers.street.signals.states())


async def test_a_count_that_no_candidate_could_make_is_estimated_and_the_failed_call_is_closed() -> None:
    async with listening(refusing(500)) as upstream, working(dialling(upstream.url)) as rig:
        body = orjson.dumps({"messages": [{"role": "user", "content": "hi"}]})
        slip = (CLAUDE, OPENAI)
        got = await ask(rig, slip=slip, dialect=ANTHROPIC_MESSAGES, operation=COUNT, body=body)
        _, finished = await ended(rig)
    head = next(frame.head for frame in got.frames if frame.HasField("head"))
    assert (got.error, head.estimated, head.attempts, head.route.route_id) == (None, True, 1, CLAUDE)
    assert (finished.attempts, finished.outcome) == (1, FAILED)


@pytest.mark.parametrize("large", [False, True])
async def test_the_next_candidate_is_sent_what_the_first_was(large: bool) -> None:
    body = orjson.dumps({"messages": [{"role": "user", "content": "x" * (600_000 if large else 60)}]})
    async with listening(in_turn(refusing(500), whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, body=body, large=large)
        await ended(rig)
    first, second = (orjson.loads(call.body)["messages"] for call in upstream.calls)
    assert got.error is None
    assert first == second == orjson.loads(body)["messages"]


async def test_a_body_is_not_kept_once_nobody_else_can_need_it() -> None:
    async def waits(call: Call) -> None:
        await call.write(stream_head() + piece(event()) + piece(event("one ")))
        await call.hangs_up()

    async with listening(waits) as upstream, working(dialling(upstream.url)) as rig:
        for slip, kept in ((BOTH, True), ((OPENAI,), False)):
            got = await rig.ask(slip[0], slip=slip, stream=True)
            run, before = await begun(rig), len(upstream.calls)
            await called(upstream, before + 1)
            assert got.has("head") or bool(run._request.envelope.body) is kept
            await headed(got)
            assert run._request._envelope is None
            await got.inflow.cancel()
            await rig.settled()


async def test_a_body_is_not_kept_while_a_whole_answer_comes() -> None:
    """The first of it binds: nobody else is tried after that."""

    async def slowly(call: Call) -> None:
        answer = response(orjson.dumps(ANSWER))
        await call.write(answer[:-20])
        await call.hangs_up()

    async with listening(slowly) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(AZURE, slip=BOTH)
        run = await begun(rig)
        await called(upstream, 1)
        await until(lambda: not run._request.envelope.body)
        await got.inflow.cancel()
        await rig.settled()


async def test_a_client_that_leaves_between_attempts_stops_the_walk() -> None:
    left = asyncio.Event()

    async def fails(call: Call) -> None:
        await left.wait()
        await refusing(500)(call)

    async with listening(in_turn(refusing(500), fails, whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(AZURE, slip=(AZURE, OPENAI, QWEN))
        await until(lambda: len(upstream.calls) == 2)
        await got.inflow.cancel()
        await rig.settled()
        left.set()
        egresses, finished = await ended(rig)
        assert got.reading is not None
        got.reading.cancel()
    assert (len(upstream.calls), len(egresses)) == (2, 2)
    assert (finished.attempts, finished.outcome) == (2, Outcome.OUTCOME_CANCELLED)


@pytest.mark.parametrize("stream", [False, True])
async def test_however_late_a_walk_is_stopped_it_is_closed_exactly_once(stream: bool) -> None:
    plan: Callable[[], Plan] = lambda: in_turn(refusing(500), answering(stream))  # noqa: E731 - one for each request
    turns, over = 1, False
    while not over:
        async with listening(plan()) as upstream, working(dialling(upstream.url)) as rig:
            got = await rig.ask(AZURE, slip=BOTH, stream=stream)
            run = await begun(rig)
            for _ in range(turns):
                await asyncio.sleep(0)
            assert run.task is not None
            over = run.task.done()
            run.task.cancel()
            await got.over()
            await rig.settled()
            kinds = [fact.WhichOneof("kind") for fact in rig.facts()]
            assert kinds in ([], ["egress", "finished"], ["egress", "egress", "finished"]), (turns, kinds)
            assert len(upstream.calls) <= kinds.count("egress")
            signals = rig.handlers.street.signals.states()
            assert all(each.pending == 0 for each in signals)
        turns += 3
