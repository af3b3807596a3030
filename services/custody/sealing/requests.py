"""Requests on their way into the log: facts in, complete requests out; pure, with the clock passed in.

Times are seconds of one monotonic clock, and of reading: how long ago something was stated says nothing where a backlog
is read. What a fact needs is kept as bytes: a parsed one would keep the whole message alive that it came in.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from libs.contracts.errors import CreditOnHold, InsufficientCredits, SpendCapReached
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.facts_pb2 import Fact, Outcome
from libs.projection.base import Placed

UNDELIVERED_S: Final = 10.0  # after Finished a request is complete without its Delivered
_SUBSTITUTED_S: Final = 120.0  # what was substituted and never sent is no request
_LONGEST_S: Final = 86_400.0  # no request takes a day: one that is open for longer is sealed as it stands
_MOST_OPEN: Final = 100_000
_MOST_FACTS: Final = 1_000  # of one request; a handful is usual
_REMEMBERED: Final = 1 << 18  # requests of which a further copy of a fact, or a late one, makes no second leaf
_OPENING: Final = frozenset({"egress", "refused", "pii"})
_NOT_SENT: Final = int(Outcome.OUTCOME_NOT_SENT)
_NO_MONEY: Final = frozenset({InsufficientCredits.code, SpendCapReached.code, CreditOnHold.code})


class Kept(NamedTuple):
    """A fact and its place in EVENTS."""

    seq: int
    idx: int
    raw: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Complete:
    """A request of which everything is known that will be. `overdue`: that nobody will say more was concluded."""

    tenant: str
    request_id: str
    facts: tuple[Kept, ...]
    overdue: bool


@dataclass(kw_only=True, slots=True)
class _Open:
    tenant: str
    since: float
    facts: list[Kept] = field(default_factory=list)
    sent: bool = False
    finished_at: float | None = None
    delivered: bool = False


class Requests:
    """The requests of EVENTS that have no leaf yet. `sealed`: those that have one and may be met again.

    A request is complete with Finished and Delivered; 10 s after its Finished without; at once if it was refused. One
    that was not sent for want of money has no leaf, nor has what was substituted and then came to nothing.
    """

    def __init__(self, sealed: Iterable[str] = ()) -> None:
        self.read = 0  # the last message of EVENTS whose facts are in
        self._open: dict[str, _Open] = {}  # in the order of their first facts
        self._undelivered: dict[str, float] = {}  # in the order of their Finished
        self._complete: deque[Complete] = deque()
        self._done: dict[int, None] = {}  # the last so many that are out of the open ones
        for request_id in sealed:
            self._remember(request_id)

    def __len__(self) -> int:
        """How many are complete."""
        return len(self._complete)

    @property
    def open(self) -> int:
        return len(self._open)

    def open_from(self) -> int:
        """The message of EVENTS where the oldest request begins that has no leaf; the next one, where all have."""
        first = next((each.facts[0].seq for each in self._open.values()), self.read + 1)
        return min((first, *(each.facts[0].seq for each in self._complete)))

    def take(self, placed: Placed, now: float) -> None:
        """Take the next fact in stream order."""
        self.read = placed.seq
        fact = placed.fact
        request_id = fact.request_id
        request = self._open.get(request_id)
        if request is None:
            if placed.kind not in _OPENING or self._is_done(request_id):
                return  # late, or a further copy
            request = self._open[request_id] = _Open(tenant=fact.tenant, since=now)
        if request.tenant != fact.tenant or len(request.facts) >= _MOST_FACTS:
            return
        if placed.kind == "finished" and not request.sent:
            return
        request.facts.append(_kept(placed))
        self._said(placed.kind, request_id, fact, request, now)

    def overdue(self, now: float) -> bool:
        """Whether something waits that `expire` would complete, if all that was stated by now were read."""
        undelivered = next(iter(self._undelivered.values()), now)
        oldest = next(iter(self._open.values()), None)
        aged = oldest is not None and now - oldest.since >= (_LONGEST_S if oldest.sent else _SUBSTITUTED_S)
        return now - undelivered >= UNDELIVERED_S or aged or len(self._open) > _MOST_OPEN

    def expire(self, then: float) -> None:
        """Everything that stood in the stream at `then` was read: what has not come by then is not waited for."""
        for request_id, at in list(self._undelivered.items()):
            if then - at < UNDELIVERED_S:
                break
            self._completed(request_id, overdue=True)
        for request_id, request in list(self._open.items()):
            surplus = len(self._open) > _MOST_OPEN
            if then - request.since < _SUBSTITUTED_S and not surplus:
                break
            if not request.sent:
                del self._open[request_id]
            elif then - request.since >= _LONGEST_S or surplus:
                self._completed(request_id, overdue=True)

    def next(self) -> Iterator[Complete]:
        """The complete requests, each of them out of here from then on."""
        while self._complete:
            yield self._complete.popleft()

    def back(self, complete: Complete) -> None:
        """Put back what `next` gave last."""
        self._complete.appendleft(complete)

    def _said(self, kind: str, request_id: str, fact: Fact, request: _Open, now: float) -> None:
        match kind:
            case "egress":
                request.sent = True
            case "refused" if not request.sent:
                self._completed(request_id, overdue=False)
                return
            case "delivered":
                request.delivered = True
            case "finished" if request.finished_at is None:
                request.finished_at = now
                self._undelivered[request_id] = now
                if fact.finished.outcome == _NOT_SENT and fact.finished.error_code in _NO_MONEY:
                    self._forget(request_id)
                    return
        if request.finished_at is not None and request.delivered:
            self._completed(request_id, overdue=False)

    def _completed(self, request_id: str, *, overdue: bool) -> None:
        request = self._forget(request_id)
        self._complete.append(
            Complete(tenant=request.tenant, request_id=request_id, facts=tuple(request.facts), overdue=overdue)
        )

    def _forget(self, request_id: str) -> _Open:
        self._undelivered.pop(request_id, None)
        self._remember(request_id)
        return self._open.pop(request_id)

    def _remember(self, request_id: str) -> None:
        self._done[int(request_id, 16)] = None
        if len(self._done) > _REMEMBERED:
            del self._done[next(iter(self._done))]

    def _is_done(self, request_id: str) -> bool:
        """An id that none of our edges gave is done with, too: nobody could look it up."""
        return REQUEST_ID.fullmatch(request_id) is None or int(request_id, 16) in self._done


def _kept(placed: Placed) -> Kept:
    fact = placed.fact
    if placed.kind == "pii" and fact.pii.entities:
        copy = Fact()
        copy.CopyFrom(fact)
        copy.pii.ClearField("entities")  # the audit's, not the record's
        fact = copy
    return Kept(placed.seq, placed.idx, fact.SerializeToString())
