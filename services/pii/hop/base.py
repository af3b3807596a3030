"""What the hop asks of the rooms beside it: a request masked, and how what comes back is restored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from libs.contracts.northern.v1.envelope_pb2 import Envelope


class Lane(Protocol):
    """An answer on its way back, restored as it comes."""

    def feed(self, data: bytes) -> bytes:
        """What can be passed on by now; b"" while it is held."""

    def close(self) -> bytes:
        """What is still held, at the end of the answer or where it breaks off."""


class Restoration(Protocol):
    """The way back of one request. It holds the originals: it lives as long as the request, and in memory alone."""

    def stream(self) -> Lane:
        """Of an answer that comes as a stream."""

    def whole(self) -> Lane:
        """Of an answer that is read whole before it is passed on."""

    def sentence(self, text: str) -> str:
        """Of what is said beside an answer, such as why there is none."""


@dataclass(kw_only=True, slots=True)
class Listed:
    """An entity that was substituted, at one place, `count` times there; nothing of the original.

    Not frozen, as there are thousands in a prompt.
    """

    type: str
    place: str
    count: int
    substitute: str
    original_hash: bytes
    original_shape: str
    recognizer: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Masked:
    """A request after substitution. `body` None: it stays as it was, and nothing has to be restored."""

    policy: str
    audit_days: int
    body: bytes | None = None
    last_user_turn: str = ""
    text_bytes: int = 0
    restoration: Restoration | None = field(default=None, repr=False)
    counts: Mapping[str, int] = field(default_factory=dict)
    listed: Sequence[Listed] = ()
    unlisted: int = 0
    images: int = 0


class Masking(Protocol):
    """Substitution of everything in a request that is personal data."""

    async def mask(self, envelope: Envelope, body: bytes) -> Masked:
        """Gives way to others every few milliseconds. Raises InvalidRequest, PiiUnsupportedContent, PiiUnavailable."""
