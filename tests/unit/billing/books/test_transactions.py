"""Transactions: what the operations of a batch did to balances, as the journal itself has it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.bus.base import Stored
from libs.contracts.northern.v1.ledger_pb2 import Adjust, Hold, OpenAccount, Settle, TopUp, Void
from libs.ledger.apply import Operation
from libs.ledger.chain import Writing
from libs.ledger.state import State
from libs.projection.base import UnreadableError
from services.billing.books import transactions
from services.billing.books.transactions import Booked, booked, postings
from tests.support.money_facts import AT_MS, request_id

UNIT = 10**9


def batch(*ops: Operation, state: State | None = None, read_to: int = 0) -> bytes:
    writing = Writing(state or State(), epoch=1, at_ms=AT_MS)
    for op in ops:
        writing.apply(op)
    return writing.seal(read_to)


def opened(*ops: Operation, read_to: int = 0) -> Booked:
    account = OpenAccount(op_id="open", account="t_one", currency="CAD")
    found = booked(Stored("ledger.0", 7, batch(account, *ops, read_to=read_to)))
    assert found is not None
    return found[0]


def hold(amount: int, n: int = 1) -> Hold:
    return Hold(
        op_id=f"h{n}", account="t_one", key_id="k_one", request_id=request_id(n), amount_nano=amount, at_ms=AT_MS,
        expires_at_ms=AT_MS + 900_000, day="2026-11-21", month="2026-11",
    )  # fmt: skip


def settle(amount: int, fee: int = 0, n: int = 1, seq: int = 3) -> Settle:
    return Settle(
        op_id=f"s{n}", request_id=request_id(n), account="t_one", key_id="k_one", amount_nano=amount, fee_nano=fee,
        stream_seq=seq, at_ms=AT_MS, day="2026-11-21", month="2026-11",
    )  # fmt: skip


TOP_UP = TopUp(op_id="t1", account="t_one", amount_nano=5 * UNIT, note="invoice 17", by="u_one")


def kept(item: Booked) -> list[dict[str, Any]]:
    rows = [dict(zip(transactions.COLUMNS, row, strict=True)) for row in transactions.rows(item)]
    return [row | {"created": datetime.fromtimestamp(row["created"] / 1000, UTC)} for row in rows]


def test_amounts_add_up_to_the_balance_after_each() -> None:
    adjusted = Adjust(op_id="a1", account="t_one", amount_nano=-UNIT, note="oops", by="u_one")
    item = opened(TOP_UP, hold(2 * UNIT), settle(UNIT, fee=7), adjusted, read_to=3)
    balance = 0
    for posting in postings(item.batch):
        balance += posting.amount
        assert posting.result.balance_nano == balance
    assert [posting.type for posting in postings(item.batch)] == ["deposit", "deduction", "adjustment"]
    assert [posting.op for posting in postings(item.batch)] == [1, 3, 4]


def test_what_moved_nothing_is_no_transaction() -> None:
    free = settle(0, n=1)
    void = Void(op_id="v", account="t_one", request_id=request_id(2))
    refused = TopUp(op_id="t2", account="t_one", amount_nano=-1)
    assert list(postings(opened(hold(0, 1), free, hold(0, 2), void, refused, read_to=3).batch)) == []


def test_a_deduction_is_shown_negative_with_its_request() -> None:
    first, second = kept(opened(TOP_UP, hold(2 * UNIT), settle(UNIT, fee=7), read_to=3))
    assert transactions.shown(first) == {
        "id": "tx_0000000000000001",
        "object": "transaction",
        "type": "deposit",
        "amount": "5.00",
        "balance_after": "5.00",
        "request_id": None,
        "note": "invoice 17",
        "created": AT_MS // 1000,
    }
    shown = transactions.shown(second)
    assert (shown["type"], shown["amount"], shown["balance_after"]) == ("deduction", "-1.000000007", "3.999999993")
    assert (shown["request_id"], second["stream_seq"], second["fee"]) == (request_id(1), 3, 7)


def test_a_batch_is_copied_byte_for_byte_with_its_place_in_the_chain() -> None:
    item = opened(TOP_UP)
    row = dict(zip(transactions.JOURNAL_COLUMNS, transactions.journal_row(item), strict=True))
    assert row["batch"] == item.raw
    assert (row["shard"], row["seq"], row["first_op"], row["ops"], row["epoch"]) == (0, 7, 0, 2, 1)
    assert row["hash"] == item.batch.hash.hex()
    assert row["prev_hash"] == item.batch.prev_hash.hex()


def test_a_batch_with_a_changed_byte_is_put_aside() -> None:
    raw = bytearray(batch(TOP_UP))
    raw[3] ^= 1
    with pytest.raises(UnreadableError):
        booked(Stored("ledger.0", 1, bytes(raw)))


def test_what_is_no_journal_is_left_alone() -> None:
    assert booked(Stored("ledger.export", 1, b"")) is None
