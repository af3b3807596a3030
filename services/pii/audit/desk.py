"""The audit as it is asked for: `ni.query.pii.audit`, pages of rows for admins and auditors of an account."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.query_pb2 import ListTold, PiiAuditAsk
from libs.store.base import Store
from services.pii.audit.queries import page
from services.pii.entities import EntityType

MOST: Final = 500
_BYTES: Final = 192 << 10  # of one answer on the bus
_PLACE: Final = re.compile(r"([0-9a-f]{16}):([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class AuditDesk:
    """Who may ask has been decided at the edge; which account's rows, the question says."""

    store: Store

    async def audit(self, data: bytes) -> bytes:
        """PiiAuditAsk in, ListTold out."""
        try:
            ask = PiiAuditAsk.FromString(data)
            told = await self._page(ask)
        except DecodeError:
            told = _failed(InvalidRequest("the question cannot be read"))
        except StoreUnavailable:
            sentence = "the audit log cannot be read right now; try again in a moment"
            told = _failed(StoreUnavailable(sentence, retry_after_ms=1000))
        except NorthernError as error:
            told = _failed(error)
        return told.SerializeToString()

    async def _page(self, ask: PiiAuditAsk) -> ListTold:
        if not ask.tenant:
            raise InvalidRequest("the question names no account")
        if ask.request_id and not REQUEST_ID.fullmatch(ask.request_id):
            raise InvalidRequest("`request_id` must be 16 hex digits, as in x-ni-request-id", param="request_id")
        if ask.type and ask.type not in set(EntityType):
            raise InvalidRequest(f"`type` must be one of: {', '.join(EntityType)}", param="type")
        found = await page(self.store, ask, _before(ask.cursor), min(ask.limit or MOST, MOST))
        told, size, more = ListTold(), 0, found.more
        last: Mapping[str, Any] | None = None
        for row in found.rows:
            entry = orjson.dumps(_shown(row))
            size += len(entry)
            if last is not None and size > _BYTES:
                more = True
                break
            told.entries.append(entry)
            last = row
        if more and last is not None:
            told.next = _cursor(last)
        return told


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "object": "pii_audit.entity",
        "request_id": row["request_id"],
        "row": row["row"],
        "created": int(row["at"].timestamp()),
        "key_id": row["key_id"] or None,
        "policy": row["policy"],
        "type": row["type"],
        "count": row["count"],
        "place": row["place"],
        "substitute": row["substitute"],
        "original_hash": row["original_hash"],
        "original_shape": row["original_shape"],
        "recognizer": row["recognizer"],
        "score": round(row["score"], 3),
    }


def _cursor(row: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(f"{row['request_id']}:{row['row']}".encode()).decode().rstrip("=")


def _before(cursor: str) -> tuple[str, int] | None:
    if not cursor:
        return None
    try:
        raw = base64.b64decode(cursor[:64] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raw = ""
    found = _PLACE.fullmatch(raw)
    if found is None:
        raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
    return found[1], int(found[2])


def _failed(error: NorthernError) -> ListTold:
    return ListTold(failure=to_query_failure(error))
