"""The seam of a projection: items of a stream in its order, and the sink that knows how far it got."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from libs.contracts.northern.v1.facts_pb2 import Fact


class UnreadableError(Exception):
    """A message that no later try will read: put aside, alone."""


class Numbered(Protocol):
    """What a message of a stream is read into: it knows the message's sequence."""

    @property
    def seq(self) -> int:
        """Of the stream's message."""


Item = TypeVar("Item", bound=Numbered)
_Written_contra = TypeVar("_Written_contra", bound=Numbered, contravariant=True)


class Placed(NamedTuple):
    """A fact at its place: `seq` of the stream's message, `idx` within it; the first in that order counts."""

    seq: int
    idx: int
    kind: str
    fact: Fact


class Sink(Protocol[_Written_contra]):
    """Where items have their effect. Its position is read from what it wrote, so that replay changes nothing."""

    async def resume(self) -> int:
        """Forget what is kept in memory, rebuild it from what was written, and answer the last sequence that counts.

        Raises StoreUnavailable: asked again, later.
        """

    async def write(self, block: Sequence[_Written_contra], token: str) -> int:
        """Write a block whole or not at all and answer how many rows it made. The same token is the same block.

        Raises StoreUnavailable: the same block comes again, later.
        """
