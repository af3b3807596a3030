"""Checkpoints: the head of a log as a note's text (https://c2sp.org/tlog-checkpoint)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from libs.tlog.merkle import HASH_BYTES
from libs.tlog.note import Opened, VerifierKey, decoded, encoded, open_note
from libs.tlog.refusals import Reason, Refused

_LINES: Final = 3
_DIGITS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The tree of the log `origin` when it had `size` leaves."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"

    @classmethod
    def read(cls, text: str) -> "Checkpoint":
        """The text of a note. Lines after the third say nothing of the tree. Raises Refused."""
        lines = text.split("\n")
        if len(lines) <= _LINES or not all(lines[:-1]) or lines[-1]:
            raise Refused(Reason.MALFORMED_CHECKPOINT, "a checkpoint has an origin, a size and a root, a line each")
        origin, size, root = lines[:_LINES]
        try:
            head = cls(origin=origin, size=number(size), root=decoded(root))
        except ValueError:
            raise Refused(Reason.MALFORMED_CHECKPOINT, "the checkpoint's size or root cannot be read") from None
        if len(head.root) != HASH_BYTES:
            raise Refused(Reason.MALFORMED_CHECKPOINT, "the checkpoint's root is no SHA-256 hash")
        return head


def number(text: str) -> int:
    """A decimal as checkpoints and proofs write it: digits, no leading zero. Raises ValueError."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or (text[0] == "0" and text != "0"):
        raise ValueError("not a decimal number")
    return int(text)


def open_checkpoint(note: str, log: VerifierKey, witnesses: Collection[VerifierKey] = ()) -> tuple[Checkpoint, Opened]:
    """The checkpoint in a note that the log itself has signed, and who signed beside it. Raises Refused."""
    opened = open_note(note, (log, *witnesses))
    if log.name not in opened.signers:
        raise Refused(Reason.UNKNOWN_KEY, f"the checkpoint is not signed by {log.name}")
    head = Checkpoint.read(opened.text)
    if head.origin != log.name:
        raise Refused(Reason.WRONG_ORIGIN, f"the checkpoint is of {head.origin}, not of {log.name}")
    return head, opened
