"""Limits of a key: requests and tokens in any minute, requests at once. Pure like the core, but never journaled.

A sliding window, not a bucket that refills: a bucket (GCRA) lets twice the limit through in a minute that begins with a
burst, and what a limit of 60 a minute promises is that no sixty seconds see a 61st. An owner who takes over begins with
empty windows: rates protect machines, money is protected by the ledger.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

WINDOW_MS: Final = 60_000
# What is counted within a tenth of a second leaves the window together, at its end: never too early, at most that much
# too late, and 600 counts are all that is kept of a key however much it asks.
SLOT_MS: Final = 100


class Limit(StrEnum):
    """What refused."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENCY = "concurrency"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Per minute, per minute, at once; None: no such limit."""

    requests: int | None = None
    tokens: int | None = None
    concurrency: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What is left of a limit, and when the window will be empty if nothing more is asked: for the standard headers."""

    limit: int
    remaining: int
    reset_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """`refused` None: admitted, and counted. `requests` and `tokens` None: no such limit.

    `retry_after_ms` 0 with a refusal: asking again cannot help, or (requests at once) nobody knows when it will.
    """

    refused: Limit | None = None
    retry_after_ms: int = 0
    requests: Room | None = None
    tokens: Room | None = None


@dataclass(slots=True)
class _Slot:
    until_ms: int  # leaves the window
    requests: int
    tokens: int


@dataclass(slots=True)
class _Window:
    slots: deque[_Slot] = field(default_factory=deque)
    requests: int = 0
    tokens: int = 0

    def move(self, now_ms: int) -> None:
        while self.slots and self.slots[0].until_ms <= now_ms:
            gone = self.slots.popleft()
            self.requests -= gone.requests
            self.tokens -= gone.tokens

    def count(self, now_ms: int, tokens: int) -> None:
        until_ms = now_ms - now_ms % -SLOT_MS + WINDOW_MS  # from the end of the slot
        if not self.slots or self.slots[-1].until_ms < until_ms:
            self.slots.append(_Slot(until_ms, 0, 0))
        self.slots[-1].requests += 1
        self.slots[-1].tokens += tokens
        self.requests += 1
        self.tokens += tokens


class Windows:
    """Who asked how much within the last minute, of every key that asked within it. One per shard."""

    def __init__(self) -> None:
        self._by_key: dict[str, _Window] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def ask(self, key_id: str, limits: Limits, *, tokens: int, running: int, now_ms: int) -> Decision:
        """Decide about one request, and count it if it is admitted. `running`: open holds of the key.

        The order of refusals is that of their patience: what never fits, requests at once, then rates.
        """
        window = self._by_key.get(key_id)
        if window is None:
            window = self._by_key[key_id] = _Window()
        window.move(now_ms)
        refused, after_ms = _refusal(window, limits, tokens, running, now_ms)
        if refused is None:
            window.count(now_ms, tokens)
        reset_ms = window.slots[-1].until_ms - now_ms if window.slots else 0
        return Decision(
            refused=refused,
            retry_after_ms=after_ms,
            requests=_room(limits.requests, window.requests, reset_ms),
            tokens=_room(limits.tokens, window.tokens, reset_ms),
        )

    def take_back(self, key_id: str, *, tokens: int) -> None:
        """Uncount the request that was admitted last: the ledger refused it in the same turn, so nothing ran."""
        window = self._by_key[key_id]
        for counted in (window, window.slots[-1]):
            counted.requests -= 1
            counted.tokens -= tokens

    def forget(self, now_ms: int, at_most: int = 1_000) -> None:
        """Drop keys that asked for nothing in the last minute. Looks at so many of those that began longest ago."""
        for key_id in list(islice(self._by_key, at_most)):
            window = self._by_key.pop(key_id)
            window.move(now_ms)
            if window.slots:
                self._by_key[key_id] = window  # at the end: the next call looks at others


def _refusal(window: _Window, limits: Limits, tokens: int, running: int, now_ms: int) -> tuple[Limit | None, int]:
    if limits.tokens is not None and tokens > limits.tokens:
        return Limit.TOKENS, 0
    if limits.concurrency is not None and running >= limits.concurrency:
        return Limit.CONCURRENCY, 0
    if limits.requests is not None and window.requests >= limits.requests:
        excess = window.requests + 1 - limits.requests
        return Limit.REQUESTS, _gone_after(excess, now_ms, ((s.until_ms, s.requests) for s in window.slots))
    if limits.tokens is not None and window.tokens + tokens > limits.tokens:
        excess = window.tokens + tokens - limits.tokens
        return Limit.TOKENS, _gone_after(excess, now_ms, ((s.until_ms, s.tokens) for s in window.slots))
    return None, 0


def _gone_after(excess: int, now_ms: int, slots: Iterator[tuple[int, int]]) -> int:
    """When so much will have left the window; where all of it is not enough, when the last of it has."""
    until_ms = now_ms
    for until_ms, amount in slots:  # noqa: B007 - the last one answers when none is enough
        excess -= amount
        if excess <= 0:
            break
    return until_ms - now_ms


def _room(limit: int | None, used: int, reset_ms: int) -> Room | None:
    return None if limit is None else Room(limit=limit, remaining=max(0, limit - used), reset_ms=reset_ms)
