"""A state as bytes and back: the same state, so that a journal goes on after it as it would have without."""

from collections.abc import Iterable
from typing import Final

from google.protobuf.message import DecodeError

from libs.contracts.northern.v1.ledger_pb2 import (
    LedgerSnapshot,
    SnapshotAccount,
    SnapshotAnswer,
    SnapshotBooks,
    SnapshotRequest,
    SnapshotSpending,
)
from libs.ledger.seal import LedgerBroken, seal_of, sealed
from libs.ledger.state import OVER, Account, Books, Request, Spending, Standing, State

VERSION: Final = 1
_HASH_FIELD: Final = LedgerSnapshot.HASH_FIELD_NUMBER


def to_bytes(state: State) -> bytes:
    """Everything but the plan, which follows from it. Equal states give equal bytes."""
    snapshot = LedgerSnapshot(
        version=VERSION,
        head=state.head,
        ops=state.ops,
        epoch=state.epoch,
        stream_seq=state.stream_seq,
        now_ms=state.now_ms,
        accounts=(_account(a) for _, a in sorted(state.accounts.items())),
        books=(
            SnapshotBooks(currency=currency, cash=b.cash, revenue=b.revenue, fees=b.fees, adjustments=b.adjustments)
            for currency, b in sorted(state.books.items())
        ),
        requests=(_request(state, name, request) for name, request in sorted(state.requests.items())),
        answers=(
            SnapshotAnswer(op_id=op_id, content=content, result=result, due_at_ms=due_at_ms)
            for op_id, (content, result, due_at_ms) in sorted(state.answers.items())
        ),
        days=_spending(state.days),
        months=_spending(state.months),
    )
    return sealed(snapshot.SerializeToString(deterministic=True), _HASH_FIELD)


def from_bytes(raw: bytes) -> State:
    """The state that was written. Raises LedgerBroken for changed bytes or a version not known here."""
    seal_of(raw, _HASH_FIELD)
    try:
        snapshot = LedgerSnapshot.FromString(raw)
        if snapshot.version != VERSION:
            raise LedgerBroken(f"this is a snapshot of version {snapshot.version}; here {VERSION} is read")
        return _state(snapshot)
    except (DecodeError, KeyError, ValueError) as error:
        raise error if isinstance(error, LedgerBroken) else LedgerBroken("the bytes are no snapshot") from None


def _state(snapshot: LedgerSnapshot) -> State:
    books = {b.currency: Books(b.cash, b.revenue, b.fees, b.adjustments) for b in snapshot.books}
    state = State(
        head=snapshot.head,
        ops=snapshot.ops,
        epoch=snapshot.epoch,
        stream_seq=snapshot.stream_seq,
        now_ms=snapshot.now_ms,
        books=books,
        accounts={
            a.id: Account(a.id, a.currency, books[a.currency], a.balance_nano, a.held_nano, a.excess_nano)
            for a in snapshot.accounts
        },
        answers={a.op_id: (a.content, a.result, a.due_at_ms) for a in snapshot.answers},
        days={(s.owner, s.period): Spending(s.spent_nano, s.held_nano) for s in snapshot.days},
        months={(s.owner, s.period): Spending(s.spent_nano, s.held_nano) for s in snapshot.months},
        claims={(r.account, r.idempotency_key): r.id for r in snapshot.requests if r.claims_key},
    )
    for written in snapshot.requests:
        request = state.requests[written.id] = _remembered(state, written)
        if request.standing is Standing.OPEN:
            state.open_by_key[request.key_id] = state.open_holds(request.key_id) + 1
    state.plan_all()
    return state


def _account(account: Account) -> SnapshotAccount:
    return SnapshotAccount(
        id=account.id,
        currency=account.currency,
        balance_nano=account.balance,
        held_nano=account.held,
        excess_nano=account.excess,
    )


def _request(state: State, name: str, request: Request) -> SnapshotRequest:
    return SnapshotRequest(
        id=name,
        account=request.account.id,
        key_id=request.key_id,
        standing=request.standing,
        held_nano=request.held,
        at_ms=request.at_ms,
        due_at_ms=request.due_at_ms,
        day=request.day,
        month=request.month,
        cap_nano=request.cap,
        budget_nano=request.budget,
        idempotency_key=request.idempotency_key,
        claims_key=state.claims.get((request.account.id, request.idempotency_key)) == name,
        op_ids=request.op_ids,
    )


def _remembered(state: State, written: SnapshotRequest) -> Request:
    """A request, counting where it counted."""
    counts = bool(written.key_id)
    return Request(
        account=state.accounts[written.account],
        key_id=written.key_id,
        day=written.day,
        month=written.month,
        daily=state.days[written.key_id, written.day] if counts else OVER,
        monthly=state.months[written.account, written.month] if counts else OVER,
        at_ms=written.at_ms,
        due_at_ms=written.due_at_ms,
        standing=Standing(written.standing),
        held=written.held_nano,
        cap=written.cap_nano if written.HasField("cap_nano") else None,
        budget=written.budget_nano if written.HasField("budget_nano") else None,
        idempotency_key=written.idempotency_key,
        op_ids=tuple(written.op_ids),
    )


def _spending(counters: dict[tuple[str, str], Spending]) -> Iterable[SnapshotSpending]:
    for (owner, period), spending in sorted(counters.items()):
        yield SnapshotSpending(owner=owner, period=period, spent_nano=spending.spent, held_nano=spending.held)
