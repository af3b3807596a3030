"""The endpoints of custody: records, receipts, erasure, holds, retention, and the transparency log for everybody."""

import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest
from google.protobuf.message import Message

from libs.auth.rights import Standing
from libs.bus.base import Bus
from libs.contracts.errors import (
    BusUnavailable,
    InvalidRequest,
    NotFound,
    Overloaded,
    RecordUnavailable,
)
from libs.contracts.failures import from_query_failure
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.account_pb2 import Actor
from libs.contracts.northern.v1.query_pb2 import (
    CustodyAct,
    CustodyGet,
    CustodyGot,
    CustodyTold,
    ExportAsk,
    ExportTold,
    LogAsk,
    LogTold,
)
from libs.contracts.subjects import query
from libs.tlog.note import VerifierKey
from libs.tlog.proof import SUFFIX
from libs.tlog.tiles import Tile
from services.ingress import headers
from services.ingress.api.endpoints import only, permit, standing
from services.ingress.auth.callers import Callers
from services.ingress.http import bundles
from services.ingress.http.bodies import small_body
from services.ingress.http.filters import Asked

_RECORD: Final = "/api/usage/custody/"
_LOG: Final = "/api/custody/"
_EXPORT: Final = "/api/custody/export"
_ADMIN: Final = re.compile(r"/api/admin/custody/(holds|retention)/?")
_WAIT_MS: Final = 3_000
_ASK_S: Final = 5.0
_LOG_S: Final = 5.0
_EXPORT_S: Final = 30.0
_OWNERS: Final = frozenset({Standing.OWNER, Standing.PLATFORM_ADMIN})
_READERS: Final = _OWNERS | {Standing.ADMIN, Standing.AUDITOR}
_NO_STORE: Final = {"Cache-Control": "no-store"}
# A tile never changes under its name; the checkpoint is another every second.
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable", "Access-Control-Allow-Origin": "*"}
_FRESH: Final = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
_TEXT: Final = "text/plain"
_LONGEST_PATH: Final = 128
_MOST_DAYS: Final = 36_500
_RETRY_MS: Final = 2_000

Told = TypeVar("Told", CustodyGot, CustodyTold, ExportTold, LogTold)


def is_of(path: str) -> bool:
    """Whether a path is one of these."""
    return path.startswith((_RECORD, _LOG)) or _ADMIN.fullmatch(path) is not None


@dataclass(frozen=True, kw_only=True)
class CustodyApi:
    """Records are the caller's account's alone; the log is everybody's. `promise`: the key that signs promises."""

    bus: Bus
    callers: Callers
    promise: Callable[[], VerifierKey | None]

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """Who asks is known before anything else is said about what they ask for."""
        path = request.path
        if path.startswith(_RECORD):
            return await self._record(request, path.removeprefix(_RECORD))
        if path == _EXPORT:
            return await self._exported(request)
        if path.startswith(_LOG):
            return await self._log(request, path.removeprefix(_LOG))
        found = _ADMIN.fullmatch(path)
        return await self._ruled(request, "" if found is None else found[1])

    async def _record(self, request: BaseRequest, place: str) -> web.Response:
        if request.method == "DELETE" and not place.endswith("/receipt"):
            return await self._erased(request, place)
        who = await self.callers.of(request)
        request_id = place.removesuffix("/receipt")
        only(request, *(("GET",) if request_id != place else ("GET", "DELETE")))
        _is_id(request_id)
        ask = CustodyGet(tenant=who.tenant, request_id=request_id, wait_ms=_WAIT_MS)
        told = headers.identity(request_id) | _NO_STORE
        if request_id == place:
            got = await self._asked("get", ask, CustodyGot)
            return web.Response(body=got.record, content_type="application/json", headers=told)
        told["Content-Disposition"] = f'attachment; filename="{request_id}{SUFFIX}"'
        body = (await self._asked("receipt", ask, LogTold)).data
        return web.Response(body=body, content_type=_TEXT, charset="utf-8", headers=told)

    async def _erased(self, request: BaseRequest, request_id: str) -> web.Response:
        actor = await self.callers.actor(request)
        _is_id(request_id)
        permit(actor, _OWNERS)
        ask = self._act(actor, actor.tenant)
        ask.request_id = request_id
        return _json((await self._asked("erase", ask, CustodyTold)).json)

    async def _ruled(self, request: BaseRequest, place: str) -> web.Response:
        """Holds and retention: read by whoever audits, changed by owners; of other accounts by whoever runs this."""
        actor = await self.callers.actor(request)
        only(request, *(("GET", "PUT", "DELETE") if place == "holds" else ("GET", "PUT")))
        permit(actor, _READERS if request.method == "GET" else _OWNERS)
        listed = request.method == "GET" and place == "holds"
        more = {"cursor"} if listed else {"request_id"} if request.method == "DELETE" else set()
        asked = Asked.of(request.query, {"tenant"} | more)
        if (
            request.method == "DELETE" and request.can_read_body
        ):  # else all that is held would be meant, not the one in it
            raise InvalidRequest("name the request in the query, as in ?request_id=0343c4ae44e90000; send no body")
        said = _said(await small_body(request), place) if request.method == "PUT" else {}
        ask = self._act(actor, said.get("tenant") or asked.text("tenant") or actor.tenant)
        # Of a list: the last request of the page before.
        ask.request_id = said.get("request_id") or asked.text("request_id") or asked.cursor()
        ask.reason, ask.days = said.get("reason") or "", said.get("days") or 0
        verb = {"GET": "holds", "PUT": "hold_put", "DELETE": "hold_delete"}[request.method]
        if place == "retention":
            verb = "retention_get" if request.method == "GET" else "retention_put"
        return _json((await self._asked(verb, ask, CustodyTold)).json)

    async def _exported(self, request: BaseRequest) -> web.StreamResponse:
        """A period as a bundle, for whoever audits the account."""
        actor = await self.callers.actor(request)
        only(request, "GET")
        permit(actor, _READERS)
        tenant = request.query.get("tenant", actor.tenant)
        self._act(actor, tenant)
        account = self.callers.principals.tenant(tenant)
        asked = Asked.of(request.query, {"tenant", "from", "to"}, account.time_zone if account else "UTC")
        from_ms, until_ms = asked.times()
        ask = ExportAsk(tenant=tenant, from_ms=from_ms, until_ms=until_ms)
        first = await self._asked("export", ask, ExportTold, _EXPORT_S)  # a refusal can still be a status
        at = int(time.time())

        async def pieces() -> AsyncIterator[bytes]:
            told = first
            while told.next:
                ask.cursor = told.next
                told = await self._asked("export", ask, ExportTold, _EXPORT_S)
                yield _members(told, at)

        return await bundles.sent(request, pieces(), f"custody-{tenant}.tar", _members(first, at))

    async def _log(self, request: BaseRequest, place: str) -> web.Response:
        """Anybody's: nothing of it says whose requests they are."""
        if place.startswith("tile/"):
            only(request, "GET", "HEAD")
            return await self._tile(place)
        if place not in ("checkpoint", "key", "witness"):
            raise NotFound(f"there is nothing at {headers.clean(request.path)}; the log begins at {_LOG}checkpoint")
        only(request, "GET", "HEAD")
        if place == "checkpoint":
            told = await self._asked("checkpoint", LogAsk(), LogTold, _LOG_S)
            return _text(told.data)
        lines = (await self._asked("key", LogAsk(), LogTold, _LOG_S)).data.decode().splitlines(keepends=True)
        if place == "witness":
            return _text("".join(lines[1:]).encode())
        promise = self.promise()
        return _text("".join([*lines[:1], f"{promise}\n" if promise else ""]).encode())

    async def _tile(self, path: str) -> web.Response:
        try:
            tile = Tile.named(path) if len(path) <= _LONGEST_PATH else None
        except ValueError:
            tile = None
        if tile is None:
            raise NotFound("the log has no tile of that name; their names are those of https://c2sp.org/tlog-tiles")
        told = await self._asked("tile", LogAsk(path=tile.path), LogTold, _LOG_S)
        return web.Response(body=told.data, content_type="application/octet-stream", headers=_FOR_EVER)

    def _act(self, actor: Actor, tenant: str) -> CustodyAct:
        """Raises NotFound where the account is not the actor's, nor theirs to ask about."""
        found = standing(actor)
        if tenant != actor.tenant and found is not Standing.PLATFORM_ADMIN:
            raise NotFound("there is no such account", param="tenant")
        if self.callers.principals.tenant(tenant) is None:
            raise NotFound("there is no such account; GET /api/admin/tenants lists them", param="tenant")
        return CustodyAct(tenant=tenant, actor=actor.user_id, standing=found.value, actor_tenant=actor.tenant)

    async def _asked(self, verb: str, ask: Message, kind: type[Told], wait_s: float = _ASK_S) -> Told:
        try:
            answer = await self.bus.request(query("custody", verb), ask.SerializeToString(), wait_s)
        except (BusUnavailable, Overloaded):
            sentence = "custody does not answer right now; nothing that is on record is lost. Ask again in a moment"
            raise RecordUnavailable(sentence, retry_after_ms=_RETRY_MS) from None
        told = kind.FromString(answer)
        if told.HasField("failure"):
            raise from_query_failure(told.failure)
        return told


def _members(told: ExportTold, at: int) -> bytes:
    return b"".join(bundles.member(file.name, file.data, at) for file in told.files)


def _said(body: bytes, place: str) -> Mapping[str, Any]:
    """The members of a PUT. Raises InvalidRequest naming the one at fault."""
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        example = '{"request_id": "0343c4ae44e90000", "reason": "…"}' if place == "holds" else '{"days": 365}'
        raise InvalidRequest(f"send a JSON object such as {example}")
    known = {"tenant", "request_id", "reason"} if place == "holds" else {"tenant", "days"}
    if set(said) - known:
        raise InvalidRequest(f"there is a member that is not known here; there are {', '.join(sorted(known))}")
    for name in known - {"days"}:
        if not isinstance(said.get(name), str | None):
            raise InvalidRequest(f"`{name}` must be a string", param=name)
    if place == "retention" and not ("days" in said and _are_days(said["days"])):
        raise InvalidRequest(f"`days` must be a number from 1 to {_MOST_DAYS}, or null: for ever", param="days")
    return said


def _are_days(days: object) -> bool:
    return days is None or (isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= _MOST_DAYS)


def _is_id(request_id: str) -> None:
    if not REQUEST_ID.fullmatch(request_id):
        raise NotFound("there is no such record; an id has 16 hex digits, as in x-ni-request-id")


def _text(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=_TEXT, charset="utf-8", headers=_FRESH)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=_NO_STORE)
