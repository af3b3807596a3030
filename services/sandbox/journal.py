"""The log of every request received: written before anything is done with it, bounded in entries and in bytes."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from services.sandbox import credential

ENTRIES = 200_000
BODY_BYTES = 64 << 10  # kept of one body
DETAIL_BYTES = 64 << 20  # kept of headers and bodies in all: the oldest lose theirs first
EGRESS_ID = b"x-ni-egress-id"
_SECRET = frozenset(
    b"authorization proxy-authorization api-key x-api-key x-goog-api-key x-amz-security-token cookie".split()
)

Clock = Callable[[], float]


class Outcome(StrEnum):
    """How a request ended; `running` until it has."""

    RUNNING = "running"
    ANSWERED = "answered"
    CUT = "cut"
    CLIENT_GONE = "client_gone"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. Times in seconds, of the monotonic clock and of Unix."""

    seq: int
    monotonic: float
    unix: float
    method: str
    path: str
    egress_id: str
    credential: str  # which one, recognisable and not readable; empty: none
    headers: bytes | None  # one block: two hundred thousand lists of pairs would keep the collector busy
    detail_bytes: int
    model: str = ""
    stream: bool = False
    body_sha256: str = ""
    body: bytes | None = None
    outcome: Outcome = Outcome.RUNNING
    status: int = 0
    chunks_sent: int = 0
    ended: tuple[float, float] | None = None


@dataclass(kw_only=True)
class Journal:
    """Keeps the newest entries in memory and, given a file, one line for each request there."""

    monotonic: Clock
    unix: Clock
    boot: str
    keep_bodies: bool = True
    file: Path | None = None
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=ENTRIES))
    _detailed: deque[Entry] = field(default_factory=deque)
    _detail_bytes: int = 0
    _seq: int = 0
    _fd: int = -1

    def __enter__(self) -> Self:
        if self.file is not None:
            self._fd = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def begin(self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]]) -> Entry:
        """Record a request whose headers have arrived."""
        self._seq += 1
        kept = [(lower := name.lower(), _veiled(lower, value)) for name, value in headers]
        block = b"\n".join([b"%b:%b" % pair for pair in kept])
        entry = Entry(
            seq=self._seq,
            monotonic=self.monotonic(),
            unix=self.unix(),
            method=method,
            path=path,
            egress_id=next((value.decode("latin-1") for name, value in kept if name == EGRESS_ID), ""),
            credential=credential.told(headers),
            headers=block,
            detail_bytes=len(block),
        )
        self.entries.append(entry)
        self._detailed.append(entry)
        self._weigh(entry.detail_bytes)
        return entry

    def received(self, entry: Entry, body: bytes) -> None:
        """Complete the record with as much of the body as came; nothing has been answered yet."""
        entry.body_sha256 = hashlib.sha256(body).hexdigest()
        if self.keep_bodies and entry.headers is not None:
            entry.body = body[:BODY_BYTES]
            entry.detail_bytes += len(entry.body)
            self._weigh(len(entry.body))
        if self._fd >= 0:
            os.write(self._fd, orjson.dumps(self._line(entry), option=orjson.OPT_APPEND_NEWLINE))

    def end(self, entry: Entry, outcome: Outcome) -> None:
        """The first outcome counts."""
        if entry.outcome is Outcome.RUNNING:
            entry.outcome = outcome
            entry.ended = (self.monotonic(), self.unix())

    def after(self, seq: int, limit: int) -> Iterator[dict[str, Any]]:
        """Records above a sequence, oldest first."""
        skip = max(0, seq + 1 - self.entries[0].seq) if self.entries else 0
        return map(shown, islice(self.entries, skip, skip + limit))

    def clear(self) -> None:
        """Forget everything; sequences go on."""
        self.entries.clear()
        self._detailed.clear()
        self._detail_bytes = 0

    def _weigh(self, added: int) -> None:
        self._detail_bytes += added
        while self._detail_bytes > DETAIL_BYTES and len(self._detailed) > 1:
            oldest = self._detailed.popleft()
            self._detail_bytes -= oldest.detail_bytes
            oldest.headers = oldest.body = None

    def _line(self, entry: Entry) -> dict[str, Any]:
        return {
            "boot": self.boot,
            "seq": entry.seq,
            "path": entry.path,
            "egress_id": entry.egress_id,
            "body_sha256": entry.body_sha256,
        }


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as the log's readers get it; times in milliseconds."""
    return {
        "seq": entry.seq,
        "at": _at(entry.monotonic, entry.unix),
        "method": entry.method,
        "path": entry.path,
        "model": entry.model,
        "egress_id": entry.egress_id,
        "credential": entry.credential,
        "headers": None if entry.headers is None else _pairs(entry.headers),
        "body_sha256": entry.body_sha256,
        "body": None if entry.body is None else entry.body.decode("utf-8", "replace"),
        "stream": entry.stream,
        "status": entry.status,
        "outcome": entry.outcome,
        "chunks_sent": entry.chunks_sent,
        "ended_at": None if entry.ended is None else _at(*entry.ended),
    }


def _pairs(block: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in block.decode("latin-1").split("\n") if line)
    return {name: value for name, _, value in lines}


def _at(monotonic: float, unix: float) -> dict[str, float]:
    return {"monotonic_ms": round(monotonic * 1000, 3), "unix_ms": round(unix * 1000)}


def _veiled(name: bytes, value: bytes) -> bytes:
    """Credentials are recognisable, not readable."""
    return credential.veiled(value).encode() if name in _SECRET else value
