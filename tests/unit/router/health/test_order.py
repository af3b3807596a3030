"""Which deployment is tried first: the sound before the failing, equals in shares, a conversation where it was."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.model import Route
from libs.contracts.northern.v1.street_pb2 import Breaker, Reach, RouteSignals
from services.router.health.order import Draw, in_order, weight
from tests.unit.router.test_handlers import AZURE, CATALOG

MANY = [replace(CATALOG.routes[AZURE], route_id=f"azure/{n}-ca") for n in range(6)]
A, B, C, *_ = MANY
FULL = 1000


def said(route: Route, **more: int) -> RouteSignals:
    known: dict[str, int] = {"calls": 100, "headroom_permille": FULL, "error_permille": 20} | more
    return RouteSignals(route_id=route.route_id, **known)  # type: ignore[arg-type]


def ids(groups: list[list[Route]], *signals: RouteSignals, session: str = "s", request: str = "r") -> list[str]:
    found = in_order(groups, {one.route_id: one for one in signals}, Draw(session, request))
    return [route.route_id.removeprefix("azure/")[0] for route in found]


def firsts(*signals: RouteSignals, of: int = 2, sessions: int = 4000) -> Counter[str]:
    return Counter(ids([MANY[:of]], *signals, session=f"t_one {n}")[0] for n in range(sessions))


def test_groups_come_one_after_the_other_and_nothing_is_lost() -> None:
    assert ids([[A], [B, C]])[0] == "0"
    assert sorted(ids([[A], [B, C]])) == ["0", "1", "2"]
    assert ids([]) == ids([[]]) == []


def test_what_fails_comes_after_what_is_sound_whatever_its_group() -> None:
    failing = said(A, breaker=Breaker.BREAKER_OPEN)
    assert ids([[A], [B]], failing) == ["1", "0"]
    assert ids([[A], [B]], failing, said(B, breaker=Breaker.BREAKER_OPEN)) == ["0", "1"]
    assert ids([[A]], failing) == ["0"]


def test_a_limit_that_is_used_up_counts_more_than_a_group_and_less_than_a_failure() -> None:
    spent = said(A, headroom_permille=0)
    assert ids([[A], [B]], spent) == ["1", "0"]
    assert ids([[B], [A]], spent, said(B, breaker=Breaker.BREAKER_OPEN)) == ["0", "1"]


def test_a_machine_that_takes_no_connections_is_tried_last_but_for_what_fails() -> None:
    for reach in (Reach.REACH_NONE, Reach.REACH_LOADING):
        assert ids([[A], [B]], said(A, reach=reach)) == ["1", "0"]
    assert ids([[A], [B]], said(A, reach=Reach.REACH_READY)) == ["0", "1"]


def test_one_request_in_four_probes_what_may_be_back() -> None:
    back = said(A, breaker=Breaker.BREAKER_PROBING)
    probes = sum(ids([[A], [B]], back, request=f"{n:016x}")[0] == "0" for n in range(4000))
    assert probes == pytest.approx(1000, rel=0.1)


def test_equals_share_conversations_out_and_each_keeps_its_own() -> None:
    shares = firsts(of=4)
    assert len(shares) == 4
    assert min(shares.values()) > 850
    for n in range(50):
        assert len({ids([MANY], session=f"t {n}", request=f"{r}")[0] for r in range(5)}) == 1


def test_without_a_conversation_requests_are_shared_out() -> None:
    assert len({ids([MANY], session="", request=f"{n:016x}")[0] for n in range(100)}) == len(MANY)


def test_who_is_slow_busy_near_its_limit_or_fails_more_gets_less() -> None:
    for worse in (
        said(A, total_p50_ms=12_000),
        said(A, pending=200),
        said(A, headroom_permille=60),
        said(A, error_permille=300),
    ):
        shares = firsts(worse, said(B, total_p50_ms=3000))
        assert 0 < shares["0"] < shares["1"] * 0.6, worse


def test_a_deployment_that_goes_moves_its_own_conversations_and_no_others() -> None:
    for n in range(300):
        before = ids([MANY], session=f"t {n}")
        after = ids([MANY], said(A, breaker=Breaker.BREAKER_OPEN), session=f"t {n}")
        assert [one for one in before if one != "0"] == after[:-1]


def test_a_small_change_moves_no_conversation() -> None:
    for pending, ms in ((0, 3000), (9, 3200), (31, 2800)):
        assert weight(said(A, pending=pending, total_p50_ms=ms), stream=False) == 1.0
    assert weight(None, stream=True) == 1.0


def test_streams_go_by_the_first_byte_and_whole_answers_by_the_last() -> None:
    quick = said(A, first_byte_p50_ms=100, total_p50_ms=60_000)
    assert weight(quick, stream=True) > 1 > weight(quick, stream=False)


SIGNALS = st.builds(
    RouteSignals,
    route_id=st.sampled_from([route.route_id for route in MANY]),
    first_byte_p50_ms=st.integers(0, 2**32 - 1),
    total_p50_ms=st.integers(0, 2**32 - 1),
    error_permille=st.integers(0, 2**32 - 1),
    pending=st.integers(0, 2**32 - 1),
    headroom_permille=st.integers(0, 2**32 - 1),
    breaker=st.sampled_from(list(Breaker.values())),
    reach=st.sampled_from(list(Reach.values())),
)


@given(st.lists(SIGNALS, max_size=8), st.text(max_size=20), st.text(max_size=16))
def test_whatever_is_heard_the_order_is_the_same_everywhere_and_adding_one_reorders_no_others(
    heard: list[RouteSignals], session: str, request: str
) -> None:
    signals, draw = {one.route_id: one for one in heard}, Draw(session, request)
    whole = in_order([MANY], signals, draw)
    assert sorted(route.route_id for route in whole) == sorted(route.route_id for route in MANY)
    assert in_order([MANY[::-1]], dict(reversed(signals.items())), draw) == whole
    assert in_order([MANY[:-1]], signals, draw) == [route for route in whole if route is not MANY[-1]]
