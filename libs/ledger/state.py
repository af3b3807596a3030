"""What the ledger knows: accounts, books, requests, answers, spending; and the invariants that hold between them."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

GENESIS: Final = bytes(32)  # the head of a journal without a batch
NEVER_DUE: Final = 0


class Standing(StrEnum):
    OPEN = "open"
    SETTLED = "settled"
    VOIDED = "voided"
    EXPIRED = "expired"


@dataclass(slots=True)
class Books:
    """The operator's side of every entry, in one currency. `cash` and `adjustments` owe what came in by them."""

    cash: int = 0
    revenue: int = 0
    fees: int = 0
    adjustments: int = 0


@dataclass(slots=True)
class Account:
    """A tenant's. `balance` is what is posted, `held` the open holds; `excess` all that was posted beyond a hold."""

    id: str
    currency: str
    books: Books
    balance: int = 0
    held: int = 0
    excess: int = 0


@dataclass(slots=True)
class Spending:
    """Of one key on one day, or of one account in one month."""

    spent: int = 0
    held: int = 0


OVER: Final = Spending()  # where a request counts that is settled, or never held: nowhere. Always zero.


@dataclass(slots=True)
class Request:
    """What is remembered of one. `due_at_ms`: when an open hold expires, or anything else is forgotten.

    No key, day or month, and both counters OVER: settled, or voided before its hold came.
    """

    account: Account
    key_id: str
    day: str
    month: str
    daily: Spending
    monthly: Spending
    at_ms: int
    due_at_ms: int
    standing: Standing = Standing.OPEN
    held: int = 0
    cap: int | None = None
    budget: int | None = None
    idempotency_key: str = ""
    op_ids: tuple[str, ...] = ()


# To an operation: a digest of its content, its serialised result, and when it is forgotten (0: with its request).
# A plain tuple, because there are as many as operations, and the garbage collector stops looking at those.
Answer = tuple[bytes, bytes, int]


@dataclass(slots=True, eq=False)
class State:
    """All of a shard. Only `apply` and the chain change it; it is rebuilt from a snapshot and the journal after it."""

    head: bytes = GENESIS
    ops: int = 0
    epoch: int = 0
    stream_seq: int = 0
    now_ms: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)
    books: dict[str, Books] = field(default_factory=dict)  # by currency
    requests: dict[str, Request] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    days: dict[tuple[str, str], Spending] = field(default_factory=dict)  # (key, day)
    months: dict[tuple[str, str], Spending] = field(default_factory=dict)  # (account, month)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)  # (account, idempotency key) → request
    open_by_key: dict[str, int] = field(default_factory=dict)
    # What Expire looks at, soonest first: (when, id, is an operation's). An entry whose time is no longer that of the
    # thing it names is skipped, so that a hold that is extended or closed need not be searched for.
    due: list[tuple[int, str, bool]] = field(default_factory=list)

    def open_holds(self, key_id: str) -> int:
        """How many requests of a key are running: what its concurrency limit counts."""
        return self.open_by_key.get(key_id, 0)

    def knows(self, op_id: str) -> bool:
        """Whether the operation was answered before: a repeat, which no rate limit counts again."""
        return op_id in self.answers

    def spending(self, key_id: str, day: str, account: str, month: str) -> tuple[Spending, Spending]:
        """The counters of a key's day and an account's month, begun where there are none."""
        daily = self.days.get((key_id, day))
        if daily is None:
            daily = self.days[key_id, day] = Spending()
        monthly = self.months.get((account, month))
        if monthly is None:
            monthly = self.months[account, month] = Spending()
        return daily, monthly

    def plan(self, at_ms: int, name: str, *, is_op: bool) -> None:
        heapq.heappush(self.due, (at_ms, name, is_op))

    def plan_all(self) -> None:
        """The plan as it follows from everything else: after a snapshot is read, and when the clock is first set."""
        self.due = [(request.due_at_ms, name, False) for name, request in self.requests.items()]
        self.due += [(due_at_ms, op_id, True) for op_id, (_, _, due_at_ms) in self.answers.items() if due_at_ms]
        heapq.heapify(self.due)

    def check(self) -> None:
        """Every invariant, from first principles. For tests: it looks at everything."""
        _check_books(self)
        _check_holds(self)
        _check_counting(self)
        _check_memory(self)


def _check_books(state: State) -> None:
    sums: Counter[str] = Counter()
    for currency, books in state.books.items():
        sums[currency] += books.cash + books.revenue + books.fees + books.adjustments
    for name, account in state.accounts.items():
        assert name == account.id
        assert account.books is state.books[account.currency]
        sums[account.currency] += account.balance
        assert account.excess >= 0
        assert account.balance - account.held >= -account.excess, f"{name} is oversold"
    assert not any(sums.values()), f"the books do not balance: {sums}"


def _check_holds(state: State) -> None:
    held: Counter[str] = Counter()
    days: Counter[tuple[str, str]] = Counter()
    months: Counter[tuple[str, str]] = Counter()
    running: Counter[str] = Counter()
    for request in _open(state):
        assert request.held >= 0
        held[request.account.id] += request.held
        days[request.key_id, request.day] += request.held
        months[request.account.id, request.month] += request.held
        running[request.key_id] += 1
    assert all(request.held == 0 for request in state.requests.values() if request.standing is not Standing.OPEN)
    assert {name: account.held for name, account in state.accounts.items() if account.held} == +held
    assert {key: day.held for key, day in state.days.items() if day.held} == +days
    assert {key: month.held for key, month in state.months.items() if month.held} == +months
    assert state.open_by_key == running
    assert all(spending.spent >= 0 for spending in (*state.days.values(), *state.months.values()))


def _check_counting(state: State) -> None:
    assert Spending() == OVER
    for request in state.requests.values():
        counts = (state.days.get((request.key_id, request.day)), state.months.get((request.account.id, request.month)))
        daily, monthly = counts if request.key_id else (OVER, OVER)
        assert request.daily is daily
        assert request.monthly is monthly


def _check_memory(state: State) -> None:
    owned = [op_id for request in state.requests.values() for op_id in request.op_ids]
    assert len(owned) == len(set(owned))
    assert set(owned) == {op_id for op_id, (_, _, due_at_ms) in state.answers.items() if due_at_ms == NEVER_DUE}
    planned = set(state.due)
    assert all((request.due_at_ms, name, False) in planned for name, request in state.requests.items())
    assert all(
        (due_at_ms, op_id, True) in planned
        for op_id, (_, _, due_at_ms) in state.answers.items()
        if due_at_ms != NEVER_DUE
    )
    for (account, key), request_id in state.claims.items():
        request = state.requests[request_id]
        assert (request.account.id, request.idempotency_key) == (account, key)


def _open(state: State) -> Iterator[Request]:
    return (request for request in state.requests.values() if request.standing is Standing.OPEN)
