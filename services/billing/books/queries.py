"""Every statement of SQL that billing's readers make; the account is in each of them, and every value is bound."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.query_pb2 import UsageFilter
from libs.store.base import Store
from services.billing.books import usage

Rows = Sequence[Mapping[str, Any]]


class Page(NamedTuple):
    """Rows of a list, each once, at most as many as were asked for; `more`: there may be others behind them."""

    rows: Rows
    more: bool


# What each of a filter's members narrows to; ids are ordered by time, so times are bounds of ids.
_NARROWED: Final = {
    "request_id": "request_id = {request_id:String}",
    "key_id": "key_id = {key_id:String}",
    "model": "model = {model:String}",
    "route": "route = {route:String}",
    "status": "status = {status:String}",
    "from_id": "request_id >= {from_id:String}",
    "until_id": "request_id < {until_id:String}",
}
_SHOWN: Final = ", ".join(name for name in usage.COLUMNS if name not in {"tenant", "stream_seq", "open_from"})
_PAGE: Final = """
    SELECT {columns} FROM {table} WHERE tenant = {{tenant:String}}{narrowed}
    ORDER BY {order} DESC LIMIT {{most:UInt32}}
"""
GROUPS: Final = {
    "day": "toDate(created, {time_zone:String})",
    "model": "model",
    "key": "key_id",
    "task": "task",
}
# By currency first: a map summed row by row costs as much as all the rest.
_TOTALS: Final = """
    SELECT toString(place) AS name, sum(n) AS requests, sum(input_) AS input, sum(cached_) AS cached,
        sum(written) AS cache_write, sum(output_) AS output, sum(reasoned) AS reasoning, sum(pictures) AS images,
        sum(billed) AS cost,
        max(billed_in) AS currency, sumMap(map(provider_currency, provided)) AS provider_costs
    FROM (
        SELECT {group} AS place, provider_currency, count() AS n, sum(input_tokens) AS input_,
            sum(cache_read_tokens) AS cached_, sum(cache_write_5m_tokens) + sum(cache_write_1h_tokens) AS written,
            sum(output_tokens) AS output_, sum(reasoning_tokens) AS reasoned, sum(image_parts) AS pictures,
            sum(cost) AS billed, max(currency) AS billed_in, sum(provider_cost) AS provided
        FROM usage FINAL WHERE tenant = {{tenant:String}}{narrowed}
        GROUP BY place, provider_currency{beyond})
    GROUP BY place ORDER BY place {direction} LIMIT {{most:UInt32}}
"""
_TRANSACTIONS: Final = "shard, op, type, amount, balance_after, request_id, note, created"


class Queries:
    """Reads of one account, each at most so many rows. Each raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def usage(self, tenant: str, narrow: UsageFilter, before: str, most: int) -> Page:
        """Rows of the request log, newest first, before a request id (empty: the newest)."""
        given = _narrowed(narrow)
        sql = "".join(f" AND {_NARROWED[name]}" for name in given)
        if before:
            sql += " AND request_id < {before:String}"
            given["before"] = before
        page = _PAGE.format(columns=_SHOWN, table=usage.TABLE, narrowed=sql, order="request_id")
        return _page(await self._store.query(page, {**given, "tenant": tenant, "most": most + 1}), "request_id", most)

    async def totals(
        self, tenant: str, narrow: UsageFilter, by: str, *, time_zone: str, after: str | None, most: int
    ) -> Page:
        """Sums by day (latest first), or by model, key or task (by name), beyond a group where one is named."""
        given = _narrowed(narrow)
        sql = "".join(f" AND {_NARROWED[name]}" for name in given)
        beyond, direction = "", "DESC" if by == "day" else "ASC"
        if by == "day":
            given["time_zone"] = time_zone
        if after is not None:
            beyond = " HAVING place < {after:Date}" if by == "day" else " HAVING place > {after:String}"
            given["after"] = after
        page = _TOTALS.format(group=GROUPS[by], narrowed=sql, beyond=beyond, direction=direction)
        return _page(await self._store.query(page, {**given, "tenant": tenant, "most": most + 1}), "name", most)

    async def transactions(self, tenant: str, *, type_: str, request_id: str, before: int | None, most: int) -> Page:
        """Newest first, before an operation's number."""
        given: dict[str, Any] = {"tenant": tenant, "most": most + 1}
        sql = ""
        if type_:
            sql += " AND type = {type:String}"
            given["type"] = type_
        if request_id:
            sql += " AND request_id = {request_id:String}"
            given["request_id"] = request_id
        if before is not None:
            sql += " AND op < {before:UInt64}"
            given["before"] = before
        page = _PAGE.format(columns=_TRANSACTIONS, table="ledger", narrowed=sql, order="op")
        return _page(await self._store.query(page, given), "op", most)


def _page(found: Rows, unique: str, most: int) -> Page:
    """A row that was written twice and not merged yet stands beside itself: said in SQL, that reads the whole table."""
    rows = list({row[unique]: row for row in found}.values())
    return Page(rows[:most], len(found) > most)


def _narrowed(narrow: UsageFilter) -> dict[str, Any]:
    """The members that narrow, under the names of `_NARROWED`."""
    texts = ("request_id", "key_id", "model", "route", "status")
    given: dict[str, Any] = {name: value for name in texts if (value := getattr(narrow, name))}
    if narrow.from_ms:
        given["from_id"] = first_id(narrow.from_ms)
    if narrow.until_ms:
        given["until_id"] = first_id(narrow.until_ms)
    return given


def first_id(at_ms: int) -> str:
    """The lowest request id of a millisecond; the lowest and the highest of all for what lies outside ids' time."""
    return f"{min(max(at_ms - EPOCH_MS, 0), (1 << 41) - 1) << 23:016x}"
