"""Dead letters as they are read again: what a reader could not read and put aside, and marks of what was put back."""

import base64
from dataclasses import dataclass
from typing import Any, Final

import orjson

from libs.bus.base import Stored
from libs.contracts.subjects import dead_letter, token

_REPLAYED: Final = "replayed"  # how the marks' purposes begin; no reader's does


@dataclass(frozen=True, kw_only=True)
class Letter:
    """`place`: its sequence in DLQ. `seq` of `stream` is where the message stands; `data` None: only there."""

    place: int
    purpose: str
    stream: str
    seq: int
    subject: str
    why: str
    data: bytes | None
    replayed: int = 0  # the sequence it got when it was put back; 0: it was not

    def shown(self) -> dict[str, Any]:
        """As plain values, without what nobody could read."""
        names = ("place", "purpose", "stream", "seq", "subject", "why")
        return {**{name: getattr(self, name) for name in names}, "replayed": self.replayed or None}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """That the message `seq` of `stream` was put back, and is `again` there now."""

    stream: str
    seq: int
    again: int

    def serialised(self) -> bytes:
        return orjson.dumps({"stream": self.stream, "seq": self.seq, "again": self.again})


def replay_id(stream: str, seq: int) -> str:
    """The message id of what is put back, so that it comes back once, and of its mark."""
    return f"{_REPLAYED}-{stream}-{seq}"


def mark_subject(stream: str, seq: int) -> str:
    """Where the mark of one message stands: it is found without a look at any other."""
    return dead_letter(replay_id(stream, seq))


def read(stored: Stored) -> Letter | Mark | None:
    """One message of DLQ; None for what is neither."""
    purpose = stored.subject.rpartition(".")[2]
    try:
        said = orjson.loads(stored.data)
        if purpose.startswith(_REPLAYED):
            return Mark(stream=str(said["stream"]), seq=int(said["seq"]), again=int(said["again"]))
        return Letter(
            place=stored.seq,
            purpose=purpose,
            stream=token(said["stream"]),
            seq=int(said["seq"]),
            subject=str(said["subject"]),
            why=str(said["error_type"]),
            data=None if said["data"] is None else base64.b64decode(said["data"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
