"""Feedback and decisions in the real store: the last word counts once, and counts are an account's own."""

import asyncio

import orjson
import pytest

from libs.bus.base import Stored
from libs.contracts.northern.v1.envelope_pb2 import Decision
from libs.contracts.northern.v1.facts_pb2 import Fact, Feedback, FeedbackCounts
from libs.contracts.northern.v1.query_pb2 import AnsweredAsk, AnsweredTold, ListTold, UsageAsk
from libs.projection.base import UnreadableError
from libs.projection.facts import facts_in
from services.billing.acts.log import acts_in
from services.billing.books.desk import Desk as Books
from services.billing.books.queries import Queries
from services.billing.feedback import desk
from services.billing.feedback.desk import Desk
from services.billing.feedback.given import feedback_in
from tests.integration.billing.kept import Kept
from tests.support.money_facts import AT_MS, egress, finished, message, request_id

Counts = dict[tuple[str, str], tuple[int, int]]

QWEN, AZURE = "Qwen/Qwen3-14B", "azure/gpt-4.1-mini-ca"
DECISION = Decision(
    task="code_generation",
    complexity="simple",
    confidence=0.95,
    model=AZURE,
    time_ns=118_400,
    optimize="cost",
    fit=0.812_34,
    expected_nano=120_000,
    reason="utility",
    fallbacks=[QWEN],
    considered=7,
    version="r1",
    propensity=1.0,
)


def rated(n: int, rating: int, *, route: str = QWEN, task: str = "analysis", tenant: str = "t_one") -> Fact:
    said = Feedback(of_request=request_id(n), rating=rating, key_id="k_one", route_id=route, task=task)
    return Fact(request_id=request_id(n), tenant=tenant, at_ms=AT_MS + n, feedback=said)


async def counts(kept: Kept, tenant: str = "t_one") -> Counts:
    entry = await kept.bus.get("feedback", tenant)
    told = FeedbackCounts.FromString(entry.value) if entry is not None else FeedbackCounts()
    return {(one.route_id, one.task): (one.good, one.bad) for one in told.counts}


async def counted(kept: Kept, expected: Counts, tenant: str = "t_one") -> None:
    """Until the bucket says so."""
    async with asyncio.timeout(20):
        while True:
            if await counts(kept, tenant) == expected:
                return
            await asyncio.sleep(0.05)


async def test_a_decision_stands_on_the_row_of_its_request(kept: Kept) -> None:
    chosen = egress()
    chosen.egress.decision.CopyFrom(DECISION)
    await kept.fact(chosen)
    await kept.fact(egress(1))
    await kept.fact(finished(), finished(1))
    async with kept.projecting():
        await kept.until("SELECT count() AS n FROM usage", lambda n: n == 2)
        ask = UsageAsk(tenant=chosen.tenant)
        told = ListTold.FromString(await Books(queries=Queries(kept.store)).usage(ask.SerializeToString()))
        named, auto = (orjson.loads(entry) for entry in told.entries)
        assert (named["routing"], named["task"]) == (None, None)
        assert auto["task"] == "code_generation"
        assert auto["routing"] == {
            "task": "code_generation",
            "complexity": "simple",
            "confidence": 0.95,
            "model": AZURE,
            "optimize": "cost",
            "reason": "utility",
            "fit": 0.8123,
            "expected_cost_usd": "0.00012",
            "candidates_considered": 7,
            "propensity": 1.0,
            "routing_time_ms": 0.118,
            "router_version": "r1",
        }


async def test_the_last_word_on_a_request_counts_and_once(kept: Kept) -> None:
    await kept.fact(rated(0, 1), rated(1, 1), rated(2, -1), rated(2, 1), rated(2, -1))
    await kept.fact(rated(3, 1, route=AZURE), rated(4, 1, task=""))
    async with kept.projecting():
        await counted(kept, {(QWEN, "analysis"): (2, 1), (AZURE, "analysis"): (1, 0)})
        await kept.fact(rated(0, -1))  # a block of its own: the row before it is another part of the table
        await counted(kept, {(QWEN, "analysis"): (1, 2), (AZURE, "analysis"): (1, 0)})


async def test_what_is_read_again_changes_nothing(kept: Kept) -> None:
    await kept.fact(rated(0, 1), rated(1, -1))
    for _ in range(2):  # no row of the request log moves the position: all of it is read again
        async with kept.projecting():
            await counted(kept, {(QWEN, "analysis"): (1, 1)})
        await kept.bus.delete("feedback", "t_one")


async def test_counts_are_an_account_s_own(kept: Kept) -> None:
    await kept.fact(rated(0, 1), rated(1, -1, tenant="t_two"))
    async with kept.projecting():
        await counted(kept, {(QWEN, "analysis"): (1, 0)})
        await counted(kept, {(QWEN, "analysis"): (0, 1)}, "t_two")


async def asked(kept: Kept, tenant: str, of: str) -> AnsweredTold:
    ask = AnsweredAsk(tenant=tenant, request_id=of)
    return AnsweredTold.FromString(await Desk(store=kept.store).answered(ask.SerializeToString()))


async def test_who_answered_is_told_to_the_account_that_asked_alone(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "_WAIT_S", 0.25)
    chosen = egress()
    chosen.egress.decision.CopyFrom(DECISION)
    await kept.fact(chosen)
    await kept.fact(finished())
    async with kept.projecting():
        await kept.until("SELECT count() AS n FROM usage", lambda n: n == 1)
    told = await asked(kept, chosen.tenant, request_id())
    assert (told.route_id, told.task) == (chosen.egress.route.route_id, "code_generation")
    other, nobody = await asked(kept, "t_other", request_id()), await asked(kept, chosen.tenant, request_id(9))
    assert other == nobody
    assert other.failure.code == "not_found"
    assert (await asked(kept, "", request_id())).failure.code == "invalid_request"
    assert (await asked(kept, "t", "x' OR 1=1 --")).failure.code == "invalid_request"


@pytest.mark.parametrize("bad", [rated(0, 0), rated(0, 2), rated(0, 1, tenant=""), egress()])
def test_what_is_no_feedback_is_put_aside(bad: Fact) -> None:
    with pytest.raises(UnreadableError):
        feedback_in(Stored(subject="ev.feedback.0", seq=1, data=message(bad)))
    assert feedback_in(Stored(subject="ev.egress.0", seq=1, data=message(bad))) is None


def test_feedback_is_nothing_to_the_readers_of_requests() -> None:
    """No leaf of the transparency log, no charge, no audit row: what is rated changes nothing of the request."""
    stored = Stored(subject="ev.feedback.0", seq=1, data=message(rated(0, 1)))
    assert facts_in(stored) is None
    assert acts_in(stored) is None
