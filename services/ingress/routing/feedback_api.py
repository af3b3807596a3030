"""The endpoint of feedback: what somebody thought of an answer, on record before it is confirmed."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.bus.base import Bus
from libs.bus.facts import FactPublisher
from libs.contracts.errors import (
    BillingUnavailable,
    BusUnavailable,
    InvalidRequest,
    MethodNotAllowed,
    Overloaded,
    RecordUnavailable,
)
from libs.contracts.failures import from_query_failure
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.facts_pb2 import Fact, Feedback
from libs.contracts.northern.v1.query_pb2 import AnsweredAsk, AnsweredTold
from libs.contracts.subjects import query
from services.ingress.auth.callers import Callers
from services.ingress.domain import parse
from services.ingress.http.bodies import small_body

PATH: Final = "/api/feedback"
MAX_COMMENT: Final = 2_000
_ASK_S: Final = 10.0
_DURABLE_S: Final = 5.0
_RATINGS: Final[Mapping[Any, int]] = {1: 1, -1: -1, "good": 1, "bad": -1}
_MEMBERS: Final = frozenset({"request_id", "rating", "comment"})
_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, kw_only=True)
class FeedbackApi:
    """A key or a session rates what its own account asked. Said again of the same request, the last word counts."""

    bus: Bus
    callers: Callers
    facts: FactPublisher

    async def answer(self, request: BaseRequest) -> web.Response:
        """POST /api/feedback. Who asks is known before anything else is said about what they ask for."""
        who = await self.callers.of(request)
        if request.method != "POST":
            raise MethodNotAllowed("use POST here", allow="POST")
        request_id, rating = given(parse(await small_body(request)))
        found = await self._answered(who.tenant, request_id)
        said = Feedback(
            of_request=request_id, rating=rating, key_id=who.key_id, route_id=found.route_id, task=found.task
        )
        fact = Fact(request_id=request_id, tenant=who.tenant, at_ms=int(time.time() * 1000), feedback=said)
        try:
            await asyncio.wait_for(asyncio.shield(self.facts.publish("feedback", fact)), _DURABLE_S)
        except TimeoutError:
            raise RecordUnavailable("it could not be kept right now; say it again", retry_after_ms=1000) from None
        told = {"object": "feedback", "request_id": request_id, "rating": rating}
        shown = {**told, "route": found.route_id, "task": found.task or None}
        return web.Response(body=orjson.dumps(shown), content_type="application/json", headers=_NO_STORE)

    async def _answered(self, tenant: str, request_id: str) -> AnsweredTold:
        ask = AnsweredAsk(tenant=tenant, request_id=request_id)
        try:
            answer = await self.bus.request(query("billing", "answered"), ask.SerializeToString(), _ASK_S)
        except (BusUnavailable, Overloaded):
            away = "the books cannot be asked right now; try again in a moment"
            raise BillingUnavailable(away, retry_after_ms=1000) from None
        told = AnsweredTold.FromString(answer)
        if told.HasField("failure"):
            raise from_query_failure(told.failure)
        return told


def given(body: Mapping[str, Any]) -> tuple[str, int]:
    """The request's id and what is thought of it: 1 or -1. Raises InvalidRequest naming the member.

    A comment is taken and not kept: it may hold what belongs on no record.
    """
    if set(body) - _MEMBERS:
        raise InvalidRequest(f"there is a member that is not known here; there are {', '.join(sorted(_MEMBERS))}")
    request_id, rating, comment = body.get("request_id"), body.get("rating"), body.get("comment")
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        raise InvalidRequest("`request_id` must be 16 hex digits, as in x-ni-request-id", param="request_id")
    if isinstance(rating, bool) or not isinstance(rating, int | str) or rating not in _RATINGS:
        raise InvalidRequest('`rating` must be 1 or "good", or -1 or "bad"', param="rating")
    if comment is not None and (not isinstance(comment, str) or len(comment) > MAX_COMMENT):
        raise InvalidRequest(f"`comment` must be a text of at most {MAX_COMMENT} characters", param="comment")
    return request_id, _RATINGS[rating]
