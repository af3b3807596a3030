"""Browser sessions at the edge: cookies, and where a request comes from; what tokens say is for accounts to judge."""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest
from google.protobuf.message import Message

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
from libs.contracts.northern.v1.account_pb2 import PasswordChange, Refresh, SessionGot, SessionOf, SignIn
from libs.contracts.subjects import query
from services.ingress.auth.principals import Principals
from services.ingress.http.bodies import small_body
from services.ingress.http.proxies import Proxies

COOKIE = "ni_session"
REFRESH_COOKIE = "ni_refresh"
_REFRESH_PATH = "/api/session"  # the one place that refresh tokens are sent to
_ASK_S = 5.0
_SAFE = ("GET", "HEAD", "OPTIONS")
_LONGEST = 4096  # characters of what a cookie or a header may hold


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who a cookie speaks for."""

    tenant: str
    user: dict[str, Any]
    csrf_token: str


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Answers /api/session and knows the caller behind a cookie. `secure`: browsers reach us by TLS, so cookies do."""

    bus: Bus
    principals: Principals
    secure: bool
    proxies: Proxies

    async def answer(self, request: BaseRequest, path: str) -> web.Response:
        """POST signs in, GET says who, DELETE signs out; refresh and password below."""
        match path, request.method:
            case "/api/session", "POST":
                return await self._sign_in(request)
            case "/api/session", "GET":
                session = await self.of(request)
                return _answer({"user": session.user, "csrf_token": session.csrf_token})
            case "/api/session", "DELETE":
                return await self._sign_out(request)
            case "/api/session/refresh", "POST":
                return await self._refresh(request)
            case "/api/session/password", "POST":
                return await self._password(request)
            case "/api/session", _:
                raise MethodNotAllowed("use POST, GET or DELETE here", allow="POST, GET, DELETE")
            case "/api/session/refresh" | "/api/session/password", _:
                raise MethodNotAllowed("use POST here", allow="POST")
            case _:
                raise NotFound("there is /api/session, and /refresh and /password below it")

    async def of(self, request: BaseRequest) -> Session:
        """The session of the request's cookie; a state-changing request must prove it comes from our own pages."""
        got = await self._ask("session", SessionOf(token=self._token(request)))
        user = orjson.loads(got.user)
        if request.method not in _SAFE and not self._proven(request, got.csrf_token):
            raise CsrfFailed("send the x-csrf-token that GET /api/session answers with")
        tenant = self.principals.tenant(user["tenant"])
        if tenant is None or tenant.status != "active":
            raise AccountDeactivated("This account is deactivated. Ask your administrator to activate it.")
        return Session(tenant=user["tenant"], user=user, csrf_token=got.csrf_token)

    def has_cookie(self, request: BaseRequest) -> bool:
        return self._name(COOKIE) in request.cookies

    async def _sign_in(self, request: BaseRequest) -> web.Response:
        self._not_from_elsewhere(request)
        given = await _fields(request, ("email", "password"), 'send {"email": "…", "password": "…"}')
        ask = SignIn(email=given["email"], password=given["password"], client=self.proxies.client(request))
        return self._opened(await self._ask("sign_in", ask))

    async def _sign_out(self, request: BaseRequest) -> web.Response:
        """By either cookie: a quarter of an hour after the last request the refresh cookie alone is left."""
        try:
            await self.of(request)
            token = self._token(request)
        except InvalidSession:
            if self._name(REFRESH_COOKIE) not in request.cookies:
                raise
            token = (await self._renewed(request)).token
        await self._ask("sign_out", SessionOf(token=token))
        return self._closed({"signed_out": True})

    async def _refresh(self, request: BaseRequest) -> web.Response:
        return self._opened(await self._renewed(request))

    async def _renewed(self, request: BaseRequest) -> SessionGot:
        """New tokens for the refresh cookie; a token used twice ends the session, and with it both cookies."""
        token = _plain(request.cookies.get(self._name(REFRESH_COOKIE), ""))
        if not token:
            raise InvalidSession("there is nothing to refresh; POST /api/session with email and password")
        proof = _plain(request.headers.get("x-csrf-token", ""))
        ask = Refresh(token=token, csrf_token=proof, own_page=self._own_page(request))
        return await self._ask("refresh", ask)

    async def _password(self, request: BaseRequest) -> web.Response:
        """By the link's token, or by the present password of whoever is signed in."""
        self._not_from_elsewhere(request)
        form = 'send {"token": "…", "password": "…"} or, signed in, {"current_password": "…", "password": "…"}'
        given = await _fields(request, ("password",), form)
        if isinstance(given.get("token"), str):
            ask = PasswordChange(invite=given["token"], password=given["password"])
        elif isinstance(given.get("current_password"), str):
            await self.of(request)
            token = self._token(request)
            ask = PasswordChange(session=token, current=given["current_password"], password=given["password"])
        else:
            raise InvalidRequest(form)
        return self._opened(await self._ask("password", ask))

    def _opened(self, got: SessionGot) -> web.Response:
        response = _answer(
            {"user": orjson.loads(got.user), "csrf_token": got.csrf_token, "expires_in": got.expires_in_s}
        )
        # The session last: clients that keep one header of a name keep the last.
        self._set(response, REFRESH_COOKIE, got.refresh_token, got.refresh_in_s, _REFRESH_PATH, "Strict")
        self._set(response, COOKIE, got.token, got.expires_in_s, "/", "Lax")
        return response

    def _closed(self, value: dict[str, Any]) -> web.Response:
        response = _answer(value)
        self._set(response, REFRESH_COOKIE, "", 0, _REFRESH_PATH, "Strict")
        self._set(response, COOKIE, "", 0, "/", "Lax")
        return response

    def _set(self, response: web.Response, name: str, value: str, max_age: int, path: str, same_site: str) -> None:
        response.set_cookie(
            self._name(name),
            value,
            max_age=max_age,
            path=path,
            httponly=True,
            secure=self.secure,
            samesite=same_site,
        )

    def _name(self, cookie: str) -> str:
        """Behind TLS the name itself makes browsers keep to it (RFC 6265bis §4.1.3)."""
        if not self.secure:
            return cookie
        return f"__Host-{cookie}" if cookie == COOKIE else f"__Secure-{cookie}"

    def _token(self, request: BaseRequest) -> str:
        token = _plain(request.cookies.get(self._name(COOKIE), ""))
        if not token:
            raise InvalidSession("you are not signed in; POST /api/session with email and password")
        return token

    def _proven(self, request: BaseRequest, csrf_token: str) -> bool:
        """The token, or a browser that says itself that the request comes from our own origin."""
        sent = request.headers.get("x-csrf-token", "").encode("utf-8", "replace")
        return hmac.compare_digest(sent, csrf_token.encode()) or self._own_page(request)

    def _own_page(self, request: BaseRequest) -> bool:
        return (
            request.headers.get("Origin") == self._own(request)
            and request.headers.get("Sec-Fetch-Site") == "same-origin"
        )

    def _not_from_elsewhere(self, request: BaseRequest) -> None:
        """Nobody else's page signs a browser in here. A client that is no browser says neither."""
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        origin = request.headers.get("Origin")
        host = request.headers.get("Host", "")
        if site not in ("same-origin", "none") or (origin is not None and _authority(origin) != host):
            raise CsrfFailed("sign in from our own pages")

    def _own(self, request: BaseRequest) -> str:
        scheme = "https" if self.secure else request.url.scheme
        return f"{scheme}://{request.headers.get('Host', '')}"

    async def _ask(self, verb: str, question: Message) -> SessionGot:
        got = SessionGot.FromString(
            await self.bus.request(query("accounts", verb), question.SerializeToString(), _ASK_S)
        )
        if got.HasField("failure"):
            raise from_query_failure(got.failure)
        return got


async def _fields(request: BaseRequest, needed: tuple[str, ...], form: str) -> dict[str, Any]:
    """A small JSON object in which these members are texts."""
    try:
        given = orjson.loads(await small_body(request))
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict) or not all(isinstance(given.get(name), str) for name in needed):
        raise InvalidRequest(form)
    return given


def _plain(text: str) -> str:
    """What may be one of our tokens; anything else is as good as none."""
    return text if text.isascii() and len(text) <= _LONGEST else ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _answer(value: dict[str, Any]) -> web.Response:
    # Nobody on the way, and no browser, keeps what a session is answered.
    return web.Response(
        body=orjson.dumps(value), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
