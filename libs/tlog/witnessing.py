"""What a log and a witness say to one another (https://c2sp.org/tlog-witness), as text; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from libs.tlog.checkpoint import Checkpoint, number
from libs.tlog.merkle import HASH_BYTES, extends
from libs.tlog.note import decoded, encoded
from libs.tlog.refusals import Reason, Refused

PATH: Final = "add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"  # of an answer that says which checkpoint the witness saw last
_LONGEST: Final = 63
_LARGEST: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class AddCheckpoint:
    """A checkpoint for a witness that has seen the tree of the first `old` leaves; `note` is signed by the log."""

    old: int
    path: Sequence[bytes]
    note: str

    @property
    def text(self) -> str:
        path = "".join(f"{encoded(each)}\n" for each in self.path)
        return f"old {self.old}\n{path}\n{self.note}"

    @classmethod
    def read(cls, text: str) -> "AddCheckpoint":
        """What `text` wrote. Raises Refused."""
        head, gap, note = text.partition("\n\n")
        word, _, old = head.partition("\n")[0].partition(" ")
        lines = head.split("\n")[1:]
        if len(text) > _LARGEST or not gap or word != "old" or len(lines) > _LONGEST:
            raise Refused(Reason.MALFORMED_PROOF, "send `old <size>`, the proof a hash a line, an empty line, the note")
        try:
            asked = cls(old=number(old), path=[decoded(line) for line in lines], note=note)
        except ValueError:
            raise Refused(Reason.MALFORMED_PROOF, "the old size or a line of the proof cannot be read") from None
        if any(len(each) != HASH_BYTES for each in asked.path):
            raise Refused(Reason.MALFORMED_PROOF, "a line of the proof is no SHA-256 hash")
        return asked


def consistent(seen: Checkpoint | None, asked: AddCheckpoint, head: Checkpoint) -> None:
    """Nothing, where `head` continues what was seen. Raises Refused: ROLLED_BACK where it is smaller than that."""
    if seen is None:
        if asked.path:
            raise Refused(Reason.INCONSISTENT, "there is nothing to be consistent with yet, so the proof must be empty")
        return
    if head.size < seen.size:
        raise Refused(Reason.ROLLED_BACK, f"the log had {seen.size} entries and now has {head.size}")
    if not seen.size:
        return
    if not extends(seen.size, head.size, asked.path, seen.root, head.root):
        raise Refused(Reason.INCONSISTENT, f"the tree of {head.size} does not begin with that of {seen.size}")
