"""What a worker says of its routes: windows that forget, a breaker that opens and asks for one probe, limits."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from libs.contracts.northern.v1.street_pb2 import Breaker, Reach, RouteSignals
from services.worker.upstream.signals import Ending, Signals

ROUTE = "azure/gpt-4.1-mini-ca"


@dataclass
class Desk:
    """Signals with a clock that stands still until it is told otherwise."""

    now: float = 1_000_000.0
    news: int = 0
    signals: Signals = field(init=False)

    def __post_init__(self) -> None:
        self.signals = Signals(changed=self._changed, now=lambda: self.now, wall=lambda: self.now)

    def _changed(self) -> None:
        self.news += 1

    def call(self, kind: Ending = Ending.OK, ms: float = 100, *, times: int = 1, first: float = 0) -> None:
        for _ in range(times):
            self.signals.started(ROUTE)
            if first:
                self.signals.first_byte(ROUTE, first)
            self.signals.ended(ROUTE, kind, ms)

    def said(self) -> RouteSignals:
        (found,) = self.signals.states()
        return found

    def breaker(self) -> str:
        found = Breaker.Name(self.signals.breaker(ROUTE)).removeprefix("BREAKER_").lower()
        assert not self.signals.states() or self.said().breaker == self.signals.breaker(ROUTE)
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_times_are_those_of_the_middle_and_of_the_slow(desk: Desk) -> None:
    for n in range(100):
        desk.call(ms=1000 + n * 10, first=100 + n)
    said = desk.said()
    assert (said.route_id, said.calls, said.pending) == (ROUTE, 100, 0)
    assert said.first_byte_p50_ms == pytest.approx(150, rel=0.06)
    assert said.first_byte_p95_ms == pytest.approx(195, rel=0.06)
    assert said.total_p50_ms == pytest.approx(1500, rel=0.06)
    assert said.total_p95_ms == pytest.approx(1950, rel=0.06)
    assert said.last_ms == 1_000_000_000


def test_five_minutes_later_nothing_is_known_any_more(desk: Desk) -> None:
    desk.call(times=10)
    desk.now += 200
    desk.call(ms=5000)
    assert desk.said().calls == 11
    desk.now += 140
    assert desk.said().calls == 1
    assert desk.said().total_p50_ms == pytest.approx(5000, rel=0.06)
    desk.now += 300
    assert desk.signals.states() == []


def test_what_runs_is_pending_and_never_less_than_nothing(desk: Desk) -> None:
    for _ in range(3):
        desk.signals.started(ROUTE)
    assert desk.said().pending == 3
    for _ in range(5):
        desk.signals.ended(ROUTE, Ending.NOT_THEIR_FAULT, 5)
    assert desk.signals.states() == []  # nothing of it tells of the deployment


def test_an_error_rate_begins_with_what_is_assumed_and_is_earned(desk: Desk) -> None:
    desk.call()
    assert desk.said().error_permille == 19
    desk.call(times=449)
    assert desk.said().error_permille == 2
    desk.call(Ending.THEIR_FAILURE, times=500)
    assert desk.said().error_permille == pytest.approx(501, abs=1)


def test_a_callers_fault_and_a_limit_are_no_errors(desk: Desk) -> None:
    desk.call(times=50)
    before = desk.said().error_permille
    desk.call(Ending.NOT_THEIR_FAULT, times=50)
    desk.call(Ending.RATE_LIMITED, times=50)
    assert (desk.said().error_permille, desk.said().calls) == (before, 50)
    assert desk.breaker() == "closed"


def test_output_comes_so_fast(desk: Desk) -> None:
    desk.signals.ended(ROUTE, Ending.OK, 3000, 200, 2000)
    desk.signals.ended(ROUTE, Ending.OK, 3000, 100, 1000)
    desk.signals.ended(ROUTE, Ending.OK, 3000, 7, 0)  # in one piece: says nothing of speed
    assert desk.said().tokens_per_s == 100


# --- the breaker --------------------------------------------------------------------------------------------------


def test_five_failures_that_are_most_of_the_calls_open_the_breaker_and_it_is_told_at_once(desk: Desk) -> None:
    desk.call(Ending.THEIR_FAILURE, times=4)
    assert (desk.breaker(), desk.news) == ("closed", 0)
    desk.call(Ending.THEIR_FAILURE)
    assert (desk.breaker(), desk.news) == ("open", 1)


def test_failures_that_are_not_most_of_the_calls_open_nothing(desk: Desk) -> None:
    desk.call(times=50)
    desk.call(Ending.THEIR_FAILURE, times=50)
    assert desk.breaker() == "closed"
    desk.call(Ending.THEIR_FAILURE)
    assert desk.breaker() == "open"


def test_failures_of_more_than_half_a_minute_ago_do_not_count(desk: Desk) -> None:
    desk.call(Ending.THEIR_FAILURE, times=4)
    desk.now += 31
    desk.call(Ending.THEIR_FAILURE, times=4)
    assert desk.breaker() == "closed"
    desk.now += 15
    desk.call(Ending.THEIR_FAILURE)
    assert desk.breaker() == "open"


def failing(desk: Desk) -> None:
    desk.call(Ending.THEIR_FAILURE, times=5)
    assert desk.breaker() == "open"


def test_after_a_quarter_of_a_minute_one_call_may_find_out_and_a_good_one_closes_it(desk: Desk) -> None:
    failing(desk)
    desk.now += 14.9
    assert desk.breaker() == "open"
    desk.now += 0.2
    assert desk.breaker() == "probing"
    desk.signals.started(ROUTE)
    assert (desk.breaker(), desk.news) == ("open", 2)  # one is enough
    desk.signals.ended(ROUTE, Ending.OK, 100)
    assert (desk.breaker(), desk.news) == ("closed", 3)
    desk.call(Ending.THEIR_FAILURE, times=4)
    assert desk.breaker() == "closed"  # with nothing counted against it


def test_a_probe_that_fails_opens_it_for_as_long_again(desk: Desk) -> None:
    failing(desk)
    desk.now += 15
    desk.call(Ending.THEIR_FAILURE)
    assert desk.breaker() == "open"
    desk.now += 14.9
    assert desk.breaker() == "open"
    desk.now += 0.2
    assert desk.breaker() == "probing"


def test_a_probe_that_is_told_to_wait_has_found_somebody_there(desk: Desk) -> None:
    failing(desk)
    desk.now += 15
    desk.call(Ending.RATE_LIMITED)
    assert (desk.breaker(), desk.said().headroom_permille) == ("closed", 0)


def test_a_probe_that_finds_nothing_out_leaves_it_to_the_next(desk: Desk) -> None:
    failing(desk)
    desk.now += 15
    desk.call(Ending.NOT_THEIR_FAULT)
    assert desk.breaker() == "probing"


def test_a_probe_that_never_ends_is_not_waited_for(desk: Desk) -> None:
    failing(desk)
    desk.now += 15
    desk.signals.started(ROUTE)
    desk.now += 29
    assert desk.breaker() == "open"
    desk.now += 2
    assert desk.breaker() == "probing"


def test_calls_that_began_before_it_opened_neither_close_nor_prolong_it(desk: Desk) -> None:
    desk.signals.started(ROUTE)
    desk.signals.started(ROUTE)
    failing(desk)
    desk.now += 10
    desk.signals.ended(ROUTE, Ending.OK, 10_000)
    desk.signals.ended(ROUTE, Ending.THEIR_FAILURE, 10_000)
    assert desk.breaker() == "open"
    desk.now += 5
    assert desk.breaker() == "probing"


def test_a_breaker_that_nobody_probes_is_forgotten(desk: Desk) -> None:
    failing(desk)
    desk.now += 14 + 300
    assert desk.breaker() == "probing"
    desk.now += 2
    assert (desk.breaker(), desk.signals.states()) == ("closed", [])


# --- limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({}, 1000),
        ({"x-ratelimit-remaining-requests": "250", "x-ratelimit-limit-requests": "1000"}, 250),
        ({"x-ratelimit-remaining-tokens": "1", "x-ratelimit-limit-tokens": "4"}, 250),
        ({"anthropic-ratelimit-input-tokens-remaining": "0", "anthropic-ratelimit-input-tokens-limit": "80"}, 0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-output-tokens-remaining": "300",
                "anthropic-ratelimit-output-tokens-limit": "1000",
            },
            300,
        ),
        ({"x-ratelimit-remaining-requests": "7"}, 1000),
        ({"x-ratelimit-remaining-requests": "0"}, 0),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-limit-requests": "10"}, 0),
        ({"x-ratelimit-remaining-requests": "20", "x-ratelimit-limit-requests": "10"}, 1000),
        ({"x-ratelimit-remaining-requests": "many", "x-ratelimit-limit-requests": "more"}, 1000),
        ({"x-ratelimit-remaining-requests": "nan", "x-ratelimit-limit-requests": "inf"}, 1000),
    ],
)
def test_the_least_that_a_provider_leaves_of_any_limit_is_what_is_left(
    desk: Desk, headers: dict[str, str], left: int
) -> None:
    desk.call()
    desk.signals.headroom(ROUTE, CIMultiDict({name.title(): value for name, value in headers.items()}))
    assert desk.said().headroom_permille == left


def test_what_was_said_of_a_limit_a_minute_ago_is_old(desk: Desk) -> None:
    desk.signals.headroom(ROUTE, {"x-ratelimit-remaining-requests": "1", "x-ratelimit-limit-requests": "10"})
    desk.call()
    desk.now += 59
    assert desk.said().headroom_permille == 100
    desk.now += 2
    assert desk.said().headroom_permille == 1000


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "7"}, 7), ({"retry-after-ms": "1500"}, 1.5), ({"retry-after": "99999"}, 300), ({}, 2)],
)
def test_a_429_leaves_nothing_for_as_long_as_it_says(desk: Desk, headers: dict[str, str], seconds: float) -> None:
    desk.signals.started(ROUTE)
    desk.signals.headroom(ROUTE, headers)
    desk.signals.ended(ROUTE, Ending.RATE_LIMITED, 20)
    desk.now += seconds - 0.1
    assert desk.said().headroom_permille == 0
    desk.now += 0.2
    assert all(said.headroom_permille == 1000 for said in desk.signals.states())


@pytest.mark.parametrize("said", ["soon", "", "-5", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wait_that_cannot_be_read_is_none(desk: Desk, said: str) -> None:
    desk.call()
    desk.signals.headroom(ROUTE, {"retry-after": said})
    assert desk.said().headroom_permille == 1000


# --- whatever comes -----------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["started", "first", "headroom", *Ending]),
        st.floats(-10, 1e12, allow_nan=False),
        st.floats(0, 100, allow_nan=False),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_is_told_in_whatever_order_what_is_said_can_be_sent(steps: list[tuple[str, float, float]]) -> None:
    desk = Desk()
    for kind, ms, later in steps:
        desk.now += later
        match kind:
            case "started":
                desk.signals.started(ROUTE)
            case "first":
                desk.signals.first_byte(ROUTE, ms)
            case "headroom":
                desk.signals.headroom(ROUTE, {"retry-after": str(ms)})
            case _:
                desk.signals.ended(ROUTE, Ending(kind), ms, int(abs(ms)) + 1, later * ms / 1e9)
        for said in desk.signals.states():
            assert said.first_byte_p50_ms <= said.first_byte_p95_ms
            assert said.total_p50_ms <= said.total_p95_ms
            assert 0 <= said.error_permille <= 1000
            assert 0 <= said.headroom_permille <= 1000
            assert RouteSignals.FromString(said.SerializeToString()) == said


def test_memory_does_not_grow_with_calls(desk: Desk) -> None:
    for n in range(20_000):
        desk.now += 0.01
        desk.call(Ending.OK if n % 3 else Ending.RATE_LIMITED, ms=n, first=n / 7)
    (route,) = desk.signals._routes.values()
    assert len(route.slices) <= 5
    assert len(route.seconds) <= 31
    assert sum(len(each.first) + len(each.total) for each in route.slices) <= 5 * 2 * 160


# --- probes of the idle -------------------------------------------------------------------------------------------


def test_what_a_probe_found_is_said_until_the_next_one(desk: Desk) -> None:
    desk.signals.reached([ROUTE], Reach.REACH_LOADING)
    desk.now += 3600
    assert desk.said().reach == Reach.REACH_LOADING
    desk.call()
    assert desk.said().reach == Reach.REACH_READY


def test_idle_is_who_has_not_answered_of_late(desk: Desk) -> None:
    assert desk.signals.idle([ROUTE], 60)
    desk.call()
    assert not desk.signals.idle([ROUTE, "another"], 60)
    desk.now += 61
    desk.call(Ending.THEIR_FAILURE)
    assert desk.signals.idle([ROUTE], 60)
