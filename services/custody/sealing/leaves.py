"""From a complete request to its record and leaf, and from those to the two messages that put them in the log; pure."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from libs.contracts.members import member
from libs.contracts.northern.v1.custody_pb2 import Leaf, SealedRecord
from libs.contracts.northern.v1.facts_pb2 import Fact
from libs.tlog.receipt import commitment
from services.custody.records import UNDELIVERED_MS, Row, record
from services.custody.sealing.requests import Complete
from services.custody.statements import canonical, statement

SALT_BYTES: Final = 32
MOST_LEAVES: Final = 1_000  # of a batch
_MOST_BYTES: Final = 800 << 10  # of its records: one message, and the broker takes 1 MiB
_LARGEST: Final = 512 << 10  # of one record; two thousand bytes are usual

RandomBytes = Callable[[int], bytes]


def sealed(request: Complete, now_ms: int, random_bytes: RandomBytes) -> SealedRecord:
    """The record of a request as it is committed to, in its canonical form, and the salt it is committed under."""
    rows, salt, latest = [], b"", 0
    for kept in request.facts:
        fact = Fact.FromString(kept.raw)
        rows.append(Row(stream_seq=kept.seq, idx=kept.idx, said=statement(fact)))
        latest = max(latest, fact.at_ms)
        kind = fact.WhichOneof("kind")
        if not salt and kind in ("egress", "refused"):
            salt = fact.egress.salt if kind == "egress" else fact.refused.salt
    if len(salt) != SALT_BYTES:
        salt = random_bytes(SALT_BYTES)
    # An overdue one is judged as of a time at which nothing more is waited for, whatever this clock says.
    said = record(rows, max(now_ms, latest + UNDELIVERED_MS + 1) if request.overdue else now_ms)
    said["status"] = "sealed"
    raw = canonical(said)
    if len(raw) > _LARGEST:
        digest = hashlib.sha256(raw).hexdigest()
        raw = canonical(
            {"request_id": request.request_id, "object": "custody.record", "status": "sealed", "sha256": digest}
        )
    return SealedRecord(request_id=request.request_id, tenant=request.tenant, salt=salt, record=raw)


@dataclass(kw_only=True)
class Batch:
    """Leaves, and the records they commit to, that go into the log together.

    Records are kept as they leave: as messages, a batch of them would be copied as a whole, and so be fresh memory.
    """

    leaves: list[Leaf] = field(default_factory=list)
    size: int = 0
    _records: list[bytes] = field(default_factory=list)

    def add(self, one: SealedRecord) -> bool:
        """Whether there was room for it."""
        record = one.record
        size = len(record) + 128
        if self.leaves and (self.full or self.size + size > _MOST_BYTES):
            return False
        self.leaves.append(Leaf(request_id=one.request_id, tenant=one.tenant, commitment=commitment(one.salt, record)))
        self._records.append(member(one.SerializeToString()))
        self.size += size
        return True

    @property
    def full(self) -> bool:
        return len(self.leaves) >= MOST_LEAVES

    def encoded(self) -> bytes:
        """The message of stream RECORDS, a RecordBatch."""
        return b"".join(self._records)
