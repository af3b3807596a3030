"""Proofs that fit into a file: an entry's place in a log, believable offline (https://c2sp.org/tlog-proof)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from libs.tlog.checkpoint import Checkpoint, number, open_checkpoint
from libs.tlog.merkle import HASH_BYTES, includes, leaf_hash
from libs.tlog.note import VerifierKey, decoded, encoded
from libs.tlog.refusals import Reason, Refused

SUFFIX: Final = ".tlog-proof"
_HEADER: Final = "c2sp.org/tlog-proof@v1"
_LARGEST: Final = 4 << 20  # characters
_LONGEST: Final = 64  # hashes of a path


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """Where an entry is, the path from it to the root, the signed checkpoint; `extra` is bytes of the log's own."""

    index: int
    path: Sequence[bytes]
    checkpoint: str
    extra: bytes | None = None

    @property
    def text(self) -> str:
        extra = "" if self.extra is None else f"extra {encoded(self.extra)}\n"
        path = "".join(f"{encoded(each)}\n" for each in self.path)
        return f"{_HEADER}\n{extra}index {self.index}\n{path}\n{self.checkpoint}"

    @classmethod
    def read(cls, text: str) -> "Proof":
        """What `text` wrote; nothing is believed yet. Raises Refused."""
        if len(text) > _LARGEST:
            raise Refused(Reason.MALFORMED_PROOF, "the file is larger than a proof may be")
        head, gap, checkpoint = text.partition("\n\n")
        header, *lines = head.split("\n")
        if header == f"{_HEADER}\r":
            why = "the ends of the file's lines were changed on the way: fetch it again, and keep it byte by byte"
            raise Refused(Reason.MALFORMED_PROOF, why)
        if not gap or header != _HEADER:
            raise Refused(Reason.MALFORMED_PROOF, f"the file does not begin with {_HEADER}, so it is no proof")
        try:
            extra = decoded(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
            index = _index(lines.pop(0)) if lines else -1
            proof = cls(index=index, path=[decoded(line) for line in lines], checkpoint=checkpoint, extra=extra)
        except ValueError:
            raise Refused(Reason.MALFORMED_PROOF, "a line of the proof cannot be read") from None
        if index < 0 or len(proof.path) > _LONGEST:
            raise Refused(Reason.MALFORMED_PROOF, "the proof has no index, or is longer than a proof may be")
        if any(len(each) != HASH_BYTES for each in proof.path):
            raise Refused(Reason.MALFORMED_PROOF, "a line of the proof is no SHA-256 hash")
        return proof

    def verify(
        self, entry: bytes, log: VerifierKey, witnesses: Collection[VerifierKey] = (), quorum: int = 0
    ) -> Checkpoint:
        """The checkpoint under which the log holds this entry, seen by at least `quorum` witnesses. Raises Refused."""
        head, opened = open_checkpoint(self.checkpoint, log, witnesses)
        seen = sum(witness.name in opened.signers for witness in witnesses)
        if seen < quorum:
            raise Refused(Reason.QUORUM, f"{seen} witnesses have signed the checkpoint, {quorum} are asked for")
        if not includes(self.index, head.size, leaf_hash(entry), self.path, head.root):
            raise Refused(Reason.NOT_INCLUDED, "the entry is not in the log where the proof says")
        return head


def _index(line: str) -> int:
    word, _, index = line.partition(" ")
    return number(index) if word == "index" else -1
