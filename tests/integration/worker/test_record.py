"""I1 and the end of every request: nothing leaves before its record is durable, and every record is closed once."""

import asyncio
from collections.abc import Callable

import orjson
import pytest

from libs.contracts.errors import RecordUnavailable, StreamBroken, WorkerLost
from libs.contracts.northern.v1.facts_pb2 import Fact, Outcome
from services.worker.requests.run import Run
from tests.integration.worker.rig import KEY, OPENAI, Got, Rig, dialling, working
from tests.integration.worker.upstream import (
    DONE,
    END,
    Call,
    Plan,
    event,
    listening,
    piece,
    response,
    stream_head,
    three_words,
    whole,
)
from tests.support.broker import until

CANCELLED, NOT_SENT = Outcome.OUTCOME_CANCELLED, Outcome.OUTCOME_NOT_SENT


async def hang(call: Call) -> None:
    await call.hangs_up()


async def stall(call: Call) -> None:
    """Two words, then nothing."""
    await call.write(stream_head() + piece(event()) + piece(event("one ")) + piece(event("two")))
    await call.hangs_up()


# --- I1: no unlogged egress -----------------------------------------------------------------------------------------


async def test_i1_the_egress_record_is_durable_before_the_provider_sees_a_byte() -> None:
    durable_when_called: list[list[str | None]] = []

    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:

        async def plan(call: Call) -> None:
            durable_when_called.append([fact.WhichOneof("kind") for fact in rig.facts()])
            await whole(call)

        upstream.plan = plan
        rig.bus.disk.clear()
        got = await rig.ask()
        await asyncio.sleep(0.15)
        assert upstream.connections == 0  # the record is on its way, and the request waits for it
        rig.bus.disk.set()
        await got.over()
        assert got.error is None
        await rig.only_finished()
    assert durable_when_called == [["egress"]]


@pytest.mark.parametrize("way", ["slow", "broken"])
async def test_i1_a_record_that_cannot_be_written_lets_nothing_leave(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.requests.record.WAIT_S", 0.15)
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        if way == "slow":
            rig.bus.disk.clear()
        else:
            rig.bus.disk_broken = True
        got = await (await rig.ask()).over()
        assert type(got.error) is RecordUnavailable
        assert got.error.retryable
        assert "nothing was sent" in got.error.message
        rig.bus.disk.set()
        rig.bus.disk_broken = False
        finished = await rig.only_finished()  # both facts arrive in their order once the disk is back
        assert upstream.connections == 0
    assert (finished.outcome, finished.error_code, finished.cost_nano) == (NOT_SENT, "record_unavailable", 0)
    assert finished.provider_status == 0


async def test_i1_too_many_facts_waiting_refuse_work_and_leave_no_open_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.bus.facts._MAX_WAITING", 0)
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        await rig.settled()
        assert type(got.error) is RecordUnavailable
        assert (rig.facts(), upstream.connections) == ([], 0)


async def test_the_finished_fact_is_durable_before_the_caller_sees_the_end() -> None:
    async with listening(three_words) as upstream, working(dialling(upstream.url)) as rig:
        for stream in (True, False):
            upstream.plan = three_words if stream else whole
            got = await (await rig.ask(stream=stream)).over()
            assert got.has("end")
            assert len(rig.finished()) == rig.asked


async def test_a_broker_that_goes_after_the_call_holds_the_answer_back_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.worker.requests.record.WAIT_S", 0.2)
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:

        async def plan(call: Call) -> None:
            rig.bus.disk.clear()
            await whole(call)

        upstream.plan = plan
        got = await (await rig.ask()).over()
        assert got.error is None
        assert rig.finished() == []
        rig.bus.disk.set()
        assert (await rig.only_finished()).outcome == Outcome.OUTCOME_COMPLETED


# --- exactly one Finished, whatever happens -------------------------------------------------------------------------


POINTS: dict[str, tuple[Plan, Callable[[Rig, Got, list[Call]], bool], Outcome]] = {
    "while the record is written": (hang, lambda rig, got, calls: bool(rig.handlers.street.facts.waiting), NOT_SENT),
    "while the provider thinks": (hang, lambda rig, got, calls: bool(calls), CANCELLED),
    "in mid-stream": (stall, lambda rig, got, calls: event("two") in got.data, CANCELLED),
}


@pytest.mark.parametrize("point", POINTS)
async def test_a_client_that_leaves_stops_the_provider_within_a_second_and_closes_the_record_once(point: str) -> None:
    plan, reached, outcome = POINTS[point]
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        if outcome == NOT_SENT:
            rig.bus.disk.clear()
        got = await rig.ask(stream=True)
        await until(lambda: reached(rig, got, upstream.calls))
        await until(lambda: bool(got.inflow.ctl))
        await got.inflow.cancel()
        if outcome == NOT_SENT:
            await asyncio.sleep(0.02)
            rig.bus.disk.set()
        else:
            await asyncio.wait_for(upstream.calls[0].gone.wait(), 1.0)
        finished = await rig.only_finished()
        assert got.reading is not None
        got.reading.cancel()
    assert (finished.outcome, finished.error_code) == (outcome, "client_gone")
    assert finished.usage.estimated is (point == "in mid-stream")
    assert (finished.cost_nano > 0) is (point == "in mid-stream")
    assert upstream.connections == (0 if outcome == NOT_SENT else 1)


async def test_an_edge_that_falls_silent_is_a_client_that_is_gone() -> None:
    async with listening(stall) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(stream=True)
        await until(lambda: event("two") in got.data)
        got.inflow.close()
        assert rig.inflows._ticker is not None
        rig.inflows._ticker.cancel()  # no more beats: the edge is dead
        began = rig.outflows.now
        rig.outflows.now = lambda: began() + 7.0
        await asyncio.wait_for(upstream.calls[0].gone.wait(), 1.0)
        finished = await rig.only_finished()
        rig.outflows.now = began
        assert got.reading is not None
        got.reading.cancel()
    assert finished.outcome == CANCELLED


async def begun(rig: Rig) -> Run:
    """The one run, at the first turn of the loop at which it is there."""
    for _ in range(1_000):
        for run in rig.handlers.runs.values():
            return run
        await asyncio.sleep(0)
    raise AssertionError("nothing runs")


@pytest.mark.parametrize("stream", [False, True])
async def test_however_late_the_task_is_cancelled_what_is_on_record_is_closed_exactly_once(stream: bool) -> None:
    """A kill at every turn of the loop between taking the request and its end, as a stopping process would."""
    async with listening(three_words if stream else whole) as upstream, working(dialling(upstream.url)) as rig:
        turns = 1  # a task that has not begun has promised nothing
        ended = False
        while not ended:
            before = rig.asked
            got = await rig.ask(stream=stream)
            run = await begun(rig)
            for _ in range(turns):
                await asyncio.sleep(0)
            assert run.task is not None
            ended = run.task.done()
            run.task.cancel()
            await got.over()
            await rig.settled()
            mine = [fact for fact in rig.facts() if fact.request_id == f"{before + 1:016x}"]
            kinds = [fact.WhichOneof("kind") for fact in mine]
            assert kinds in ([], ["egress", "finished"]), (turns, kinds)
            if ended:
                assert got.has("end")
            elif not got.has("end"):
                assert isinstance(got.error, WorkerLost | StreamBroken), turns
            assert len(upstream.calls) <= len(rig.egress())
            turns += 1
    assert turns > 5


@pytest.mark.parametrize("stream", [False, True])
async def test_however_late_the_client_leaves_what_is_on_record_is_closed_exactly_once(stream: bool) -> None:
    async with listening(three_words if stream else whole) as upstream, working(dialling(upstream.url)) as rig:
        turns = 0
        ended = False
        while not ended:
            got = await rig.ask(stream=stream)
            run = await begun(rig)
            for _ in range(turns):
                await asyncio.sleep(0)
            assert run.task is not None
            ended = run.task.done()
            run._outflow._leave()
            await rig.settled()
            mine = [fact for fact in rig.facts() if fact.request_id == f"{rig.asked:016x}"]
            assert [fact.WhichOneof("kind") for fact in mine] in ([], ["egress", "finished"]), turns
            assert got.reading is not None
            got.reading.cancel()
            turns += 1
    assert turns > 5
    assert len(upstream.calls) <= len(rig.egress()) == len(rig.finished())


async def test_a_fault_of_our_own_is_told_without_its_text_and_closes_the_record(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fall(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("services.worker.requests.seen.Seen.answers", fall)
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    assert got.error is not None
    assert got.error.code == "internal"
    assert "secret" not in got.error.message + capsys.readouterr().out
    assert (finished.outcome, finished.error_code) == (Outcome.OUTCOME_FAILED, "internal")


async def test_a_reader_that_stops_slows_the_provider_instead_of_filling_memory() -> None:
    """Without credit coming back, what lies between provider and client is bounded."""
    written = 0

    async def flood(call: Call) -> None:
        nonlocal written
        await call.write(stream_head() + piece(event()))
        data = piece(event("x" * 60_000))
        for _ in range(400):
            await call.write(data)
            written += len(data)
        await call.write(piece(event(finish="stop")) + piece(DONE) + END)

    async with listening(flood) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(stream=True)
        got.credit = False
        await until(lambda: len(got.data) > 190_000)
        held = -1
        async with asyncio.timeout(5):
            while held != written:
                held = written
                await asyncio.sleep(0.2)
        assert len(got.data) <= 256 << 10
        assert held < 20 << 20
        got.credit = True
        await got.inflow.consumed(len(got.data))
        await got.over()
        await rig.only_finished()
    assert got.error is None
    assert len(got.data) > 400 * 60_000


# --- taking no more than can be carried, and stopping ---------------------------------------------------------------


async def test_one_request_too_many_is_overloaded_and_leaves_no_record() -> None:
    async with listening(hang) as upstream, working(dialling(upstream.url), in_flight=1) as rig:
        first = await rig.ask()
        await until(lambda: len(upstream.calls) == 1)
        second = await (await rig.ask()).over()
        assert second.error is not None
        assert (second.error.code, second.error.retry_after_ms) == ("overloaded", 1000)
        assert len(rig.egress()) == len(upstream.calls) == 1
        await first.inflow.cancel()
        await rig.only_finished()
        upstream.plan = whole
        assert (await (await rig.ask()).over()).error is None
        assert first.reading is not None
        first.reading.cancel()


async def test_a_worker_that_stops_lets_answers_end_first() -> None:
    go_on = asyncio.Event()

    async def slow(call: Call) -> None:
        await go_on.wait()
        await whole(call)

    async with listening(slow) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask()
        await until(lambda: len(upstream.calls) == 1)
        draining = asyncio.create_task(rig.handlers.drain(5))
        await asyncio.sleep(0.05)
        assert not draining.done()
        go_on.set()
        await draining
        await got.over()
        assert got.error is None
        await rig.only_finished()


@pytest.mark.parametrize(("plan", "outcome"), [(hang, Outcome.OUTCOME_FAILED), (stall, Outcome.OUTCOME_CUT)])
async def test_a_worker_that_must_stop_says_so_at_once_and_closes_its_records(plan: Plan, outcome: Outcome) -> None:
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(stream=True)
        await until(lambda: len(upstream.calls) == 1)
        if plan is stall:
            await until(lambda: event("two") in got.data)
        await rig.handlers.drain(0.05)
        await got.over(0.5)  # and not when three beats are missed
        finished = await rig.only_finished()
    assert got.error is not None
    assert type(got.error) is (StreamBroken if plan is stall else WorkerLost)
    assert (finished.outcome, finished.error_code) == (outcome, "worker_lost")


async def test_what_cannot_be_read_is_ignored_and_harms_nobody() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        await rig.bus.publish("ni.work.openai", b"\xff\xff\xff")
        assert (await (await rig.ask()).over()).error is None


async def test_a_slip_that_is_empty_or_names_what_is_not_served_is_answered_and_sends_nothing() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask("no/such-route")).over()
        assert got.error is not None
        assert got.error.code == "route_unavailable"
        await rig.settled()
        assert (rig.facts(), upstream.connections) == ([], 0)


async def test_a_body_whose_holder_is_gone_sends_nothing() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(body=orjson.dumps({"messages": ["x" * 600_000]}), large=True)
        got.inflow.body = None
        got.inflow.close()
        await until(lambda: not rig.handlers.runs, 8)
        assert (rig.facts(), upstream.connections) == ([], 0)
        assert got.reading is not None
        got.reading.cancel()


async def test_no_fact_holds_a_body_or_a_credential() -> None:
    async def answer(call: Call) -> None:
        await call.write(response(orjson.dumps({"choices": [{"message": {"content": "canary-answer"}}]})))

    async with listening(answer) as upstream, working(dialling(upstream.url)) as rig:
        body = orjson.dumps({"messages": [{"role": "user", "content": "canary-prompt"}]})
        await (await rig.ask(OPENAI, body=body)).over()
        await rig.only_finished()
        durable = b"".join(Fact.SerializeToString(fact) for fact in rig.facts())
    for canary in (b"canary-prompt", b"canary-answer", KEY.encode()):
        assert canary not in durable
