"""The journal: operations and results in sealed batches, each naming the one before; written, checked, replayed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from libs.contracts.northern.v1.ledger_pb2 import (
    Adjust,
    Expire,
    Extend,
    Hold,
    JournalBatch,
    LedgerResult,
    OpenAccount,
    Settle,
    TopUp,
    Void,
)
from libs.ledger.apply import Operation, apply
from libs.ledger.seal import LedgerBroken, seal_of, sealed
from libs.ledger.state import GENESIS, State

_HASH_FIELD: Final = JournalBatch.HASH_FIELD_NUMBER
_MEMBER: Final[dict[type[Operation], str]] = {
    Hold: "hold",
    Extend: "extend",
    Void: "void",
    TopUp: "top_up",
    Adjust: "adjust",
    Settle: "settle",
    Expire: "expire",
    OpenAccount: "open_account",
}


class Writing:
    """A batch being written: the state moves as operations are applied, so a batch that is refused ends its owner.

    All facts of one EVENTS message go into one batch: a fact counts as read when its message does.
    """

    def __init__(self, state: State, *, epoch: int, at_ms: int) -> None:
        if epoch < state.epoch:
            raise ValueError(f"epoch {epoch} is over: the journal is in {state.epoch}")
        self._state = state
        self._batch = JournalBatch(prev_hash=state.head, first_op=state.ops, epoch=epoch, at_ms=at_ms)
        self._furthest = state.stream_seq

    def __len__(self) -> int:
        return len(self._batch.ops)

    def apply(self, op: Operation) -> LedgerResult:
        """The result, to be told once the batch is on record."""
        if isinstance(op, Settle):
            self._furthest = max(self._furthest, op.stream_seq)
        result = apply(self._state, op)
        written = getattr(self._batch.ops.add(), _MEMBER[type(op)])
        written.SetInParent()  # an operation whose members are all zero is one too
        written.CopyFrom(op)
        self._batch.results.append(result)
        return result

    def seal(self, stream_seq: int) -> bytes:
        """The message to publish. `stream_seq`: EVENTS is read up to here, in whole messages."""
        if stream_seq < self._furthest:
            raise ValueError("a fact was settled that lies beyond what is said to be read")
        self._batch.stream_seq = stream_seq
        raw = sealed(self._batch.SerializeToString(deterministic=True), _HASH_FIELD)
        _advance(self._state, self._batch, seal_of(raw, _HASH_FIELD))
        return raw


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Where a journal stands: the seal of its last batch and the number of operations in it."""

    hash: bytes = GENESIS
    ops: int = 0
    epoch: int = 0
    stream_seq: int = 0


def read(raw: bytes) -> JournalBatch:
    """A batch whose bytes are those that were sealed. Raises LedgerBroken."""
    seal_of(raw, _HASH_FIELD)
    try:
        batch = JournalBatch.FromString(raw)
    except DecodeError:
        raise LedgerBroken("the bytes are no batch of a journal") from None
    if len(batch.ops) != len(batch.results) or any(op.WhichOneof("op") is None for op in batch.ops):
        raise LedgerBroken("the batch has operations without results, or of a kind unknown here")
    return batch


def verify(batches: Iterable[bytes], head: Head | None = None) -> Head:
    """Follow the chain from a head (the beginning) without applying it. Raises LedgerBroken where it breaks."""
    head = head or Head()
    for raw in batches:
        batch = read(raw)
        _follows(batch, head)
        head = Head(
            hash=batch.hash,
            ops=head.ops + len(batch.ops),
            epoch=batch.epoch,
            stream_seq=batch.stream_seq,
        )
    return head


def replay(state: State, raw: bytes) -> JournalBatch:
    """Apply a batch again. LedgerBroken where it does not follow, or a result differs: the state is void then."""
    batch = read(raw)
    _follows(batch, Head(hash=state.head, ops=state.ops, epoch=state.epoch, stream_seq=state.stream_seq))
    for number, (entry, said) in enumerate(zip(batch.ops, batch.results, strict=True), start=batch.first_op):
        member = entry.WhichOneof("op")
        assert member is not None
        if apply(state, getattr(entry, member)) != said:
            raise LedgerBroken(f"operation {number} has another result than the journal says")
    _advance(state, batch, batch.hash)
    return batch


def _follows(batch: JournalBatch, head: Head) -> None:
    if batch.first_op != head.ops:
        raise LedgerBroken(f"the journal has a gap: operation {head.ops} is missing, {batch.first_op} comes")
    if batch.prev_hash != head.hash:
        raise LedgerBroken(f"the batch from operation {batch.first_op} on follows another history")
    if batch.epoch < head.epoch or batch.stream_seq < head.stream_seq:
        raise LedgerBroken(f"the batch from operation {batch.first_op} on goes back")


def _advance(state: State, batch: JournalBatch, head: bytes) -> None:
    state.head = head
    state.ops += len(batch.ops)
    state.epoch = batch.epoch
    state.stream_seq = batch.stream_seq
