"""Browser sessions at the edge: sign in, who am I, sign out; the token itself is the accounts service's business."""

import hmac
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.bus.base import Bus
from libs.contracts.errors import (
    AccountDeactivated,
    CsrfFailed,
    InvalidRequest,
    InvalidSession,
    MethodNotAllowed,
    NotFound,
)
from libs.contracts.failures import from_query_failure
from libs.contracts.northern.v1.query_pb2 import SessionGot, SessionOf, SignIn
from libs.contracts.subjects import query
from services.ingress.principals import Principals

COOKIE = "ni_session"
_ASK_S = 5.0
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who a cookie speaks for."""

    tenant: str
    user: dict[str, Any]
    csrf_token: str


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Answers /api/session and knows the caller behind a cookie."""

    bus: Bus
    principals: Principals
    secure: bool

    async def answer(self, request: BaseRequest, path: str) -> web.Response:
        """POST signs in, GET says who, DELETE signs out."""
        if path != "/api/session":
            raise NotFound("only /api/session is served yet")
        match request.method:
            case "POST":
                return await self._sign_in(request)
            case "GET":
                session = await self.of(request)
                return _answer({"user": session.user, "csrf_token": session.csrf_token})
            case "DELETE":
                await self.of(request)
                response = _answer({"signed_out": True})
                response.del_cookie(COOKIE, path="/", httponly=True, secure=self.secure, samesite="Lax")
                return response
            case _:
                raise MethodNotAllowed("use POST, GET or DELETE here", allow="POST, GET, DELETE")

    async def of(self, request: BaseRequest) -> Session:
        """The session of the request's cookie; a state-changing request must prove it comes from our own pages."""
        token = request.cookies.get(COOKIE, "")
        if not token:
            raise InvalidSession("you are not signed in; POST /api/session with email and password")
        got = await self._ask("session", SessionOf(token=token).SerializeToString())
        user = orjson.loads(got.user)
        if request.method not in _SAFE and not _from_our_pages(request, got.csrf_token):
            raise CsrfFailed("send the x-csrf-token that GET /api/session answers with")
        tenant = self.principals.tenant(user["tenant"])
        if tenant is None or tenant.status != "active":
            raise AccountDeactivated("This account is deactivated. Ask your administrator to activate it.")
        return Session(tenant=user["tenant"], user=user, csrf_token=got.csrf_token)

    async def _sign_in(self, request: BaseRequest) -> web.Response:
        body = await request.read()
        try:
            given = orjson.loads(body)
            ask = SignIn(email=given["email"], password=given["password"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise InvalidRequest('send {"email": "…", "password": "…"}') from None
        got = await self._ask("sign_in", ask.SerializeToString())
        response = _answer({"user": orjson.loads(got.user), "csrf_token": got.csrf_token})
        response.set_cookie(
            COOKIE, got.token, max_age=got.expires_in_s, path="/", httponly=True, secure=self.secure, samesite="Lax"
        )
        return response

    async def _ask(self, verb: str, data: bytes) -> SessionGot:
        got = SessionGot.FromString(await self.bus.request(query("accounts", verb), data, _ASK_S))
        if got.HasField("failure"):
            raise from_query_failure(got.failure)
        return got


def _from_our_pages(request: BaseRequest, csrf_token: str) -> bool:
    """The token, or a browser that says itself that the request comes from our own origin."""
    if hmac.compare_digest(request.headers.get("x-csrf-token", "").encode(), csrf_token.encode()):
        return True
    own = f"{request.url.scheme}://{request.headers.get('Host', '')}"
    return request.headers.get("Origin") == own and request.headers.get("Sec-Fetch-Site") == "same-origin"


def _answer(value: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")
