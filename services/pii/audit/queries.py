"""Every statement of SQL that reads the audit table; the account is in each of them, and every value is bound."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.query_pb2 import PiiAuditAsk
from libs.store.base import Store

_SHOWN: Final = """
    request_id, row, at, key_id, policy, type, count, place, substitute, original_hash, original_shape, recognizer,
    score
"""
_PAGE: Final = """
    SELECT {columns} FROM pii_audit_log
    WHERE tenant = {{tenant:String}} AND type != '' AND expires > now(){narrowed}
    ORDER BY request_id DESC, row DESC LIMIT {{most:UInt32}}
"""
_NARROWED: Final = {
    "request_id": "request_id = {request_id:String}",
    "type": "type = {type:String}",
    "from_id": "request_id >= {from_id:String}",
    "until_id": "request_id < {until_id:String}",
    "before_id": "request_id <= {before_id:String}",  # the key's own order, so that it finds its granules
    "before_row": "(request_id, row) < ({before_id:String}, {before_row:UInt32})",
}


class Page(NamedTuple):
    """Rows, each once, at most as many as were asked for; `more`: there may be others behind them."""

    rows: Sequence[Mapping[str, Any]]
    more: bool


async def page(store: Store, ask: PiiAuditAsk, before: tuple[str, int] | None, most: int) -> Page:
    """Newest first, before a row of a request. Raises StoreUnavailable."""
    given: dict[str, Any] = {name: value for name in ("request_id", "type") if (value := getattr(ask, name))}
    if ask.from_ms:
        given["from_id"] = _first_id(ask.from_ms)
    if ask.until_ms:
        given["until_id"] = _first_id(ask.until_ms)
    if before is not None:
        given["before_id"], given["before_row"] = before
    sql = _PAGE.format(columns=_SHOWN, narrowed="".join(f" AND {_NARROWED[name]}" for name in given))
    found = await store.query(sql, {**given, "tenant": ask.tenant, "most": most + 1})
    # A row that was written twice and not merged yet stands beside itself.
    once = list({(row["request_id"], row["row"]): row for row in found}.values())
    return Page(once[:most], len(found) > most)


def _first_id(at_ms: int) -> str:
    """The lowest request id of a millisecond; the lowest and the highest of all for what lies outside ids' time."""
    return f"{min(max(at_ms - EPOCH_MS, 0), (1 << 41) - 1) << 23:016x}"
