"""The public paths: who may call them, what they answer; what is not inference is short enough to stand here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.bus.base import Bus
from libs.bus.beats import Heard
from libs.catalog import describe
from libs.catalog.live import Live
from libs.contracts.errors import (
    OUR_FAULT,
    Internal,
    InvalidRequest,
    MethodNotAllowed,
    ModelNotFound,
    NorthernError,
    NotFound,
    RequestTooLarge,
)
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Operation, Surface
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from libs.tlog.note import VerifierKey
from services.ingress import headers, problems
from services.ingress.api import account as account_api
from services.ingress.api import custody as custody_api
from services.ingress.api import dead_letters as dead_letters_api
from services.ingress.api import listing
from services.ingress.api import pii as pii_api
from services.ingress.api import usage as usage_api
from services.ingress.api.books import Books
from services.ingress.api.health import Healths
from services.ingress.auth.callers import Callers
from services.ingress.auth.sessions import Sessions
from services.ingress.domain import Call
from services.ingress.http.origins import preflight
from services.ingress.inference.request import Inference
from services.ingress.openapi import answers as description
from services.ingress.places import dialect_of, locate, nothing_at, speaks_anthropic
from services.ingress.routing import feedback_api
from services.ingress.routing.dry_run import DryRun

_SELF = {"service": "northern-inference", "api": "/v1", "ready": "/readyz"}

# What a model answers: POST to one of these, on either surface.
_CALLS = {
    (surface, tail): Call(surface=surface, dialect=dialect, operation=operation)
    for surface in (Surface.SURFACE_GATEWAY, Surface.SURFACE_INFERENCE)
    for tail, dialect, operation in (
        ("/chat/completions", Dialect.DIALECT_OPENAI_CHAT, Operation.OPERATION_GENERATE),
        ("/messages", Dialect.DIALECT_ANTHROPIC_MESSAGES, Operation.OPERATION_GENERATE),
        ("/messages/count_tokens", Dialect.DIALECT_ANTHROPIC_MESSAGES, Operation.OPERATION_COUNT_TOKENS),
    )
}


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """Everything the edge answers."""

    bus: Bus
    live: Live
    callers: Callers
    sessions: Sessions
    heard: Heard
    inference: Inference
    metrics: Metrics
    ready: Callable[[], tuple[bool, dict[str, bool]]]

    async def __call__(self, request: BaseRequest) -> web.StreamResponse:
        """Every request: dispatched, and whatever goes wrong answered in the dialect of its path."""
        path = request.path
        if request.method == "OPTIONS" and (leave := preflight(request)) is not None:
            return leave
        try:
            return await self._dispatch(request, path)
        except NorthernError as error:
            return self._problem(error, request)
        except web.HTTPRequestEntityTooLarge:
            return self._problem(RequestTooLarge("the body is larger than 32 MiB; send a smaller one"), request)
        except (web.HTTPException, web.RequestPayloadError):
            return self._problem(InvalidRequest("the request cannot be read"), request)
        except Exception as error:  # noqa: BLE001 - the last door: what falls here is ours, and its text stays inside
            logger().error("request_fell", error_type=type(error).__name__, where=_where(error))
            return self._problem(Internal(OUR_FAULT), request)

    async def _dispatch(self, request: BaseRequest, path: str) -> web.StreamResponse:
        account = account_api.place_of(path)
        if account is not None:
            return await account_api.answer(self.bus, self.callers, request, account)
        books = usage_api.place_of(path)
        if books is not None:
            return await self._books(request, books)
        pii = pii_api.place_of(path)
        if pii is not None:
            return await pii_api.PiiApi(bus=self.bus, callers=self.callers).answer(request, pii)
        place = locate(path)
        if place is not None:
            return await self._surface(request, *place)
        if custody_api.is_of(path):
            custody = custody_api.CustodyApi(bus=self.bus, callers=self.callers, promise=self._promise_key)
            return await custody.answer(request)
        if path == "/api/billing/models":
            self._only(request.method, "GET")
            catalog = self.live.current
            return _json({"models": [describe.billing_entry(catalog, route) for route in catalog.routes.values()]})
        if path.startswith("/api/session"):
            return await self.sessions.answer(request, path)
        if path == feedback_api.PATH:
            feedback = feedback_api.FeedbackApi(bus=self.bus, callers=self.callers, facts=self.inference.facts)
            return await feedback.answer(request)
        if dead_letters_api.is_of(path):
            letters = dead_letters_api.DeadLettersApi(books=Books(bus=self.bus), callers=self.callers)
            return await letters.answer(request)
        return self._about(request, path)

    def _about(self, request: BaseRequest, path: str) -> web.Response:
        """What the gateway says of itself."""
        if path in description.PLACES:
            return description.answer(request)
        if path == "/healthz":
            return _json({"status": "ok"})
        if path == "/readyz":
            ready, checks = self.ready()
            return _json({"ready": ready, "checks": checks}, 200 if ready else 503)
        if path == "/" and request.method in ("GET", "HEAD"):
            return _json(_SELF)
        raise NotFound(f"there is nothing at {headers.clean(path)}; the API begins at /v1")

    async def _books(self, request: BaseRequest, place: str) -> web.StreamResponse:
        told = await usage_api.UsageApi(books=Books(bus=self.bus), callers=self.callers).answer(request, place)
        if place == "admin/credits":
            self.inference.balances.credited()
        return told

    async def _surface(self, request: BaseRequest, surface: Surface, tail: str) -> web.StreamResponse:
        method = request.method
        if (call := _CALLS.get((surface, tail))) is not None:
            self._only(method, "POST")
            who = await self.callers.of(request)
            return await self.inference.answer(request, who, call)
        if tail in ("/models", "/models/"):
            self._only(method, "GET")
            return await self._models(request, surface)
        if tail.startswith("/models/"):
            self._only(method, "GET")
            return await self._model(request, surface, unquote(tail.removeprefix("/models/")))
        if tail == "/route" and surface == Surface.SURFACE_INFERENCE:
            return await DryRun(bus=self.bus, callers=self.callers, inference=self.inference).answer(request)
        if tail == "/openapi.json" and surface == Surface.SURFACE_INFERENCE:
            return description.answer(request)
        if tail == "/" and method in ("GET", "HEAD"):  # Claude Code looks whether its base URL is there
            return _json(_SELF)
        raise nothing_at(request.path, tail)

    async def _models(self, request: BaseRequest, surface: Surface) -> web.Response:
        who = await self.callers.of(request) if surface == Surface.SURFACE_GATEWAY else None
        catalog = self.live.current
        routes = list(catalog.routes.values()) if who is None else listing.callable_routes(catalog, self.heard, who)
        if speaks_anthropic(request.headers):
            return _json(listing.anthropic(routes))
        return _json(listing.openai(catalog, routes, surface))

    async def _model(self, request: BaseRequest, surface: Surface, name: str) -> web.Response:
        # Who asks is known before anything is said of what they ask for.
        who = await self.callers.of(request) if surface == Surface.SURFACE_GATEWAY else None
        catalog = self.live.current
        asked = name.removesuffix("/health") if surface == Surface.SURFACE_INFERENCE else name
        if asked != name and (status := Healths(catalog=catalog, heard=self.heard).of(asked)) is not None:
            return _json({"model": asked, "status": status})
        route = catalog.route(name) or listing.first_of_native(catalog, self.heard, who, name)
        if route is None:
            raise ModelNotFound(f"there is no model {headers.clean(asked)}; GET /v1/models lists them", param="model")
        if speaks_anthropic(request.headers):
            return _json(listing.anthropic_entry(route))
        return _json(describe.model_entry(catalog, route))

    def _promise_key(self) -> VerifierKey | None:
        return self.inference.promises.key

    @staticmethod
    def _only(method: str, allowed: str) -> None:
        if method != allowed and (method, allowed) != ("HEAD", "GET"):
            allow = "GET, HEAD" if allowed == "GET" else allowed
            raise MethodNotAllowed(f"use {allowed} here, not {headers.clean(method)}", allow=allow)

    def _problem(self, error: NorthernError, request: BaseRequest) -> web.Response:
        """What is no call of a model, or did not come to be one, and was refused."""
        dialect = dialect_of(request.path, anthropic=speaks_anthropic(request.headers))
        status = problems.status_of(error, dialect)
        self.metrics.count("refusals_total", error.code)
        logger().info("request_refused", status=status, code=error.code)  # no path: it may hold a key
        return web.Response(
            status=status,
            body=problems.body_of(error, dialect, ""),
            content_type="application/json",
            headers=problems.headers_of(error),
        )


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def _where(error: BaseException) -> str:
    """File and line of our own innermost frame: enough to find the fault, nothing of what it was handling."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "/services/" in name or "/libs/" in name:
            place = f"{name.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
