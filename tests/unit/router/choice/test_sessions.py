"""A conversation stays where it pays to stay, and no longer."""

from typing import Any

from services.router.choice.sessions import CACHE_S, Sessions
from tests.unit.router.choice.street import (
    CODE,
    FULL,
    HAIKU,
    HARD,
    LARGE,
    MINI_CA,
    MINI_US,
    OPUS,
    SMALL,
    Clock,
    chooser,
    heard,
    open_,
    picked,
    request,
    routes,
)

PAIR = (MINI_CA, MINI_US)


def test_a_near_tie_does_not_move_a_conversation() -> None:
    ours = chooser()
    first = picked(ours.decide(request(session="s"), routes(MINI_US)))
    again, decision = ours.decide(request(session="s"), routes(*PAIR))
    assert (first, again[0].route_id, decision.reason) == (MINI_US, MINI_US, "sticky")
    assert picked(ours.decide(request(), routes(*PAIR))) == MINI_CA


def test_a_session_is_one_account_s() -> None:
    ours = chooser()
    ours.decide(request(session="s", tenant="t_a"), routes(MINI_US))
    assert picked(ours.decide(request(session="s", tenant="t_b"), routes(*PAIR))) == MINI_CA


def test_a_cached_prefix_is_worth_staying_for_until_it_is_cold() -> None:
    clock = Clock()
    ours = chooser(clock)
    long: dict[str, Any] = {"text_bytes": 360_000, "optimize": "cost"}
    ours.decide(request(CODE, session="s", **long), routes(FULL))
    warm = ours.explain(request(CODE, session="s", **long), routes(FULL, MINI_US))["candidates"]
    clock.now_s += CACHE_S + 1
    cold = ours.explain(request(CODE, session="s", **long), routes(FULL, MINI_US))["candidates"]
    costs = [{one["model"]: float(one["expected_cost_usd"]) for one in told} for told in (warm, cold)]
    assert costs[0][FULL] < costs[1][FULL] / 3
    assert costs[0][MINI_US] == costs[1][MINI_US]


def test_a_much_better_route_is_moved_to() -> None:
    ours = chooser()
    ours.decide(request("hello", session="s"), routes(SMALL))
    assert picked(ours.decide(request(HARD, session="s"), routes(SMALL, OPUS))) == OPUS


def test_a_tool_loop_stays_whatever_else_is_better() -> None:
    ours = chooser()
    ours.decide(request(CODE, session="s", tools=1), routes(SMALL))
    step = request(CODE, session="s", tools=1, tool_loop=True, optimize="quality")
    found, decision = ours.decide(step, routes(SMALL, OPUS))
    assert (found[0].route_id, decision.reason) == (SMALL, "sticky")


def test_a_tool_loop_leaves_what_fails_or_may_not_be_used_any_more() -> None:
    ours = chooser()
    ours.decide(request(CODE, session="s", tools=1), routes(SMALL))
    step = request(CODE, session="s", tools=1, tool_loop=True)
    assert picked(ours.decide(step, routes(SMALL, OPUS), open_(SMALL) | heard(OPUS))) == OPUS
    assert picked(ours.decide(step, routes(OPUS, HAIKU))) != SMALL


def test_yes_means_what_the_turn_before_meant() -> None:
    ours = chooser()
    for text in ("yes", "Continue!", "Oui.", "d\u2019accord", "vas-y", ""):
        ours.decide(request(HARD, session=f"s{text}"), routes(OPUS, SMALL))
        _, decision = ours.decide(request(text, session=f"s{text}"), routes(OPUS, SMALL))
        assert (decision.task, decision.complexity, decision.model) == ("analysis", "complex", OPUS)
    _, alone = ours.decide(request("yes"), routes(OPUS, SMALL))
    assert alone.complexity == "simple"


def test_what_was_hard_is_forgotten_at_the_second_easier_turn() -> None:
    ours = chooser()
    told = [
        ours.decide(request(text, session="s"), routes(OPUS, SMALL))[1].complexity
        for text in (HARD, "What is the capital of Peru?", "What is the capital of Chile?", HARD)
    ]
    assert told == ["complex", "complex", "simple", "complex"]


def test_what_was_hard_is_forgotten_when_the_cache_is_cold() -> None:
    clock = Clock()
    ours = chooser(clock)
    ours.decide(request(HARD, session="s"), routes(OPUS, SMALL))
    clock.now_s += CACHE_S
    _, decision = ours.decide(request("What is the capital of Peru?", session="s"), routes(OPUS, SMALL))
    assert decision.complexity == "simple"


def test_a_change_of_mode_is_no_reason_to_stay() -> None:
    ours = chooser()
    ours.decide(request(CODE, session="s", optimize="latency"), routes(MINI_US))
    assert picked(ours.decide(request(CODE, session="s"), routes(*PAIR))) == MINI_CA


def test_memory_is_bounded_and_the_longest_silent_go_first() -> None:
    sessions = Sessions(most=3)
    ours = chooser(sessions=sessions)
    for name in "abcad":
        ours.decide(request(session=name), routes(LARGE))
    assert len(sessions) == 3
    assert sessions.get(("t_a", "b"), 1_000_000.0) is None
    assert sessions.get(("t_a", "a"), 1_000_000.0) is not None


def test_a_dry_run_leaves_no_trace() -> None:
    ours = chooser()
    ours.explain(request(session="s"), routes())
    assert len(ours.sessions) == 0


def test_two_replicas_with_the_same_memory_decide_the_same() -> None:
    kept, clock = Sessions(), Clock()
    one, other = chooser(clock, kept), chooser(clock, kept)
    one.decide(request(CODE, session="s"), routes(MINI_US))
    asked = request("continue", session="s", optimize="cost")
    told = [ours.explain(asked, routes()) for ours in (one, other)]
    for each in told:
        del each["routing_time_ms"]
    assert told[0] == told[1]
