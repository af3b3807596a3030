"""How this worker's deployments have been answering of late: times, errors, limits and the breaker of each route."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from libs.contracts.northern.v1.street_pb2 import (
    BREAKER_CLOSED,
    BREAKER_OPEN,
    BREAKER_PROBING,
    REACH_READY,
    REACH_UNKNOWN,
    Breaker,
    Reach,
    RouteSignals,
)

_SLICE_S, _SLICES = 60, 5  # times and errors are those of the last five minutes
_BREAKER_S = 30  # failures count for so long
_FAILURES = 5  # and so many of them, more than half of the calls, open the breaker
_OPEN_S = 15.0
_PROBE_S = 30.0  # a probe that has not ended by then is no longer waited for
_HEADROOM_S = 60.0  # what a provider said of its limit is old after this
_LIMITED_S, _LIMITED_MOST_S = 2.0, 300.0  # after a 429 that does not say how long, and the longest that is believed
_FULL = 1000
_PRIOR_ERRORS, _PRIOR_CALLS = 1, 50  # what is assumed of a route that nobody has called
_STEP = math.log(1.1)  # each bucket of times is a tenth wider than the one before: a quantile is 5 % off at most
_LONGEST_MS = 3_600_000
_FASTEST = 100_000  # tokens a second; more is a clock that cannot be right
_FORGIVEN_S = 300.0  # a breaker that waits for a probe which nobody makes is closed after this

# (what is left, of what), as the vendors name them: OpenAI and Azure, then Anthropic.
_LIMITS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-limit-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-limit-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-limit"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-limit"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-limit"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-limit"),
)


class Ending(StrEnum):
    """How a call ended, as far as it tells of the deployment."""

    OK = "ok"
    THEIR_FAILURE = "their_failure"  # 5xx, a timeout, no connection, broken off, our credential refused
    RATE_LIMITED = "rate_limited"  # 429 of a limit that is ours
    NOT_THEIR_FAULT = "not_their_fault"  # a refusal of what the caller sent, the caller gone


class Signals:
    """Told of each call by whoever makes it; says what it knows in every beat.

    Calls with an account's own credential are not to be told here: what a provider says to it, or an address of the
    account's, tells of that account and must move nobody else's requests. `changed` is called when a breaker opens,
    lets a probe through or closes. `now`: monotonic seconds; `wall`: Unix seconds. Every call is O(1).
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._changed, self._now, self._wall = changed, now, wall
        self._routes: dict[str, _Route] = {}

    def started(self, route_id: str) -> None:
        """A call begins. Exactly one `ended` follows."""
        route, now = self._of(route_id), self._now()
        route.pending += 1
        if route.breaker_at(now) == BREAKER_PROBING:
            route.probe_since = now
            self._changed()

    def first_byte(self, route_id: str, ms: float) -> None:
        """Its first content came so long after it was sent."""
        self._of(route_id).slice(self._now()).first[_bucket(ms)] += 1

    def ended(self, route_id: str, kind: Ending, total_ms: float, output_tokens: int = 0, stream_ms: float = 0) -> None:
        """It is over. `stream_ms`: from first content to last; 0 where the answer came in one piece."""
        route, now = self._of(route_id), self._now()
        route.pending = max(0, route.pending - 1)
        before = route.breaker_at(now)
        if kind is Ending.OK:
            route.last_ms = int(self._wall() * 1000)
            if route.reach:
                route.reach = REACH_READY
            counts = route.slice(now)
            counts.total[_bucket(total_ms)] += 1
            if output_tokens and stream_ms >= 1:
                counts.tokens += output_tokens
                counts.stream_ms += stream_ms
        if kind is Ending.RATE_LIMITED and route.limited_until <= now:
            route.limited_until = now + _LIMITED_S
        if kind in (Ending.OK, Ending.THEIR_FAILURE):
            counts = route.slice(now)
            counts.calls += 1
            counts.errors += kind is Ending.THEIR_FAILURE
        route.judge(kind, now)
        if route.breaker_at(now) != before:
            self._changed()

    def headroom(self, route_id: str, headers: Mapping[str, str]) -> None:
        """What the provider says of its own limit, in the headers of any answer (names in lower case, or any case)."""
        route, now = self._of(route_id), self._now()
        least = _FULL
        for left, whole in _LIMITS:
            if (rest := headers.get(left)) is not None:
                least = min(least, _share(rest, headers.get(whole)))
        route.headroom, route.headroom_until = least, now + _HEADROOM_S
        if (wait := _retry_after(headers)) > 0:
            route.limited_until = now + min(wait, _LIMITED_MOST_S)

    def reached(self, route_ids: Iterable[str], reach: Reach) -> None:
        """What a probe found, without a call."""
        for route_id in route_ids:
            self._of(route_id).reach = reach

    def idle(self, route_ids: Iterable[str], for_s: float) -> bool:
        """Whether none of them has answered for so long."""
        since = (self._wall() - for_s) * 1000
        known = [route for each in route_ids if (route := self._routes.get(each)) is not None]
        return all(route.last_ms <= since for route in known)

    def states(self, now: float | None = None) -> list[RouteSignals]:
        """Of every route that was called of late, is being called, was probed, or whose breaker is not closed."""
        now = self._now() if now is None else now
        told = []
        for route_id, route in list(self._routes.items()):
            route.forget(now)
            if route.quiet(now):
                del self._routes[route_id]
            else:
                told.append(route.told(route_id, now))
        return told

    def breaker(self, route_id: str) -> Breaker:
        """As it stands at this worker, now: a candidate that is not the last may be passed over where it is open."""
        route = self._routes.get(route_id)
        return BREAKER_CLOSED if route is None else route.breaker_at(self._now())

    def _of(self, route_id: str) -> "_Route":
        """Ids are those of the catalogue, so there are only so many."""
        route = self._routes.get(route_id)
        if route is None:
            route = self._routes[route_id] = _Route()
        return route


@dataclass(kw_only=True)
class _Slice:
    """A minute. Times are counted by bucket, so that it is bounded however many calls there are."""

    minute: int
    calls: int = 0
    errors: int = 0
    tokens: int = 0
    stream_ms: float = 0
    first: Counter[int] = field(default_factory=Counter)
    total: Counter[int] = field(default_factory=Counter)


@dataclass(kw_only=True)
class _Route:
    """One deployment. `seconds`: (second, calls, failures), of the last 30 s, for the breaker."""

    pending: int = 0
    slices: deque[_Slice] = field(default_factory=deque)
    seconds: deque[list[int]] = field(default_factory=deque)
    calls: int = 0  # over `seconds`
    failures: int = 0
    open_until: float | None = None  # None: the breaker is closed
    probe_since: float | None = None
    headroom: int = _FULL
    headroom_until: float = 0
    limited_until: float = 0
    last_ms: int = 0
    reach: Reach = REACH_UNKNOWN

    def slice(self, now: float) -> _Slice:
        """The one that is being filled."""
        minute = int(now // _SLICE_S)
        if not self.slices or self.slices[-1].minute != minute:
            self.forget(now)
            self.slices.append(_Slice(minute=minute))
        return self.slices[-1]

    def forget(self, now: float) -> None:
        """Drop what is older than the windows."""
        oldest = int(now // _SLICE_S) - _SLICES + 1
        while self.slices and self.slices[0].minute < oldest:
            self.slices.popleft()
        while self.seconds and self.seconds[0][0] <= int(now) - _BREAKER_S:
            _, calls, failures = self.seconds.popleft()
            self.calls -= calls
            self.failures -= failures

    def judge(self, kind: Ending, now: float) -> None:
        """What an ending does to the breaker."""
        probed, self.probe_since = self.probe_since is not None, None
        if kind is Ending.NOT_THEIR_FAULT:
            return  # a probe that found nothing out: the next call is one
        failed = kind is Ending.THEIR_FAILURE
        if self.open_until is not None:
            if probed:
                self.open_until = now + _OPEN_S if failed else None
            return
        self.forget(now)
        if not self.seconds or self.seconds[-1][0] != int(now):
            self.seconds.append([int(now), 0, 0])
        self.seconds[-1][1] += 1
        self.seconds[-1][2] += failed
        self.calls += 1
        self.failures += failed
        if failed and self.failures >= _FAILURES and self.failures * 2 > self.calls:
            self.open_until = now + _OPEN_S
            self.seconds.clear()
            self.calls = self.failures = 0

    def breaker_at(self, now: float) -> Breaker:
        if self.open_until is None:
            return BREAKER_CLOSED
        if now >= self.open_until + _FORGIVEN_S:
            self.open_until = self.probe_since = None
            return BREAKER_CLOSED
        under_way = self.probe_since is not None and now - self.probe_since < _PROBE_S
        return BREAKER_OPEN if now < self.open_until or under_way else BREAKER_PROBING

    def quiet(self, now: float) -> bool:
        waits = self.open_until is not None and now < self.open_until + _FORGIVEN_S
        return not (self.slices or self.pending or waits or self.limited_until > now or self.reach)

    def told(self, route_id: str, now: float) -> RouteSignals:
        first, total = Counter[int](), Counter[int]()
        for counts in self.slices:
            first.update(counts.first)
            total.update(counts.total)
        calls, errors = sum(c.calls for c in self.slices), sum(c.errors for c in self.slices)
        streamed = sum(c.stream_ms for c in self.slices)
        tokens = sum(c.tokens for c in self.slices)
        headroom = self.headroom if now < self.headroom_until else _FULL
        return RouteSignals(
            route_id=route_id,
            first_byte_p50_ms=_quantile(first, 0.5),
            first_byte_p95_ms=_quantile(first, 0.95),
            total_p50_ms=_quantile(total, 0.5),
            total_p95_ms=_quantile(total, 0.95),
            calls=calls,
            error_permille=(errors + _PRIOR_ERRORS) * 1000 // (calls + _PRIOR_CALLS),
            pending=self.pending,
            headroom_permille=0 if now < self.limited_until else headroom,
            breaker=self.breaker_at(now),
            tokens_per_s=min(int(tokens * 1000 / streamed), _FASTEST) if streamed else 0,
            last_ms=self.last_ms,
            reach=self.reach,
        )


def _bucket(ms: float) -> int:
    return int(math.log(min(max(ms, 1.0), _LONGEST_MS)) / _STEP)


def _quantile(counts: Counter[int], share: float) -> int:
    """The middle of the bucket in which it lies, in ms; 0: nothing was counted."""
    rank = share * counts.total()
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return max(1, round(math.exp((bucket + 0.5) * _STEP)))
    return 0


def _share(left: str, whole: str | None) -> int:
    """Permille of a limit; a limit that cannot be read says nothing, but nothing left is nothing left."""
    rest = _number(left)
    if rest is None:
        return _FULL
    limit = _number(whole) if whole is not None else None
    if not limit:
        return 0 if rest <= 0 else _FULL
    return int(min(max(rest / limit, 0.0), 1.0) * _FULL)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds; 0 where it is not said, or said as a date (RFC 9110 §10.2.3), which no provider known does."""
    if (ms := headers.get("retry-after-ms")) is not None:
        return (_number(ms) or 0.0) / 1000
    said = headers.get("retry-after")
    return (_number(said) or 0.0) if said is not None else 0.0


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
