"""A state as bytes and back."""

from collections.abc import Callable

import pytest

from libs.contracts.northern.v1.ledger_pb2 import LedgerResult, LedgerSnapshot, SnapshotAccount, SnapshotRequest
from libs.ledger.seal import LedgerBroken, sealed
from libs.ledger.snapshot import from_bytes, to_bytes
from libs.ledger.state import State
from tests.unit.ledger.desk import MINUTE_MS, NOW_MS, Desk, rid

HASH = LedgerSnapshot.HASH_FIELD_NUMBER


def busy() -> Desk:
    """One request in every standing, a refusal, an idempotency key, a cap, an overrun."""
    desk = Desk(1000)
    desk.hold(1, 10, cap=500, budget=900, idempotency_key="one", expires_ms=NOW_MS + 99 * MINUTE_MS)
    desk.extend(1, 5)
    desk.hold(2, 10)
    desk.settle(2, 12, fee=3)
    desk.hold(3, 10, idempotency_key="three")
    desk.void(3)
    desk.hold(4, 10, key="k_two", idempotency_key="four")
    desk.void(5)
    desk.hold(6, 9999)
    desk.adjust(-4)
    desk.state.stream_seq, desk.state.ops, desk.state.epoch = 7, 12, 3
    desk.expire(NOW_MS + 16 * MINUTE_MS)
    return desk


def test_a_state_comes_back_as_it_was() -> None:
    state = busy().state
    again = from_bytes(to_bytes(state))
    again.check()
    assert to_bytes(again) == to_bytes(state)
    for name in State.__slots__:
        if name != "due":
            assert getattr(again, name) == getattr(state, name), name


def test_a_state_that_came_back_goes_on_as_the_other_would_have() -> None:
    one, other = busy(), busy()
    other.state = from_bytes(to_bytes(other.state))
    for desk in (one, other):
        desk.hold(7, 10, op_id="x", idempotency_key="four")
    steps: list[Callable[[Desk], LedgerResult]] = [
        lambda desk: desk.hold(8, 480, cap=500),
        lambda desk: desk.hold(9, 1, idempotency_key="one"),
        lambda desk: desk.settle(4, 10, seq=8),
        lambda desk: desk.settle(5, 10, seq=8),
        lambda desk: desk.settle(2, 10, seq=8),
        lambda desk: desk.extend(1, 900),
        lambda desk: desk.expire(NOW_MS + 47 * MINUTE_MS),
        lambda desk: desk.expire(NOW_MS + 9 * 24 * 60 * MINUTE_MS),
    ]
    for step in steps:
        assert step(one) == step(other)
        assert to_bytes(one.state) == to_bytes(other.state)


def test_an_empty_state_comes_back_too() -> None:
    assert to_bytes(from_bytes(to_bytes(State()))) == to_bytes(State())


def test_every_changed_byte_is_refused() -> None:
    raw = to_bytes(busy().state)
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 16
        with pytest.raises(LedgerBroken):
            from_bytes(bytes(changed))


@pytest.mark.parametrize(
    "snapshot",
    [
        LedgerSnapshot(),
        LedgerSnapshot(version=2),
        LedgerSnapshot(version=1, accounts=[SnapshotAccount(id="t", currency="CAD")]),
        LedgerSnapshot(version=1, requests=[SnapshotRequest(id=rid(1), account="t", standing="open")]),
    ],
)
def test_a_snapshot_that_cannot_be_is_refused(snapshot: LedgerSnapshot) -> None:
    with pytest.raises(LedgerBroken):
        from_bytes(sealed(snapshot.SerializeToString(), HASH))


def test_what_is_no_snapshot_is_refused() -> None:
    for raw in (b"", b"x", bytes(50), sealed(b"\xff\xff", HASH)):
        with pytest.raises(LedgerBroken):
            from_bytes(raw)
