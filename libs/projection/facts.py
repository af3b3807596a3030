"""Reading a message of the stream EVENTS: the facts in it, or why it cannot be read."""

from google.protobuf.message import DecodeError

from libs.bus.base import Stored
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.projection.base import Placed, UnreadableError

KINDS = frozenset({"egress", "finished", "delivered", "refused", "pii"})
_ID_LENGTH = 16
_LATEST_MS = 4_102_444_800_000  # 2100: beyond it a clock is broken, and the store's column ends at 2299


def kind_of(subject: str) -> str | None:
    """The kind of fact a subject carries, None where it is not one a projection of requests reads."""
    _, _, rest = subject.partition(".")
    kind = rest.partition(".")[0]
    return kind if kind in KINDS else None


def facts_in(message: Stored) -> list[Placed] | None:
    """The facts of a message of EVENTS, None where it holds none of requests. Raises UnreadableError."""
    kind = kind_of(message.subject)
    return None if kind is None else read(message, kind)


def read(message: Stored, kind: str) -> list[Placed]:
    """The facts of one message. Only `kind` may be in it: who may state what is decided by subject on the broker."""
    try:
        batch = FactBatch.FromString(message.data)
    except DecodeError as error:
        raise UnreadableError("decode") from error
    if not batch.facts:
        raise UnreadableError("empty")
    placed: list[Placed] = []
    for idx, fact in enumerate(batch.facts):
        if fact.WhichOneof("kind") != kind:
            raise UnreadableError("kind")
        if len(fact.request_id) != _ID_LENGTH or not fact.tenant or not 0 <= fact.at_ms < _LATEST_MS:
            raise UnreadableError("value")
        placed.append(Placed(message.seq, idx, kind, fact))
    return placed
