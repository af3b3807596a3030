"""Which requests are open, and which are lost."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.northern.v1.facts_pb2 import Fact, Outcome
from services.custody.domain import ABANDONED_MS, OpenRequest, OpenRequests, abandoned, closing, lost
from services.custody.statements import statement

Make = Callable[..., Fact]


def opened(*facts: Fact) -> OpenRequests:
    requests = OpenRequests()
    for made in facts:
        requests.observe(statement(made))
    return requests


def test_a_request_is_open_from_its_egress_to_its_first_finished(fact: Make) -> None:
    requests = opened(fact("egress"))
    assert [r.boot_id for r in requests] == ["worker-1"]
    assert requests.observe(statement(fact("finished")))
    assert len(requests) == 0


def test_a_second_finished_changes_nothing_and_is_said_to(fact: Make) -> None:
    requests = opened(fact("egress"), fact("finished"))
    assert not requests.observe(statement(fact("finished")))


def test_the_same_id_of_two_tenants_is_two_requests(fact: Make) -> None:
    requests = opened(fact("egress"), fact("egress", tenant="t_two"), fact("finished"))
    assert [r.tenant for r in requests] == ["t_two"]


def test_a_later_attempt_takes_the_request_over(fact: Make) -> None:
    (request,) = opened(fact("egress"), fact("egress", boot_id="worker-2", attempt=1))
    assert (request.boot_id, request.attempt) == ("worker-2", 1)


def test_a_lost_request_is_closed_with_what_was_delivered(fact: Make) -> None:
    (request,) = opened(fact("egress", attempt=1), fact("delivered", output_bytes=10))
    made = closing(request, 1_800_000_000_123)
    assert made.finished.outcome == Outcome.OUTCOME_WORKER_LOST
    assert (made.finished.usage.output, made.finished.usage.input) == (3, 0)
    assert made.finished.usage.estimated
    assert made.finished.output_bytes == 10
    assert made.finished.error_code == "worker_lost"
    assert made.finished.attempts == 2
    assert made.finished.route == fact("egress").egress.route
    assert (made.tenant, made.request_id, made.at_ms) == ("t_one", "0" * 16, 1_800_000_000_123)


def test_a_lost_request_of_which_nothing_was_delivered_is_closed_with_nothing(fact: Make) -> None:
    (request,) = opened(fact("egress"))
    assert closing(request, 1).finished.usage.output == 0


def request(boot_id: str) -> OpenRequest:
    return OpenRequest(tenant="t", request_id="0" * 16, boot_id=boot_id, attempt=0, host="h", route={})


def test_a_worker_silent_for_15_s_has_lost_its_requests_and_a_beating_one_has_not() -> None:
    both = [request("dead"), request("alive")]
    heard = {"dead": 100.0, "alive": 110.0}
    assert lost(both, heard, 0.0, 114.9) == []
    assert [r.boot_id for r in lost(both, heard, 0.0, 115.0)] == ["dead"]


def test_a_worker_never_heard_is_given_15_s_from_when_we_began_to_listen() -> None:
    assert lost([request("unknown")], {}, 100.0, 114.9) == []
    assert len(lost([request("unknown")], {}, 100.0, 115.0)) == 1


def test_silence_while_we_were_not_listening_is_nobodys_fault() -> None:
    assert lost([request("w")], {"w": 10.0}, 200.0, 214.0) == []


@given(now=st.floats(0, 1e6), back=st.floats(0, 1e6), since=st.floats(0, 1e6))
def test_a_clock_that_steps_back_makes_nothing_lost(now: float, back: float, since: float) -> None:
    assert lost([request("w")], {"w": now}, min(since, now), now - back) == []


def test_what_the_edge_has_long_ended_is_abandoned_though_a_worker_lives(fact: Make) -> None:
    """Handed on from one worker to another that died before it had written anything down."""
    delivered = fact("delivered", at_ms=1_000_000)
    requests = opened(fact("egress"), delivered)
    assert abandoned(requests, 1_000_000 + ABANDONED_MS - 1) == []
    assert len(abandoned(requests, 1_000_000 + ABANDONED_MS)) == 1
    assert abandoned(opened(fact("egress")), 1 << 50) == []
    assert abandoned(opened(fact("egress"), delivered, fact("finished")), 1 << 50) == []
    assert abandoned(opened(fact("egress"), delivered, fact("egress", attempt=1)), 1 << 50) == []
