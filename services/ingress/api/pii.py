"""The endpoints of substitution: a preview without a model, an account's policies, the audit for who may read it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest
from google.protobuf.message import Message

from libs.auth.records import TenantRecord
from libs.auth.rights import Standing, standing_of
from libs.bus.base import Bus
from libs.contracts.errors import (
    BusUnavailable,
    InvalidRequest,
    NotFound,
    Overloaded,
    PiiUnavailable,
)
from libs.contracts.failures import from_query_failure
from libs.contracts.northern.v1.account_pb2 import Actor
from libs.contracts.northern.v1.query_pb2 import ListTold, PiiAuditAsk, PiiPolicyAsk, PiiTold, PreviewAsk
from libs.contracts.subjects import query
from services.ingress.api.endpoints import only, page, permit
from services.ingress.auth.callers import Callers
from services.ingress.http.bodies import small_body
from services.ingress.http.filters import Asked
from services.ingress.places import speaks_anthropic

_ASK_S: Final = 10.0
_PATH: Final = re.compile(r"/api/(pii/preview|policy|admin/pii-audit)/?")
_AUDIT: Final = frozenset({"tenant", "request_id", "type", "from", "to", "cursor", "limit"})
_ADMINS: Final = frozenset({Standing.ADMIN, Standing.OWNER, Standing.PLATFORM_ADMIN})
_AUDITORS: Final = _ADMINS | {Standing.AUDITOR}
_NO_STORE: Final = {"Cache-Control": "no-store"}

Told = TypeVar("Told", PiiTold, ListTold)


def place_of(path: str) -> str | None:
    """Which of the endpoints; None: none of these."""
    found = _PATH.fullmatch(path)
    return found[1] if found else None


@dataclass(frozen=True, kw_only=True)
class PiiApi:
    """A key may try out and read what holds for its account; what holds is decided by people, and by them audited."""

    bus: Bus
    callers: Callers

    async def answer(self, request: BaseRequest, place: str) -> web.Response:
        """Who asks is known before anything else is said about what they ask for."""
        match place:
            case "pii/preview":
                who = await self.callers.of(request)
                only(request, "POST")
                anthropic = speaks_anthropic(request.headers)
                body = await small_body(request)
                ask = PreviewAsk(tenant=who.tenant, key_id=who.key_id, anthropic=anthropic, body=body)
                return _json((await self._asked("preview", ask, PiiTold)).json)
            case "policy":
                return await self._policy(request, await self.callers.actor(request))
            case _:
                return await self._audit(request, await self.callers.actor(request))

    async def _policy(self, request: BaseRequest, actor: Actor) -> web.Response:
        only(request, "GET", "PUT")
        ask = PiiPolicyAsk(tenant=actor.tenant, actor=actor.user_id)
        verb = "policy_get"
        if request.method == "PUT":
            permit(actor, _ADMINS)
            ask.standing = standing_of(actor.role or "nobody").value
            ask.body, verb = _pii_of(await small_body(request)), "policy_put"
        told = await self._asked(verb, ask, PiiTold)
        account = self._account(actor.tenant)
        shown = {
            "object": "policy",
            "residency": list(account.residency),
            "allowed_tiers": list(account.allowed_tiers),
            "pii": orjson.loads(told.json),
        }
        return _json(orjson.dumps(shown))

    async def _audit(self, request: BaseRequest, actor: Actor) -> web.Response:
        only(request, "GET")
        permit(actor, _AUDITORS)
        tenant = request.query.get("tenant", actor.tenant)
        if tenant != actor.tenant and standing_of(actor.role) is not Standing.PLATFORM_ADMIN:
            raise NotFound("there is no such account", param="tenant")
        asked = Asked.of(request.query, _AUDIT, self._account(tenant).time_zone)
        times = asked.times()
        ask = PiiAuditAsk(
            tenant=tenant,
            request_id=asked.text("request_id"),
            type=asked.text("type"),
            from_ms=times[0],
            until_ms=times[1],
            cursor=asked.cursor(),
        )
        entries, limit = list[bytes](), asked.limit()
        while True:
            ask.limit = limit - len(entries)
            told = await self._asked("audit", ask, ListTold)
            entries += told.entries
            if not told.next or not told.entries or len(entries) >= limit:
                break
            ask.cursor = told.next
        return page(entries, told.next)

    def _account(self, tenant: str) -> TenantRecord:
        found = self.callers.principals.tenant(tenant)
        if found is None:
            raise NotFound("there is no such account", param="tenant")
        return found

    async def _asked(self, verb: str, ask: Message, kind: type[Told]) -> Told:
        try:
            answer = await self.bus.request(query("pii", verb), ask.SerializeToString(), _ASK_S)
        except (BusUnavailable, Overloaded):
            raise PiiUnavailable("nobody answers for personal data right now; try again", retry_after_ms=1000) from None
        told = kind.FromString(answer)
        if told.HasField("failure"):
            raise from_query_failure(told.failure)
        return told


def _pii_of(body: bytes) -> bytes:
    """The part of a policy that is changed here. Raises InvalidRequest naming any other."""
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, Mapping) or not isinstance(said.get("pii"), dict):
        raise InvalidRequest('send {"pii": {"default": …, "keys": {…}, "audit_days": …, "policies": […]}}', param="pii")
    for member in ("residency", "allowed_tiers"):
        if member in said:
            raise InvalidRequest(f"`{member}` of an account is set by PATCH /api/admin/tenants/{{id}}", param=member)
    if set(said) - {"pii", "object"}:
        raise InvalidRequest("there is a member that is not known here; send `pii` alone")
    return orjson.dumps(said["pii"])


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=_NO_STORE)
