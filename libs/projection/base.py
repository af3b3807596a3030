"""The seam of a projection: facts in stream order, and the sink that knows how far it got."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from libs.contracts.northern.v1.facts_pb2 import Fact


class Placed(NamedTuple):
    """A fact at its place: `seq` of the stream's message, `idx` within it; the first in that order counts."""

    seq: int
    idx: int
    kind: str
    fact: Fact


class Sink(Protocol):
    """Where facts have their effect. Its position is read from what it wrote, so that replay changes nothing."""

    async def resume(self) -> int:
        """Forget what is kept in memory, rebuild it from what was written, and answer the last sequence that counts.

        Raises StoreUnavailable: asked again, later.
        """

    async def write(self, block: Sequence[Placed], token: str) -> int:
        """Write a block whole or not at all and answer how many rows it made. The same token is the same block.

        Raises StoreUnavailable: the same block comes again, later.
        """
