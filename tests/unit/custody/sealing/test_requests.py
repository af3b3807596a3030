"""When a request is complete, what makes no leaf, and from where facts are read again."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.northern.v1.facts_pb2 import Fact, Outcome, Substitute, Substituted
from libs.projection.base import Placed
from services.custody.sealing.requests import Complete, Requests
from tests.unit.custody.log.rig import delivered, egress, finished, refused

ONE, TWO, THREE = "0000000000000001", "0000000000000002", "0000000000000003"


def fed(requests: Requests, facts: Sequence[Fact], first: int = 1, now: float = 0.0) -> Requests:
    for seq, fact in enumerate(facts, first):
        requests.take(Placed(seq, 0, str(fact.WhichOneof("kind")), fact), now)
    return requests


def drawn(requests: Requests) -> list[Complete]:
    return list(requests.next())


def ids(requests: Requests) -> list[str]:
    return [one.request_id for one in drawn(requests)]


def substituted(request_id: str) -> Fact:
    said = Substituted(policy="p", counts={"PERSON": 1}, entities=[Substitute(type="PERSON", substitute="x" * 900)])
    return Fact(request_id=request_id, tenant="t_one", at_ms=1, pii=said)


def test_a_request_is_complete_with_its_finished_and_its_delivered_in_whatever_order() -> None:
    for facts in ([finished(ONE), delivered(ONE)], [delivered(ONE), finished(ONE)]):
        requests = fed(Requests(), [egress(ONE), facts[0]])
        assert not len(requests)
        fed(requests, facts[1:], 3)
        (complete,) = drawn(requests)
        assert (complete.request_id, complete.tenant, complete.overdue) == (ONE, "t_one", False)
        assert [kept.seq for kept in complete.facts] == [1, 2, 3]


def test_a_refused_request_is_complete_at_once() -> None:
    assert ids(fed(Requests(), [refused(ONE)])) == [ONE]


def test_ten_seconds_after_its_finished_a_request_is_complete_without_its_delivered() -> None:
    requests = fed(Requests(), [egress(ONE), finished(ONE)], now=100.0)
    assert not requests.overdue(109.9)
    requests.expire(109.9)
    assert not len(requests)
    assert requests.overdue(110.0)
    requests.expire(110.0)
    assert [one.overdue for one in drawn(requests)] == [True]
    fed(requests, [delivered(ONE)], 3)
    assert not len(requests)
    assert not requests.open


@pytest.mark.parametrize("code", ["insufficient_credits", "spend_cap_reached", "credit_on_hold"])
def test_what_was_not_sent_for_want_of_money_has_no_leaf(code: str) -> None:
    requests = fed(Requests(), [egress(ONE), finished(ONE, Outcome.OUTCOME_NOT_SENT, code), delivered(ONE)])
    assert not len(requests)
    assert not requests.open
    assert requests.open_from() == 4


def test_what_was_not_sent_for_another_reason_and_what_ended_for_want_of_money_has_one() -> None:
    not_sent = finished(ONE, Outcome.OUTCOME_NOT_SENT, "billing_unavailable")
    cut = finished(TWO, Outcome.OUTCOME_CUT, "insufficient_credits")
    assert ids(fed(Requests(), [egress(ONE), not_sent, delivered(ONE), egress(TWO), cut, delivered(TWO)])) == [ONE, TWO]


def test_late_facts_and_copies_make_no_second_leaf() -> None:
    facts = [egress(ONE), finished(ONE), delivered(ONE)]
    requests = fed(Requests(), [*facts, *facts, refused(TWO), refused(TWO), finished(ONE), delivered(ONE)])
    assert ids(requests) == [ONE, TWO]
    assert not requests.open


def test_what_is_in_the_log_is_not_sealed_again_when_it_is_read_again() -> None:
    facts = [egress(ONE), refused(TWO), finished(ONE), delivered(ONE), egress(THREE), finished(THREE), delivered(THREE)]
    assert ids(fed(Requests([ONE, TWO]), facts)) == [THREE]


def test_an_end_without_a_beginning_and_an_id_of_no_edge_are_left_alone() -> None:
    strange = [egress("not-an-id-at-all"), finished("not-an-id-at-all"), delivered("not-an-id-at-all")]
    requests = fed(Requests(), [finished(ONE), delivered(ONE), *strange])
    assert not len(requests)
    assert not requests.open


def test_a_fact_of_another_account_does_not_end_a_request() -> None:
    requests = fed(Requests(), [egress(ONE), finished(ONE, tenant="t_two"), delivered(ONE, tenant="t_two")])
    assert requests.open == 1
    assert not len(requests)


def test_what_was_substituted_is_part_of_the_request_without_what_it_was_and_alone_comes_to_nothing() -> None:
    requests = fed(Requests(), [substituted(ONE), substituted(TWO), egress(ONE), finished(ONE), delivered(ONE)])
    (complete,) = drawn(requests)
    assert [kept.seq for kept in complete.facts] == [1, 3, 4, 5]
    assert Fact.FromString(complete.facts[0].raw).pii.counts == {"PERSON": 1}
    assert len(complete.facts[0].raw) < 100
    assert requests.open_from() == 2
    requests.expire(120.0)
    assert not requests.open
    assert requests.open_from() == 6


def test_reading_goes_on_from_the_oldest_request_that_has_no_leaf_waiting_ones_too() -> None:
    requests = fed(Requests(), [egress(ONE), egress(TWO), finished(TWO), delivered(TWO), refused(THREE)])
    assert requests.open_from() == 1
    fed(requests, [finished(ONE), delivered(ONE)], 6)
    taken = requests.next()
    assert next(taken).request_id == TWO
    assert requests.open_from() == 1
    requests.back(next(taken))
    assert requests.open_from() == 1
    assert ids(requests) == [THREE, ONE]
    assert requests.open_from() == 8


def test_a_request_that_is_open_for_a_day_is_sealed_as_it_stands() -> None:
    requests = fed(Requests(), [egress(ONE)], now=5.0)
    requests.expire(86_404.0)
    assert not len(requests)
    assert requests.overdue(86_405.0)
    requests.expire(86_405.0)
    assert [(one.request_id, one.overdue) for one in drawn(requests)] == [(ONE, True)]


@given(st.randoms(use_true_random=False), st.integers(1, 12), st.data())
def test_wherever_reading_is_taken_up_again_every_request_is_sealed_once(
    chance: random.Random, count: int, data: st.DataObject
) -> None:
    """Batches are cut and the process restarted at random moments, as the sequencer does it."""
    lanes = [
        [egress(f"{n:016x}"), finished(f"{n:016x}"), delivered(f"{n:016x}")] if n % 3 else [refused(f"{n:016x}")]
        for n in range(count)
    ]
    stream: list[Fact] = []
    while any(lanes):
        stream.append(chance.choice([lane for lane in lanes if lane]).pop(0))
    in_log: list[tuple[str, int]] = []  # request, and how far EVENTS had been read
    open_from, read_to = 1, 0
    for _ in range(6):
        requests = Requests([rid for rid, read in in_log if read >= open_from])
        requests.read = open_from - 1
        stop = data.draw(st.integers(open_from, len(stream) + 1))
        for seq in range(open_from, stop):
            fed(requests, [stream[seq - 1]], seq)
            if data.draw(st.booleans()):
                taken = [one for _, one in zip(range(chance.randint(1, 3)), requests.next(), strict=False)]
                read_to = max(read_to, requests.read)
                in_log += [(one.request_id, read_to) for one in taken]
                open_from = requests.open_from() if taken else open_from
    requests = Requests([rid for rid, read in in_log if read >= open_from])
    requests.read = open_from - 1
    fed(requests, stream[open_from - 1 :], open_from)
    sealed = [rid for rid, _ in in_log] + ids(requests)
    assert sorted(sealed) == sorted(f"{n:016x}" for n in range(count))
