"""Feedback as the router has it: followed as it changes, an account's own, and nothing where it cannot be read."""

from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.facts_pb2 import FeedbackCounts
from libs.telemetry.metrics import Metrics
from services.router.feedback import Feedback
from tests.support.broker import until

Count = FeedbackCounts.Count


async def test_counts_are_followed_and_an_account_s_own() -> None:
    bus = MemoryBus()
    told = FeedbackCounts(counts=[Count(route_id="a", task="t", good=3, bad=1), Count(route_id="b", task="t", bad=2)])
    await bus.put("feedback", "t_one", told.SerializeToString())
    feedback = Feedback(bus, Metrics())
    await feedback.start()
    try:
        assert feedback.counts("t_one") == {("a", "t"): (3, 1), ("b", "t"): (0, 2)}
        assert feedback.counts("t_two") == {}
        await bus.put("feedback", "t_one", FeedbackCounts().SerializeToString())
        await until(lambda: not feedback.counts("t_one"))
        await bus.put("feedback", "t_two", b"\xff not a message")
        await bus.put("feedback", "t_one", told.SerializeToString())
        await until(lambda: bool(feedback.counts("t_one")))
        assert feedback.counts("t_two") == {}
    finally:
        await feedback.close()
