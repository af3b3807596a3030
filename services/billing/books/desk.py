"""Answers to questions about an account's books: a page of the request log, sums, transactions, a sheet."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from google.protobuf.message import DecodeError, Message

from libs.contracts.errors import InvalidRequest, NorthernError, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.ids import REQUEST_ID
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.query_pb2 import ListTold, SheetTold, TotalsAsk, TransactionsAsk, UsageAsk, UsageFilter
from libs.store.base import StoreRefused
from services.billing.books import sheets, transactions, usage
from services.billing.books.cursors import cursor, place
from services.billing.books.queries import GROUPS, Queries

_ROWS: Final = 150  # of one answer, which must stay far below the broker's largest message
_SHEET_ROWS: Final = 500
_BYTES: Final = 192 << 10
_LONGEST: Final = 512  # characters of a filter's value

Ask = TypeVar("Ask", UsageAsk, TotalsAsk, TransactionsAsk)
Told = TypeVar("Told", ListTold, SheetTold)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The queries `ni.query.billing.{usage,totals,transactions,export}`."""

    queries: Queries

    async def usage(self, data: bytes) -> bytes:
        """UsageAsk in, ListTold out."""
        return await _answered(UsageAsk, ListTold, data, self._usage)

    async def export(self, data: bytes) -> bytes:
        """UsageAsk in, SheetTold out."""
        return await _answered(UsageAsk, SheetTold, data, self._export)

    async def totals(self, data: bytes) -> bytes:
        """TotalsAsk in, ListTold out."""
        return await _answered(TotalsAsk, ListTold, data, self._totals)

    async def transactions(self, data: bytes) -> bytes:
        """TransactionsAsk in, ListTold out."""
        return await _answered(TransactionsAsk, ListTold, data, self._transactions)

    async def _usage(self, ask: UsageAsk) -> ListTold:
        page = await self.queries.usage(
            ask.tenant, _checked(ask.filter), _id_place(ask.cursor), _most(ask.limit, _ROWS)
        )
        entries = ((cursor("u", row["request_id"]), usage.shown(row)) for row in page.rows)
        return _list(entries, more=page.more)

    async def _export(self, ask: UsageAsk) -> SheetTold:
        page = await self.queries.usage(
            ask.tenant, _checked(ask.filter), _id_place(ask.cursor), _most(ask.limit, _SHEET_ROWS)
        )
        told = SheetTold(csv=b"" if ask.cursor else sheets.heading())
        told.csv += sheets.lines(usage.shown(row) for row in page.rows)
        if page.more:
            told.next = cursor("u", page.rows[-1]["request_id"])
        return told

    async def _totals(self, ask: TotalsAsk) -> ListTold:
        if ask.by not in GROUPS:
            raise InvalidRequest(f"`totals` must be one of: {', '.join(GROUPS)}", param="totals")
        page = await self.queries.totals(
            ask.tenant,
            _checked(ask.filter),
            ask.by,
            time_zone=_zone(ask.time_zone),
            after=_group_place(ask.by, ask.cursor),
            most=_most(ask.limit, _ROWS),
        )
        entries = ((cursor(ask.by[0], row["name"]), _sums(ask.by, row)) for row in page.rows)
        return _list(entries, more=page.more)

    async def _transactions(self, ask: TransactionsAsk) -> ListTold:
        if ask.type and ask.type not in transactions.TYPES:
            raise InvalidRequest(f"`type` must be one of: {', '.join(transactions.TYPES)}", param="type")
        page = await self.queries.transactions(
            ask.tenant,
            type_=ask.type,
            request_id=_request_id(ask.request_id),
            before=_number_place(ask.cursor),
            most=_most(ask.limit, _ROWS),
        )
        entries = ((cursor("n", str(row["op"])), transactions.shown(row)) for row in page.rows)
        return _list(entries, more=page.more)


async def _answered(
    kind: type[Ask], told: type[Told], data: bytes, answer: Callable[[Ask], Awaitable[Message]]
) -> bytes:
    try:
        ask = kind.FromString(data)
        if not ask.tenant:
            raise InvalidRequest("the question names no account")
        return (await answer(ask)).SerializeToString()
    except DecodeError:
        error: NorthernError = InvalidRequest("the question cannot be read")
    except StoreUnavailable:
        error = StoreUnavailable("the books cannot be read right now; try again in a moment", retry_after_ms=1000)
    except StoreRefused:
        raise  # our fault, and no answer to anybody
    except NorthernError as refused:
        error = refused
    return told(failure=to_query_failure(error)).SerializeToString()


def _list(entries: Iterable[tuple[str, Mapping[str, Any]]], *, more: bool) -> ListTold:
    """Entries with the cursor behind each, as many as fit."""
    told, size = ListTold(), 0
    last = ""
    for behind, entry in entries:
        encoded = orjson.dumps(entry)
        size += len(encoded)
        if last and size > _BYTES:
            more = True
            break
        told.entries.append(encoded)
        last = behind
    if more:
        told.next = last
    return told


def _sums(by: str, row: Mapping[str, Any]) -> dict[str, Any]:
    prompt = row["input"] + row["cached"] + row["cache_write"]
    costs = {currency: decimal_text(nano) for currency, nano in sorted(row["provider_costs"].items()) if currency}
    return {
        by: row["name"] or None,
        "object": "usage.total",
        "requests": row["requests"],
        "prompt_tokens": prompt,
        "completion_tokens": row["output"],
        "total_tokens": prompt + row["output"],
        "reasoning_tokens": row["reasoning"],
        "cached_tokens": row["cached"],
        "cache_write_tokens": row["cache_write"],
        "image_parts": row["images"],
        "cost": decimal_text(row["cost"]),
        "currency": row["currency"],
        "provider_costs": costs,
    }


def _most(asked: int, most: int) -> int:
    return min(asked or most, most)


def _checked(narrow: UsageFilter) -> UsageFilter:
    """Raises InvalidRequest naming the filter."""
    _request_id(narrow.request_id)
    if narrow.status and narrow.status not in usage.STATUSES.values():
        known = ", ".join(name for number, name in usage.STATUSES.items() if number)
        raise InvalidRequest(f"`status` must be one of: {known}", param="status")
    for param, value in (("key", narrow.key_id), ("model", narrow.model), ("route", narrow.route)):
        if len(value) > _LONGEST:
            raise InvalidRequest(f"`{param}` is longer than any there is", param=param)
    return narrow


def _request_id(text: str) -> str:
    if text and not REQUEST_ID.fullmatch(text):
        raise InvalidRequest("`request_id` must be 16 hex digits, as in x-ni-request-id", param="request_id")
    return text


def _id_place(text: str) -> str:
    found = place("u", text)
    if found and not REQUEST_ID.fullmatch(found):
        raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
    return found


def _group_place(by: str, text: str) -> str | None:
    if not text:
        return None
    found = place(by[0], text)
    if by == "day":
        try:
            date.fromisoformat(found)
        except ValueError:
            raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor") from None
    return found


def _number_place(text: str) -> int | None:
    found = place("n", text)
    if found and not (found.isascii() and found.isdecimal() and int(found) < 1 << 64):
        raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
    return int(found) if found else None


def _zone(name: str) -> str:
    """The zone where it is one, else UTC: an account's record may name what this machine has never heard of."""
    try:
        return str(ZoneInfo(name or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"
