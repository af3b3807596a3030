"""The endpoint that explains `auto`: what would be chosen for a body, and why; nobody is called, nothing recorded."""

import time
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.auth.principal import Principal
from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, InvalidRequest, MethodNotAllowed, Overloaded, PiiUnavailable
from libs.contracts.failures import from_query_failure
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, PiiAsk, Surface
from libs.contracts.northern.v1.query_pb2 import PiiTold, PreviewAsk, RouteAsk, RouteTold
from libs.contracts.subjects import query
from services.ingress import domain
from services.ingress.auth.callers import Callers
from services.ingress.http.bodies import whole_body
from services.ingress.inference.request import BUDGET_MS, Inference
from services.ingress.places import speaks_anthropic
from services.ingress.routing.asking import AUTO

_ASK_S: Final = 5.0
_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """Reads a request as the edge reads every one, and asks the router instead of sending it."""

    bus: Bus
    callers: Callers
    inference: Inference

    async def answer(self, request: BaseRequest) -> web.Response:
        """POST /api/v1/inference/route. Raises what would refuse the request itself, but for money and limits."""
        who = await self.callers.of(request)
        if request.method != "POST":
            raise MethodNotAllowed("use POST here", allow="POST")
        anthropic = speaks_anthropic(request.headers)
        dialect = Dialect.DIALECT_ANTHROPIC_MESSAGES if anthropic else Dialect.DIALECT_OPENAI_CHAT
        call = domain.Call(surface=Surface.SURFACE_INFERENCE, dialect=dialect)
        raw = await whole_body(request, self.inference.max_body, self.inference.body_idle_s)
        asked, _ = await self.inference.read(request, raw, who, call, b"")
        if asked.routing is None:
            raise InvalidRequest(f"only `{AUTO}` has a choice to explain; ask for the model `{AUTO}`", param="model")
        if asked.pii is not None and asked.shape.last_user_turn:
            asked.shape.last_user_turn = await self._substituted(asked.shape.last_user_turn, asked.pii, who)
        asked.policy.byok = who.byok
        envelope = Envelope(
            request_id=self.inference.new_id(),
            tenant=who.tenant,
            key_id=who.key_id,
            dialect=dialect,
            surface=call.surface,
            operation=call.operation,
            budget_ms=BUDGET_MS,
            policy=asked.policy,
            shape=asked.shape,
            received_at_ms=int(time.time() * 1000),
            routing=asked.routing,
            pii=asked.pii,
        )
        told = RouteTold.FromString(await self._asked("router", "explain", RouteAsk(envelope=envelope)))
        if told.HasField("failure"):
            raise from_query_failure(told.failure)
        return web.Response(body=told.json, content_type="application/json", headers=_NO_STORE)

    async def _substituted(self, turn: str, pii: PiiAsk, who: Principal) -> str:
        """What the router would be shown of the turn: no original leaves for it, not even to be explained."""
        said = {"text": turn, "pii_policy": pii.policy or None, "conversation_id": pii.conversation_id or None}
        ask = PreviewAsk(tenant=who.tenant, key_id=who.key_id, body=orjson.dumps(said))
        try:
            told = PiiTold.FromString(await self._asked("pii", "preview", ask))
        except Overloaded:
            raise PiiUnavailable("nobody answers for personal data right now; try again", retry_after_ms=1000) from None
        if told.HasField("failure"):
            raise from_query_failure(told.failure)
        return str(orjson.loads(told.json)["substituted"]["text"])

    async def _asked(self, service: str, verb: str, ask: RouteAsk | PreviewAsk) -> bytes:
        try:
            return await self.bus.request(query(service, verb), ask.SerializeToString(), _ASK_S)
        except (BusUnavailable, Overloaded):
            raise Overloaded("nobody answers this right now; try again in a moment", retry_after_ms=1000) from None
