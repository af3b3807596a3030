"""Feedback: facts of EVENTS made into rows of `feedback`; pure."""

from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError

from libs.bus.base import Stored
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.projection.base import Placed, UnreadableError

TABLE: Final = "feedback"
COLUMNS: Final = tuple("tenant request_id at rating key_id route task stream_seq version".split())
_KIND: Final = "feedback"
_SUBJECT: Final = f"ev.{_KIND}."
_RATINGS: Final = (-1, 1)
_LONGEST: Final = 512
_LATEST_MS: Final = 4_102_444_800_000  # 2100, as for every other fact
_WIDTH: Final = 1 << 16  # facts of one message, at most: by that a place in EVENTS is one number


def feedback_in(message: Stored) -> list[Placed] | None:
    """The feedback in a message of EVENTS, None where it holds something else. Raises UnreadableError."""
    if not message.subject.startswith(_SUBJECT):
        return None
    try:
        batch = FactBatch.FromString(message.data)
    except DecodeError as error:
        raise UnreadableError("decode") from error
    for fact in batch.facts:
        if fact.WhichOneof("kind") != _KIND:
            raise UnreadableError("kind")
        said = fact.feedback
        good = REQUEST_ID.fullmatch(said.of_request) and said.rating in _RATINGS
        if not fact.tenant or not good or not 0 <= fact.at_ms < _LATEST_MS:
            raise UnreadableError("value")
    return [Placed(message.seq, idx, _KIND, fact) for idx, fact in enumerate(batch.facts)]


def rows(block: Sequence[Placed]) -> list[tuple[Any, ...]]:
    """The values of COLUMNS, of the feedback in a block."""
    return [
        (
            fact.tenant,
            said.of_request,
            fact.at_ms,
            said.rating,
            said.key_id,
            said.route_id[:_LONGEST],
            said.task[:_LONGEST],
            seq,
            seq * _WIDTH + idx,
        )
        for seq, idx, kind, fact in block
        if kind == _KIND and (said := fact.feedback)
    ]
