"""Requests that are under way, as far as the facts were read: what their ends will need of their beginnings."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from libs.bus.base import Stored
from libs.contracts.northern.v1.facts_pb2 import Egress, Fact
from libs.projection.base import Placed
from libs.projection.facts import kind_of, read

LONGEST_MS = 2 * 3_600_000  # a stream ends within an hour, and custody closes what a lost worker left within seconds


_KINDS = frozenset({"egress", "finished"})


def calls_in(message: Stored) -> list[Placed] | None:
    """How requests began and ended, as a message of EVENTS has it; None where it is about anything else.

    What was delivered, refused or substituted is charged to nobody, so it is not even parsed. Raises UnreadableError.
    """
    kind = kind_of(message.subject)
    return read(message, kind) if kind in _KINDS else None


class Ended(NamedTuple):
    """A Finished that counts, with the record of the attempt it speaks of."""

    placed: Placed
    egress: Egress


class _Open(NamedTuple):
    seq: int  # of the first record of the request
    at_ms: int
    attempts: tuple[bytes, ...]  # Egress messages: read, each would keep all that its batch was read into


class Calls:
    """Takes facts in stream order. Of several Finished of a request the first counts: the next one meets nothing open.

    What is older than any request can be, by the stream's own time, is forgotten: its end has become unreadable.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], _Open] = {}
        self._now_ms = 0

    def __len__(self) -> int:
        return len(self._open)

    def take(self, placed: Placed) -> Ended | None:
        """The end of a request, if this fact is one that counts."""
        fact = placed.fact
        self._now_ms = max(self._now_ms, fact.at_ms)
        key = (fact.tenant, fact.request_id)
        match placed.kind:
            case "egress":
                self._begin(key, placed.seq, fact)
            case "finished" if (begun := self._open.pop(key, None)) is not None:
                return Ended(placed, _attempt(begun.attempts, fact.finished.attempts))
        return None

    def needed_from(self, read_to: int) -> int:
        """The first sequence of which something is still to be remembered, all up to `read_to` being read."""
        for key in list(self._stale()):
            del self._open[key]
        return next((begun.seq for begun in self._open.values()), read_to + 1)

    def _begin(self, key: tuple[str, str], seq: int, fact: Fact) -> None:
        begun = self._open.get(key)
        if begun is None:
            self._open[key] = _Open(seq, fact.at_ms, (fact.egress.SerializeToString(),))
        else:
            self._open[key] = begun._replace(attempts=(*begun.attempts, fact.egress.SerializeToString()))

    def _stale(self) -> Iterator[tuple[str, str]]:
        """Of the oldest: they stand in the order in which they began, near enough."""
        for key, begun in self._open.items():
            if begun.at_ms > self._now_ms - LONGEST_MS:
                return
            yield key


def catalogues(block: Sequence[Placed]) -> set[str]:
    """The catalogues that workers went by, as the intents name them: what began under one is charged by it."""
    return {placed.fact.egress.catalogue for placed in block if placed.kind == "egress"}


def _attempt(records: Sequence[bytes], attempts: int) -> Egress:
    """The record of the attempt that a Finished speaks of, else the latest."""
    latest = Egress.FromString(records[-1])
    if latest.attempt + 1 == attempts:
        return latest
    earlier = (Egress.FromString(record) for record in reversed(records[:-1]))
    return next((egress for egress in earlier if egress.attempt + 1 == attempts), latest)
