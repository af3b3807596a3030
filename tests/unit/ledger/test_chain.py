"""The journal: what is written is what is replayed, and nothing else passes for it."""

from collections.abc import Iterable

import pytest

from libs.contracts.northern.v1.ledger_pb2 import (
    Expire,
    Extend,
    Hold,
    JournalBatch,
    LedgerOp,
    LedgerResult,
    OpenAccount,
    Settle,
    TopUp,
    Void,
)
from libs.ledger.apply import Operation
from libs.ledger.chain import Head, Writing, read, replay, verify
from libs.ledger.seal import LedgerBroken, sealed
from libs.ledger.snapshot import to_bytes
from libs.ledger.state import State
from tests.unit.ledger.desk import DAY, MINUTE_MS, MONTH, NOW_MS, rid

HASH = JournalBatch.HASH_FIELD_NUMBER


def ops() -> list[list[Operation]]:
    """Three batches with one of nearly everything."""

    def hold(n: int, amount: int) -> Hold:
        return Hold(
            op_id=f"h{n}",
            account="t_one",
            key_id="k_one",
            request_id=rid(n),
            amount_nano=amount,
            at_ms=NOW_MS,
            expires_at_ms=NOW_MS + MINUTE_MS,
            day=DAY,
            month=MONTH,
        )

    def settle(n: int, amount: int, seq: int) -> Settle:
        return Settle(request_id=rid(n), account="t_one", key_id="k_one", amount_nano=amount, stream_seq=seq)

    return [
        [
            Expire(now_ms=NOW_MS),
            OpenAccount(op_id="o", account="t_one", currency="CAD"),
            TopUp(op_id="t", account="t_one", amount_nano=100),
        ],
        [
            hold(1, 40),
            hold(2, 70),
            Extend(op_id="e", account="t_one", request_id=rid(1), amount_nano=5, expires_at_ms=1),
            settle(1, 44, 3),
            settle(4, 1, 3),
        ],
        [hold(3, 10), Void(op_id="v", account="t_one", request_id=rid(3)), Expire()],
    ]


def written() -> tuple[State, list[bytes]]:
    state = State()
    journal: list[bytes] = []
    for epoch, batch in enumerate(ops(), start=1):
        writing = Writing(state, epoch=epoch, at_ms=NOW_MS)
        for op in batch:
            writing.apply(op)
        assert len(writing) == len(batch)
        journal.append(writing.seal(state.stream_seq + 3))
    return state, journal


def replayed(journal: Iterable[bytes]) -> State:
    state = State()
    for raw in journal:
        replay(state, raw)
    return state


def test_replaying_a_journal_gives_the_identical_state() -> None:
    state, journal = written()
    again = replayed(journal)
    again.check()
    assert to_bytes(again) == to_bytes(state)
    assert (again.ops, again.epoch, again.stream_seq) == (11, 3, 9)


def test_a_batch_holds_the_operations_as_they_came_and_their_results() -> None:
    _, journal = written()
    batch = read(journal[1])
    assert [getattr(op, op.WhichOneof("op") or "") for op in batch.ops] == ops()[1]
    assert [result.code for result in batch.results] == ["", "credit_on_hold", "", "", ""]
    assert (batch.first_op, batch.epoch, batch.stream_seq, batch.at_ms) == (3, 2, 6, NOW_MS)
    assert batch.prev_hash == read(journal[0]).hash


def test_an_operation_whose_members_are_all_zero_is_one_too() -> None:
    _, journal = written()
    assert read(journal[2]).ops[2].WhichOneof("op") == "expire"


def test_a_position_in_the_stream_is_read_when_its_batch_is_sealed() -> None:
    state, _ = written()
    writing = Writing(state, epoch=3, at_ms=NOW_MS)
    late = Settle(request_id=rid(5), account="t_one", key_id="k", amount_nano=1, stream_seq=9)
    assert not writing.apply(late).posted_nano


def test_what_is_settled_lies_within_what_is_said_to_be_read() -> None:
    state, _ = written()
    writing = Writing(state, epoch=3, at_ms=NOW_MS)
    writing.apply(Settle(request_id=rid(5), account="t_one", key_id="k", amount_nano=1, stream_seq=11))
    with pytest.raises(ValueError, match="beyond"):
        writing.seal(10)
    with pytest.raises(ValueError, match="beyond"):
        Writing(state, epoch=3, at_ms=NOW_MS).seal(8)


def test_an_owner_whose_epoch_is_over_cannot_begin_a_batch() -> None:
    state, _ = written()
    with pytest.raises(ValueError, match="epoch 2 is over"):
        Writing(state, epoch=2, at_ms=NOW_MS)


def test_the_chain_is_followed_without_applying_it() -> None:
    state, journal = written()
    head = verify(journal)
    assert head == Head(hash=state.head, ops=state.ops, epoch=3, stream_seq=9)
    assert verify(journal[1:], verify(journal[:1])) == head
    assert verify([]) == Head()


@pytest.mark.parametrize("how", ["first", "middle", "twice", "swapped"])
def test_a_journal_with_a_gap_a_repetition_or_another_order_is_refused(how: str) -> None:
    _, journal = written()
    kept = {
        "first": journal[1:],
        "middle": [journal[0], journal[2]],
        "twice": [journal[0], journal[0]],
        "swapped": [journal[0], journal[2], journal[1]],
    }[how]
    with pytest.raises(LedgerBroken, match="gap"):
        verify(kept)
    with pytest.raises(LedgerBroken, match="gap"):
        replayed(kept)


def test_every_changed_byte_is_refused() -> None:
    _, journal = written()
    for at in range(len(journal[1])):
        changed = bytearray(journal[1])
        changed[at] ^= 1
        with pytest.raises(LedgerBroken):
            verify([journal[0], bytes(changed)])


@pytest.mark.parametrize("raw", [b"", b"x", bytes(40), sealed(b"\xff\xff\xff", HASH)])
def test_what_is_no_batch_is_refused(raw: bytes) -> None:
    with pytest.raises(LedgerBroken):
        read(raw)


def resealed(raw: bytes, **change: object) -> bytes:
    """A batch as somebody would forge it: changed, and sealed again."""
    batch = read(raw)
    batch.ClearField("hash")
    for member, value in change.items():
        if member in {"ops", "results"}:
            batch.ClearField(member)
            getattr(batch, member).extend(value)
        else:
            setattr(batch, member, value)
    return sealed(batch.SerializeToString(deterministic=True), HASH)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prev_hash": bytes(32)}, "another history"),
        ({"prev_hash": b""}, "another history"),
        ({"epoch": 0}, "goes back"),
        ({"stream_seq": 2}, "goes back"),
        ({"first_op": 2}, "gap"),
        ({"results": []}, "without results"),
        ({"ops": [LedgerOp()] * 5}, "kind unknown"),
    ],
)
def test_a_batch_that_does_not_follow_is_refused_however_well_it_is_sealed(
    change: dict[str, object], says: str
) -> None:
    _, journal = written()
    state = State()
    replay(state, journal[0])
    forged = resealed(journal[1], **change)
    with pytest.raises(LedgerBroken, match=says):
        verify([journal[0], forged])
    with pytest.raises(LedgerBroken, match=says):
        replay(state, forged)


def test_a_rewritten_batch_breaks_the_chain_at_the_next_one() -> None:
    _, journal = written()
    forged = resealed(journal[1], at_ms=1)
    with pytest.raises(LedgerBroken, match="another history"):
        verify([journal[0], forged, journal[2]])


def test_a_result_that_does_not_come_of_its_operation_is_refused() -> None:
    _, journal = written()
    results = list(read(journal[1]).results)
    results[1] = LedgerResult(balance_nano=100, held_nano=70)
    forged = resealed(journal[1], results=results)
    state = State()
    replay(state, journal[0])
    with pytest.raises(LedgerBroken, match="operation 4 has another result"):
        replay(state, forged)
