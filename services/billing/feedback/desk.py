"""Answers which route answered a request, for whoever wants to say what it was worth."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, NotFound, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.ids import REQUEST_ID, issued_at_ms
from libs.contracts.northern.v1.query_pb2 import AnsweredAsk, AnsweredTold
from libs.store.base import Store

_YOUNG_MS: Final = 2 * 3_600_000  # a request may have ended just now that began when the longest stream would have
_WAIT_S: Final = 3.0  # a row is there within two seconds of the answer's end
_AGAIN_S: Final = 0.25
_FIND: Final = """
    SELECT route, task FROM usage WHERE tenant = {tenant:String} AND request_id = {request_id:String} LIMIT 1
"""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The query `ni.query.billing.answered`."""

    store: Store

    async def answered(self, data: bytes) -> bytes:
        """AnsweredAsk in, AnsweredTold out."""
        try:
            return (await self._found(AnsweredAsk.FromString(data))).SerializeToString()
        except DecodeError:
            error: NorthernError = InvalidRequest("the question cannot be read")
        except StoreUnavailable:
            error = StoreUnavailable("the books cannot be read right now; try again in a moment", retry_after_ms=1000)
        except NorthernError as refused:
            error = refused
        return AnsweredTold(failure=to_query_failure(error)).SerializeToString()

    async def _found(self, ask: AnsweredAsk) -> AnsweredTold:
        """Another account's request is as unknown as one that never was."""
        if not ask.tenant or not REQUEST_ID.fullmatch(ask.request_id):
            raise InvalidRequest("`request_id` must be 16 hex digits, as in x-ni-request-id", param="request_id")
        young = issued_at_ms(ask.request_id) > time.time() * 1000 - _YOUNG_MS
        tries = round(_WAIT_S / _AGAIN_S) if young else 1
        for left in reversed(range(tries)):
            rows = await self.store.query(_FIND, {"tenant": ask.tenant, "request_id": ask.request_id})
            if rows:
                return AnsweredTold(route_id=rows[0]["route"], task=rows[0]["task"])
            if left:
                await asyncio.sleep(_AGAIN_S)
        raise NotFound("there is no such request; its id is in x-ni-request-id of the answer", param="request_id")
