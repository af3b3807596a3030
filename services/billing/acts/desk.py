"""Answers to questions about administrative acts: a page of the log, newest first, of one account or of all."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.query_pb2 import AdminLogAsk, ListTold
from libs.store.base import Store
from services.billing.acts import log
from services.billing.books.cursors import cursor, place

_ROWS: Final = 100  # of one answer: each is bounded, and together they fit the broker's largest message
_LONGEST: Final = 128
_PLACE: Final = re.compile(r"(\d{1,13}):([A-Za-z0-9:_-]{1,128})", re.ASCII)
_PAGE: Final = """
    SELECT {columns} FROM {table} FINAL WHERE {narrowed} ORDER BY at DESC, act_id DESC LIMIT {{most:UInt32}}
"""
_NARROWED: Final = {
    "tenant": "tenant = {tenant:String}",
    "verb": "verb = {verb:String}",
    "actor": "actor = {actor:String}",
    "target": "target = {target:String}",
    "from_ms": "at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')",
    "until_ms": "at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')",
}
_BEFORE: Final = "(at, act_id) < (fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC'), {before_id:String})"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The query `ni.query.billing.admin_log`. Who may ask is decided before it comes here."""

    store: Store

    async def admin_log(self, data: bytes) -> bytes:
        """AdminLogAsk in, ListTold out."""
        try:
            return (await self._page(AdminLogAsk.FromString(data))).SerializeToString()
        except DecodeError:
            error: NorthernError = InvalidRequest("the question cannot be read")
        except StoreUnavailable:
            error = StoreUnavailable("the log cannot be read right now; try again in a moment", retry_after_ms=1000)
        except NorthernError as refused:
            error = refused
        return ListTold(failure=to_query_failure(error)).SerializeToString()

    async def _page(self, ask: AdminLogAsk) -> ListTold:
        given: dict[str, Any] = {name: value for name in _NARROWED if (value := getattr(ask, name))}
        for name in ("tenant", "verb", "actor", "target"):
            if len(given.get(name, "")) > _LONGEST:
                raise InvalidRequest(f"`{name}` is longer than any there is", param=name)
        narrowed = [_NARROWED[name] for name in given] or ["1"]
        if ask.cursor:
            found = _PLACE.fullmatch(place("a", ask.cursor))
            if found is None:
                raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
            given["before_ms"], given["before_id"] = int(found[1]), found[2]
            narrowed.append(_BEFORE)
        most = min(ask.limit or _ROWS, _ROWS)
        sql = _PAGE.format(columns=", ".join(log.COLUMNS), table=log.TABLE, narrowed=" AND ".join(narrowed))
        rows = await self.store.query(sql, {**given, "most": most + 1})
        told = ListTold(entries=[orjson.dumps(log.shown(row)) for row in rows[:most]])
        if len(rows) > most:
            last = rows[most - 1]
            told.next = cursor("a", f"{_ms(last['at'])}:{last['act_id']}")
        return told


def _ms(at: datetime) -> int:
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
