"""What surrounds a ledger, made small: a journal with a fence, and its owners."""

from dataclasses import dataclass, field

from libs.contracts.northern.v1.ledger_pb2 import LedgerResult
from libs.ledger.apply import Operation
from libs.ledger.chain import Writing, replay
from libs.ledger.snapshot import from_bytes, to_bytes
from libs.ledger.state import State

ACCOUNTS = ("t_a", "t_b")
KEYS = {"t_a": ("k_a1", "k_a2"), "t_b": ("k_b1",)}


class Fenced(Exception):
    """The journal went on without this owner."""


@dataclass
class Journal:
    """A stream with expected sequence: an append that does not know the last message is refused."""

    batches: list[bytes] = field(default_factory=list)
    snapshot: bytes = field(default_factory=lambda: to_bytes(State()))
    covered: int = 0  # batches that the snapshot holds

    def append(self, expected: int, raw: bytes) -> None:
        if expected != len(self.batches):
            raise Fenced
        self.batches.append(raw)

    def recovered(self) -> State:
        state = from_bytes(self.snapshot)
        for raw in self.batches[self.covered :]:
            replay(state, raw)
        return state


@dataclass
class Owner:
    """A process that owns the shard, or believes so."""

    journal: Journal
    epoch: int
    state: State = field(init=False)
    expected: int = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.journal.recovered()
        self.expected = len(self.journal.batches)

    def take(self, ops: list[Operation], *, stream_seq: int, at_ms: int) -> list[LedgerResult]:
        """Apply a batch and put it on record; only then may the answers be told. Raises Fenced: this owner is over."""
        writing = Writing(self.state, epoch=self.epoch, at_ms=at_ms)
        results = [writing.apply(op) for op in ops]
        raw = writing.seal(stream_seq)
        self.journal.append(self.expected, raw)
        self.expected += 1
        return results
