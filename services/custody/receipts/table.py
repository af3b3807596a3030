"""The table `custody_records`: sealed records and their salts, and every statement of SQL that is made on it alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from libs.store.base import Store

TABLE: Final = "custody_records"
COLUMNS: Final = ("tenant", "request_id", "leaf", "tlog_seq", "sealed_at", "salt", "record", "gone")

_POSITION: Final = "SELECT max(tlog_seq) AS last FROM custody_records"
_LEAVES: Final = "SELECT if(count() = 0, 0, max(leaf) + 1) AS leaves FROM custody_records"
# One question for both: an erasure counts from the moment it is known, long before the record itself is purged.
_OF: Final = """
    SELECT leaf, sealed_at AS at, salt, record, gone, '' AS actor, '' AS standing FROM custody_records
    WHERE tenant = {tenant:String} AND request_id = {request_id:String} LIMIT 1
    UNION ALL
    SELECT toUInt64(0) AS leaf, at, '' AS salt, '' AS record, 'erased' AS gone, actor, standing FROM custody_erasures
    FINAL WHERE tenant = {tenant:String} AND request_id = {request_id:String} LIMIT 1
"""


class Gone(StrEnum):
    """Why a record is not there any more. MISSING: it had aged out of RECORDS when it was to be read."""

    ERASED = "erased"
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A request with a leaf. `record` and `salt` are empty where they are `gone`; then who erased it, and when.

    `leaf` -1: of an erased request of which no leaf is known.
    """

    leaf: int = -1
    sealed_ms: int = 0
    salt: bytes = b""
    record: bytes = b""
    gone: Gone | None = None
    erased_ms: int = 0
    erased_by: str = ""


class RecordTable:
    """The writer's and every reader's view of the table. Raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def position(self) -> int:
        """The last message of TLOG whose leaves are in the table; 0 for an empty one."""
        rows = await self._store.query(_POSITION)
        return int(rows[0]["last"] or 0)

    async def leaves(self) -> int:
        """How many leaves of the log are in the table, from the first on: they are written in the log's order."""
        return int((await self._store.query(_LEAVES))[0]["leaves"])

    async def insert(self, rows: Sequence[tuple[object, ...]], token: str) -> None:
        """One block, whole or not at all; the same token again changes nothing."""
        await self._store.insert(TABLE, COLUMNS, rows, token=token)

    async def of(self, tenant: str, request_id: str) -> Sealed | None:
        """What is known of one request of one tenant; None where it has no leaf, or none that was read yet."""
        return sealed(await self._store.query(_OF, {"tenant": tenant, "request_id": request_id}))


def sealed(rows: Sequence[dict[str, Any]]) -> Sealed | None:
    """The row of a record and that of its erasure, in whatever order they come."""
    erasure = next((row for row in rows if row["actor"]), None)
    kept = next((row for row in rows if not row["actor"]), None)
    if erasure is not None:
        place = {} if kept is None else {"leaf": kept["leaf"], "sealed_ms": unix_ms(kept["at"])}
        return Sealed(gone=Gone.ERASED, erased_ms=unix_ms(erasure["at"]), erased_by=erasure["actor"], **place)
    if kept is None:
        return None
    return Sealed(
        leaf=kept["leaf"],
        sealed_ms=unix_ms(kept["at"]),
        salt=bytes.fromhex(kept["salt"]),
        record=kept["record"].encode(),
        gone=Gone(kept["gone"]) if kept["gone"] else None,
    )


def unix_ms(at: datetime) -> int:
    """Of a column of time, which the store says with or without its zone."""
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
