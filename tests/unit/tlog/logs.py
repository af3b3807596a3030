"""A log in memory and keys to sign with, for the tests of what is said of logs."""

import base64
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.tlog.checkpoint import Checkpoint
from libs.tlog.merkle import Frontier, inclusion, leaf_hash, root
from libs.tlog.note import Algorithm, VerifierKey, cosigned, signature_line
from libs.tlog.proof import Proof


@dataclass
class Key:
    """An Ed25519 key with a name."""

    name: str
    algorithm: Algorithm = Algorithm.ED25519
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> VerifierKey:
        raw = self.private.public_key().public_bytes_raw()
        return VerifierKey(name=self.name, public_key=raw, algorithm=self.algorithm)

    def line(self, text: str, at: int = 0) -> str:
        message = cosigned(text, at) if self.algorithm is Algorithm.COSIGNATURE else text.encode()
        return signature_line(self.public, self.private.sign(message), at)


@dataclass
class Log:
    """Grows, and keeps every subtree there is."""

    key: Key = field(default_factory=lambda: Key("log.example/custody"))
    entries: list[bytes] = field(default_factory=list)
    subtrees: dict[tuple[int, int], bytes] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)

    @classmethod
    def of(cls, size: int) -> "Log":
        log = cls()
        for number in range(size):
            log.append(b"entry %d" % number)
        return log

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)
        for level, index, found in self.frontier.append(leaf_hash(entry)):
            self.subtrees[level, index] = found

    def subtree(self, level: int, index: int) -> bytes:
        return self.subtrees[level, index]

    def head(self, size: int | None = None) -> Checkpoint:
        size = len(self.entries) if size is None else size
        return Checkpoint(origin=self.key.name, size=size, root=root(size, self.subtree))

    def note(self, size: int | None = None, *witnesses: Key) -> str:
        """The signed checkpoint, with a line of each witness."""
        text = self.head(size).text
        return f"{text}\n{self.key.line(text)}{''.join(each.line(text, 1_700_000_000) for each in witnesses)}"

    def proof(self, index: int, *witnesses: Key) -> Proof:
        size = len(self.entries)
        return Proof(
            index=index,
            path=inclusion(index, size, self.subtree),
            checkpoint=self.note(None, *witnesses),
            extra=b"anything",
        )


def unbase64(text: str | None) -> bytes:
    return base64.b64decode(text or "")
