"""I3 at the worker: nothing leaves or is answered beyond what is held for it, and nothing stays held."""

import asyncio
from collections.abc import Callable

import orjson
import pytest

from libs.contracts.errors import (
    BillingUnavailable,
    CreditOnHold,
    IdempotentReplay,
    InsufficientCredits,
    NorthernError,
    RateLimitExceeded,
    RecordUnavailable,
    SpendCapReached,
)
from libs.contracts.northern.v1.envelope_pb2 import Try
from libs.contracts.northern.v1.facts_pb2 import Finished, Outcome
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply, LedgerRequest
from tests.integration.worker.rig import ANTHROPIC_MESSAGES, AZURE, CLAUDE, COUNT, OPENAI, dialling, working
from tests.integration.worker.upstream import (
    DONE,
    END,
    Call,
    Plan,
    event,
    listening,
    piece,
    stream_head,
    three_words,
    whole,
)
from tests.support.broker import until
from tests.support.ledger import RICH, Core, agree

CUT, NOT_SENT, COMPLETED = Outcome.OUTCOME_CUT, Outcome.OUTCOME_NOT_SENT, Outcome.OUTCOME_COMPLETED
CANCELLED = Outcome.OUTCOME_CANCELLED


def saying(words: int, size: int = 100, *, then: Plan | None = None) -> Plan:
    """A stream of so many words of so many bytes; `then` in the place of its end."""

    async def plan(call: Call) -> None:
        await call.write(stream_head() + piece(event()))
        for _ in range(words):
            try:
                await call.write(piece(event("x" * size)))
            except ConnectionError:
                call.gone.set()
                return
            await asyncio.sleep(0)
        if then is not None:
            await then(call)
            return
        await call.write(piece(event(finish="stop")) + piece(DONE) + END)

    return plan


async def hang(call: Call) -> None:
    await call.hangs_up()


def only(code: str, **more: int | str) -> Callable[[LedgerRequest], LedgerReply | None]:
    """A ledger that refuses every hold so, and agrees to everything else."""

    def script(request: LedgerRequest) -> LedgerReply:
        return LedgerReply(code=code, **more) if request.HasField("hold") else agree(request)  # type: ignore[arg-type]

    return script


# --- before anything leaves -----------------------------------------------------------------------------------------


async def test_i3_nothing_leaves_before_the_hold_is_granted() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        answer = rig.ledger._answer

        async def slowly(message: object) -> None:
            asked.set()
            await go_on.wait()
            await answer(message)  # type: ignore[arg-type]

        await rig.ledger.stop()
        await rig.bus.subscribe("ni.ledger.0", slowly)
        got = await rig.ask()
        await asyncio.wait_for(asked.wait(), 2)
        await until(lambda: bool(rig.egress()))
        await asyncio.sleep(0.05)
        assert upstream.connections == 0
        go_on.set()
        await got.over()
        finished = await rig.only_finished()
    assert got.error is None
    (hold,) = rig.ledger.holds()
    assert (hold.account, hold.key_id, hold.request_id) == ("t_one", "k_one", f"{1:016x}")
    assert hold.amount_nano >= finished.billed_nano > 0
    assert rig.ledger.voids() == []


async def test_the_hold_and_the_egress_record_are_asked_for_at_the_same_time() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        rig.bus.disk.clear()
        got = await rig.ask()
        await until(lambda: len(rig.ledger.holds()) == 1)  # while the record is not durable yet
        assert upstream.connections == 0
        rig.bus.disk.set()
        await got.over()
    assert got.error is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_credits", InsufficientCredits),
        ("spend_cap_reached", SpendCapReached),
        ("credit_on_hold", CreditOnHold),
        ("rate_limit_exceeded", RateLimitExceeded),
        ("idempotent_replay", IdempotentReplay),
        ("billing_unavailable", BillingUnavailable),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_hold_sends_nothing_charges_nothing_and_claims_no_way_out(
    code: str, kind: type[NorthernError], stream: bool
) -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        rig.ledger.script = only(code, retry_after_ms=900, first_request_id="f" * 16)
        got = await (await rig.ask(stream=stream)).over()
        finished = await rig.only_finished()
    assert type(got.error) is kind
    assert not got.frames[-1].failure.HasField("route")
    assert (finished.outcome, finished.error_code) == (NOT_SENT, code)
    assert (finished.billed_nano, finished.cost_nano, finished.usage.output) == (0, 0, 0)
    assert upstream.connections == 0
    if isinstance(got.error, CreditOnHold):
        assert got.error.retry_after_ms == 900
    if isinstance(got.error, IdempotentReplay):
        assert got.error.first_request_id == "f" * 16


async def test_a_ledger_that_does_not_answer_lets_nothing_leave_and_the_hold_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.worker.money.asking._AGAIN_S", 0.05)
    monkeypatch.setattr("services.worker.money.asking.ANSWER_S", 0.1)
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        rig.ledger.script = lambda _: None
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
        await until(lambda: bool(rig.ledger.voids()))
    assert type(got.error) is BillingUnavailable
    assert "nothing was sent" in got.error.message
    assert (finished.outcome, finished.error_code, upstream.connections) == (NOT_SENT, "billing_unavailable", 0)


async def test_without_a_ledger_the_answer_is_no_at_once() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        await rig.ledger.stop()
        got = await (await rig.ask()).over(1.0)
        assert (await rig.only_finished()).outcome == NOT_SENT
    assert type(got.error) is BillingUnavailable
    assert upstream.connections == 0


async def test_a_record_that_cannot_be_written_gives_the_hold_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.requests.record.WAIT_S", 0.1)
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        rig.bus.disk.clear()
        got = await (await rig.ask()).over()
        await until(lambda: bool(rig.ledger.voids()))
        rig.bus.disk.set()
        await rig.only_finished()
    assert type(got.error) is RecordUnavailable
    assert [void.request_id for void in rig.ledger.voids()] == [rig.ledger.holds()[0].request_id]
    assert upstream.connections == 0


async def test_a_client_that_leaves_before_anything_is_sent_gives_the_hold_back() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        rig.bus.disk.clear()
        got = await rig.ask()
        await until(lambda: bool(rig.ledger.holds()) and bool(got.inflow.ctl))
        await got.inflow.cancel()
        await until(lambda: bool(rig.ledger.voids()))
        rig.bus.disk.set()
        assert (await rig.only_finished()).outcome == NOT_SENT
        assert got.reading is not None
        got.reading.cancel()
    assert upstream.connections == 0


async def test_counting_tokens_holds_nothing() -> None:
    async def count(call: Call) -> None:
        body = b'{"input_tokens": 12}'
        await call.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async with listening(count) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(CLAUDE, dialect=ANTHROPIC_MESSAGES, operation=COUNT)).over()
        assert (await rig.only_finished()).billed_nano == 0
    assert (got.error, rig.ledger.asked) == (None, [])


async def test_a_second_attempt_raises_the_hold_by_the_difference() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        await (await rig.ask()).over()
        full = rig.ledger.holds()[0].amount_nano
        earlier = Try(route_id=AZURE, code="upstream_error", sent=True)
        got = await (await rig.ask(slip=(AZURE, OPENAI), attempt=1, tries=[earlier], held_nano=full - 5)).over()
    assert got.error is None
    assert [each.amount_nano for each in rig.ledger.extends()] == [5]
    assert len(rig.ledger.holds()) == 1


@pytest.mark.parametrize("granted", [True, False])
async def test_what_the_shard_says_of_limits_goes_to_the_edge(granted: bool) -> None:
    limits = {"limit-requests": "2", "remaining-requests": "1", "reset-requests": "30000"}
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        code = "" if granted else "rate_limit_exceeded"
        rig.ledger.script = lambda _: LedgerReply(code=code, headers=limits, balance_nano=RICH)
        got = await (await rig.ask(idempotency_key="mine")).over()
        assert rig.ledger.holds()[0].idempotency_key == "mine"
    said = [frame.head if granted else frame.failure for frame in got.frames if frame.HasField("head") or not granted]
    assert dict(said[0].limits) == limits


async def test_what_was_billed_is_told_with_the_end_and_stands_on_record() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    end = got.frames[-1].end
    assert (end.billed_nano, end.billed_currency) == (finished.billed_nano, "CAD") == (finished.billed_nano, "CAD")
    assert finished.billed_nano > finished.cost_nano > 0  # another currency, and a markup


# --- while the answer comes -----------------------------------------------------------------------------------------


async def test_an_answer_longer_than_its_hold_raises_it_and_comes_whole() -> None:
    async with listening(saying(200)) as upstream, working(dialling(upstream.url)) as rig:
        rig.ledger.script = core = Core("t_one", RICH)
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.data.count(b"x" * 100) == 200
    assert 3 <= len(rig.ledger.extends()) <= 8
    assert core.account.held >= finished.billed_nano > 0


async def test_money_that_runs_out_stops_the_provider_and_what_was_delivered_is_charged() -> None:
    async with listening(saying(60, then=hang)) as upstream, working(dialling(upstream.url)) as rig:
        rig.ledger.script = agree
        first = await rig.ask(stream=True)
        await until(lambda: bool(rig.ledger.holds()))
        await first.inflow.cancel()
        await rig.settled()
        rig.ledger.script = core = Core("t_one", rig.ledger.holds()[0].amount_nano)
        got = await (await rig.ask(stream=True)).over()
        await asyncio.wait_for(upstream.calls[-1].gone.wait(), 1.0)
        await rig.settled()
        finished = rig.finished()[-1]
        assert first.reading is not None
        first.reading.cancel()
    assert type(got.error) is InsufficientCredits
    assert "incomplete" in got.error.message
    assert not got.has("end")
    delivered = got.data.count(b"x" * 100)
    assert 0 < delivered <= 10  # a token a byte: 1,024 of them were held for
    assert (finished.outcome, finished.error_code) == (CUT, "insufficient_credits")
    assert finished.output_bytes == delivered * 100
    assert (finished.usage.output, finished.usage.estimated) == (delivered * 25, True)
    assert 0 < finished.billed_nano <= core.account.held == core.account.balance
    assert core.lowest == 0


async def test_a_ledger_that_goes_away_in_the_middle_does_not_end_the_answer() -> None:
    async with listening(saying(3, 100)) as upstream, working(dialling(upstream.url)) as rig:

        async def plan(call: Call) -> None:
            await rig.ledger.stop()
            await saying(200)(call)

        upstream.plan = plan
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.data.count(b"x" * 100) == 200
    assert finished.outcome == COMPLETED


async def test_a_client_that_leaves_is_charged_for_what_was_forwarded_and_for_no_more() -> None:
    async with listening(saying(5, then=hang)) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(stream=True)
        await until(lambda: got.data.count(b"x" * 100) == 5)
        await got.inflow.cancel()
        finished = await rig.only_finished()
        assert got.reading is not None
        got.reading.cancel()
    assert (finished.outcome, finished.output_bytes, finished.usage.output) == (CANCELLED, 500, 125)
    assert rig.ledger.voids() == []  # what was sent is settled


async def test_a_stream_that_runs_long_renews_its_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.money.holding._RENEW_S", 0.05)
    async with listening(saying(1, then=hang)) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(stream=True)
        await until(lambda: len(rig.ledger.extends()) >= 1)
        await got.inflow.cancel()
        await rig.only_finished()
        assert got.reading is not None
        got.reading.cancel()
    assert {each.amount_nano for each in rig.ledger.extends()} == {0}


# --- all together ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
async def test_i3_many_at_once_never_spend_more_than_there_is_and_nothing_stays_held(seed: int) -> None:
    """Answers of every length for an account that has money for a few, some of whose clients hang up."""
    bodies = [orjson.dumps({"messages": [{"role": "user", "content": f"{n}"}]}) for n in range(40)]

    async def plan(call: Call) -> None:
        number = int(orjson.loads(call.body)["messages"][0]["content"])
        await saying(number * 7 % 45)(call)

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        await (await rig.ask(stream=True, body=bodies[3])).over()
        hold = rig.ledger.holds()[0].amount_nano
        await rig.settled()
        before = {fact.request_id for fact in rig.facts()}
        rig.ledger.script = core = Core("t_one", hold * (4 + 3 * seed))
        asked = [await rig.ask(stream=True, body=body) for body in bodies]
        for got in asked[seed::5]:
            await asyncio.sleep(0)
            await got.inflow.cancel()
        await rig.settled()
        for seq, fact in enumerate(rig.facts(), start=1):
            if fact.HasField("finished") and fact.request_id not in before:
                core.settle(fact.request_id, fact.finished.billed_nano, seq)
        finished: list[Finished] = rig.finished()
        for got in asked:
            assert got.reading is not None
            got.reading.cancel()
    assert core.lowest >= 0
    assert core.account.held == 0
    assert core.account.excess == 0
    assert {each.outcome for each in finished} >= {COMPLETED, NOT_SENT}


async def test_three_words_are_answered_by_an_account_that_has_just_enough() -> None:
    async with listening(three_words) as upstream, working(dialling(upstream.url)) as rig:
        await (await rig.ask(stream=True, max_tokens=64)).over()
        await rig.settled()
        rig.ledger.script = core = Core("t_one", rig.ledger.holds()[0].amount_nano)
        got = await (await rig.ask(OPENAI, stream=True, max_tokens=64)).over()
    assert got.error is None
    assert core.lowest == 0
