"""The table `pii_audit_log`: the rows of facts, and the sink of the projection that writes them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from libs.bus.base import Stored
from libs.projection.base import Placed
from libs.projection.facts import kind_of, read
from libs.store.base import Store

TABLE: Final = "pii_audit_log"
COLUMNS: Final = tuple(
    """
    tenant request_id row at key_id policy type count place substitute original_hash original_shape recognizer score
    expires stream_seq
    """.split()
)
_DAY_S: Final = 86_400
_LATEST_S: Final = (1 << 32) - 1  # what DateTime holds: 2106
_POSITION: Final = "SELECT max(stream_seq) AS done FROM pii_audit_log"


def facts_in(message: Stored) -> list[Placed] | None:
    """The facts of what was substituted, None where a message of EVENTS holds none. Raises UnreadableError."""
    return read(message, "pii") if kind_of(message.subject) == "pii" else None


def rows(placed: Placed) -> Iterator[tuple[Any, ...]]:
    """The values of COLUMNS: one row for each entity."""
    fact, said = placed.fact, placed.fact.pii
    expires = _expires(placed)
    for number, one in enumerate(said.entities, start=said.first):
        yield (
            fact.tenant,
            fact.request_id,
            number,
            fact.at_ms,
            said.key_id,
            said.policy,
            one.type,
            one.count,
            one.place,
            one.substitute,
            one.original_hash.hex(),
            one.original_shape,
            one.recognizer,
            one.score_permille / 1000,
            expires,
            placed.seq,
        )


def mark(placed: Placed) -> tuple[Any, ...]:
    """A row that stands for no entity, but for how far was read."""
    fact, said = placed.fact, placed.fact.pii
    nothing = ("", 0, "", "", "", "", "", 0.0)
    head = (fact.tenant, fact.request_id, 0, fact.at_ms, said.key_id, said.policy)
    return (*head, *nothing, _expires(placed), placed.seq)


def _expires(placed: Placed) -> datetime:
    days = max(1, placed.fact.pii.retention_days)
    return datetime.fromtimestamp(min(placed.fact.at_ms // 1000 + days * _DAY_S, _LATEST_S), UTC)


class AuditLog:
    """libs.projection.base.Sink over the table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def resume(self) -> int:
        (found,) = await self._store.query(_POSITION)
        await self._store.insert(TABLE, COLUMNS, [])  # the first block need not ask for the columns' types
        return int(found["done"] or 0)

    async def write(self, block: Sequence[Placed], token: str) -> int:
        made = [row for placed in block for row in rows(placed)] or [mark(block[-1])]
        await self._store.insert(TABLE, COLUMNS, made, token=token)
        return len(made)
