"""Requests and tokens in any minute, requests at once."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.limits import SLOT_MS, WINDOW_MS, Decision, Limit, Limits, Room, Windows

KEY = "k_one"
T0 = 1_800_000_000_000


def ask(windows: Windows, limits: Limits, *, at: int = 0, tokens: int = 0, running: int = 0) -> Decision:
    return windows.ask(KEY, limits, tokens=tokens, running=running, now_ms=T0 + at)


def test_a_minute_takes_as_many_requests_as_the_limit_and_not_one_more() -> None:
    windows, limits = Windows(), Limits(requests=3)
    assert [ask(windows, limits, at=n).refused for n in range(5)] == [None, None, None, Limit.REQUESTS, Limit.REQUESTS]


def test_a_refusal_says_when_the_next_request_will_be_admitted() -> None:
    windows, limits = Windows(), Limits(requests=2)
    ask(windows, limits, at=0)
    ask(windows, limits, at=10_000)
    refused = ask(windows, limits, at=20_000)
    assert (refused.refused, refused.retry_after_ms) == (Limit.REQUESTS, 40_000)
    assert ask(windows, limits, at=59_999).refused
    assert not ask(windows, limits, at=60_000).refused


def test_a_request_leaves_the_window_never_too_early_and_at_most_a_tenth_of_a_second_too_late() -> None:
    limits = Limits(requests=1)
    for at in (0, 1, 50, 99):
        windows = Windows()
        ask(windows, limits, at=at)
        assert deepcopy(windows).ask(KEY, limits, tokens=0, running=0, now_ms=T0 + at + WINDOW_MS - 1).refused
        late = ask(windows, limits, at=at + WINDOW_MS + SLOT_MS - 1)
        assert late.refused is None


def test_what_is_left_and_when_all_of_it_is_back() -> None:
    windows, limits = Windows(), Limits(requests=3, tokens=1000)
    first = ask(windows, limits, tokens=100)
    assert first.requests == Room(limit=3, remaining=2, reset_ms=60_000)
    assert first.tokens == Room(limit=1000, remaining=900, reset_ms=60_000)
    second = ask(windows, limits, at=30_000, tokens=500)
    assert second.tokens == Room(limit=1000, remaining=400, reset_ms=60_000)
    assert ask(windows, limits, at=90_000, tokens=0).tokens == Room(limit=1000, remaining=1000, reset_ms=60_000)


def test_what_was_refused_is_not_counted() -> None:
    windows = Windows()
    ask(windows, Limits(requests=1))
    for _ in range(5):
        assert ask(windows, Limits(requests=1), at=1).refused
    room = ask(windows, Limits(requests=10), at=2).requests
    assert room is not None
    assert room.remaining == 8


def test_a_request_that_the_ledger_refused_is_taken_back_and_no_other() -> None:
    windows, limits = Windows(), Limits(requests=2, tokens=100)
    ask(windows, limits, tokens=30)
    ask(windows, limits, at=500, tokens=70)
    windows.take_back(KEY, tokens=70)
    again = ask(windows, limits, at=600, tokens=60)
    assert again.requests == Room(limit=2, remaining=0, reset_ms=60_000)
    assert again.tokens == Room(limit=100, remaining=10, reset_ms=60_000)
    assert ask(windows, limits, at=700).refused
    assert ask(windows, limits, at=60_000).refused is None


def test_tokens_are_counted_to_the_last_one() -> None:
    windows, limits = Windows(), Limits(tokens=100)
    assert not ask(windows, limits, tokens=60).refused
    refused = ask(windows, limits, at=5_000, tokens=41)
    assert (refused.refused, refused.retry_after_ms) == (Limit.TOKENS, 55_000)
    assert not ask(windows, limits, at=5_000, tokens=40).refused


def test_a_request_waits_for_as_many_tokens_as_it_needs() -> None:
    windows, limits = Windows(), Limits(tokens=100)
    ask(windows, limits, at=0, tokens=50)
    ask(windows, limits, at=1_000, tokens=50)
    assert ask(windows, limits, at=2_000, tokens=50).retry_after_ms == 58_000
    assert ask(windows, limits, at=2_000, tokens=51).retry_after_ms == 59_000


def test_a_request_larger_than_the_limit_is_told_that_waiting_does_not_help() -> None:
    refused = ask(Windows(), Limits(tokens=100), tokens=101)
    assert (refused.refused, refused.retry_after_ms) == (Limit.TOKENS, 0)


def test_requests_at_once_are_the_open_holds() -> None:
    windows, limits = Windows(), Limits(concurrency=2)
    assert ask(windows, limits, running=2).refused is Limit.CONCURRENCY
    assert ask(windows, limits, running=1).refused is None


def test_no_limit_refuses_nothing_and_shows_nothing() -> None:
    windows = Windows()
    for n in range(1000):
        assert ask(windows, Limits(), at=n, tokens=10**6, running=n) == Decision()


def test_a_limit_that_was_lowered_holds_at_once() -> None:
    windows = Windows()
    for n in range(10):
        ask(windows, Limits(requests=10), at=n * 1000)
    refused = ask(windows, Limits(requests=3), at=10_000)
    assert (refused.refused, refused.retry_after_ms) == (Limit.REQUESTS, 57_000)
    assert refused.requests == Room(limit=3, remaining=0, reset_ms=59_000)
    assert ask(Windows(), Limits(requests=0)).retry_after_ms == 0


def test_keys_do_not_know_each_other() -> None:
    windows, limits = Windows(), Limits(requests=1)
    ask(windows, limits)
    assert not windows.ask("k_two", limits, tokens=0, running=0, now_ms=T0).refused


def test_keys_that_are_quiet_for_a_minute_are_dropped_and_the_others_kept() -> None:
    windows, limits = Windows(), Limits(requests=5)
    for n in range(10):
        windows.ask(f"k{n}", limits, tokens=0, running=0, now_ms=T0 + n * 10_000)
    windows.forget(T0 + 100_000)
    assert len(windows) == 5
    for n in range(10, 30):
        windows.ask(f"k{n}", limits, tokens=0, running=0, now_ms=T0 + 100_000)
    for _ in range(6):
        windows.forget(T0 + 200_000, at_most=5)
    assert len(windows) == 0


def test_a_clock_that_steps_back_admits_nothing_twice() -> None:
    windows, limits = Windows(), Limits(requests=1)
    ask(windows, limits, at=10_000)
    assert ask(windows, limits, at=0).refused


asked = st.lists(
    st.tuples(st.integers(0, 9_000), st.integers(0, 40), st.integers(0, 3)), min_size=1, max_size=60
)  # pause, tokens, running


@given(asked, st.integers(1, 6), st.integers(20, 100), st.integers(1, 3))
def test_no_sixty_seconds_see_more_than_the_limit_and_none_is_refused_without_need(
    steps: list[tuple[int, int, int]], requests: int, tokens: int, concurrency: int
) -> None:
    windows, limits = Windows(), Limits(requests=requests, tokens=tokens, concurrency=concurrency)
    admitted: list[tuple[int, int]] = []
    now = T0
    for pause, wanted, running in steps:
        now += pause
        decision = windows.ask(KEY, limits, tokens=wanted, running=running, now_ms=now)
        surely = [n for at, n in admitted if at > now - WINDOW_MS]
        perhaps = [n for at, n in admitted if at > now - WINDOW_MS - SLOT_MS]
        if decision.refused is None:
            admitted.append((now, wanted))
            assert len(surely) < requests
            assert sum(surely) + wanted <= tokens
            assert running < concurrency
        else:
            assert len(perhaps) >= requests or sum(perhaps) + wanted > tokens or running >= concurrency
        if decision.refused is Limit.REQUESTS:
            calm = Limits(requests=requests)
            there = now + decision.retry_after_ms
            for then, fits in ((there - 1, False), (there, True)):
                later = deepcopy(windows).ask(KEY, calm, tokens=0, running=0, now_ms=then)
                assert (later.refused is None) == fits
