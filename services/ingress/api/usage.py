"""The endpoints of an account's books: its request log, its credit, its transactions; and credit given by admins."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.auth.records import TenantRecord
from libs.auth.rights import Standing
from libs.contracts.errors import NorthernError, NotFound
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.account_pb2 import Actor
from libs.contracts.northern.v1.query_pb2 import AdminLogAsk, TotalsAsk, TransactionsAsk, UsageAsk
from services.ingress.api import credit
from services.ingress.api.books import Books
from services.ingress.api.endpoints import only, page, permit, standing
from services.ingress.auth.callers import Callers
from services.ingress.http.filters import USAGE, Asked
from services.ingress.http.whole import cut, of_any_length

_WRITE_IDLE_S: Final = 60.0
_PATH: Final = re.compile(
    r"(?:/api|/api/v1/inference(?:/v1)*)/(?P<own>usage(?:/export)?|credits(?:/transactions)?)/?"
    r"|/api/(?P<admin>admin/(?:credits|log))/?"
)
_PAGED: Final = frozenset({"cursor", "limit"})
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "usage": USAGE | _PAGED | {"totals", "tenant"},
    "usage/export": USAGE | {"tenant"},
    "credits": frozenset({"tenant"}),
    "admin/log": _PAGED | {"verb", "actor", "target", "from", "to", "tenant"},
    "credits/transactions": _PAGED | {"type", "request_id", "tenant"},
}


def place_of(path: str) -> str | None:
    """Which of the endpoints; None: none of these."""
    found = _PATH.fullmatch(path)
    return None if found is None else found["own"] or found["admin"]


@dataclass(frozen=True, kw_only=True)
class UsageApi:
    """Whoever may ask for an account at all may read its books; only the platform's admins read others'."""

    books: Books
    callers: Callers

    async def answer(self, request: BaseRequest, place: str) -> web.StreamResponse:
        """Who asks is known before anything else is said about what they ask for."""
        actor = await self.callers.actor(request)
        if place == "admin/credits":
            only(request, "POST")
            given = await credit.given(request, actor)
            account = self._account(given.tenant, "tenant")
            return _json({**await self.books.give(given), "currency": account.currency}, 201)
        only(request, "GET")
        if place == "admin/log":
            return await self._log(request, actor)
        tenant = self._whose(request, actor)
        asked = Asked.of(request.query, _KNOWN[place], tenant.time_zone)
        match place:
            case "usage":
                return await self._usage(asked, tenant)
            case "usage/export":
                return await self._export(request, UsageAsk(tenant=tenant.id, filter=asked.usage()))
            case "credits":
                told = await self.books.credits(tenant.id)
                shown = {"balance": decimal_text(told.balance_nano), "held": decimal_text(told.held_nano)}
                return _json({**shown, "currency": told.currency or tenant.currency})
            case _:
                ask = TransactionsAsk(
                    tenant=tenant.id,
                    type=asked.text("type"),
                    request_id=asked.text("request_id"),
                    cursor=asked.cursor(),
                )
                return page(*await self.books.entries("transactions", ask, asked.limit()))

    async def _log(self, request: BaseRequest, actor: Actor) -> web.Response:
        """What administrators did to the account; an admin of the platform who names none sees all of it."""
        permit(actor, _READ_LOG)
        every = standing(actor) is Standing.PLATFORM_ADMIN and "tenant" not in request.query
        tenant = self._whose(request, actor)
        asked = Asked.of(request.query, _KNOWN["admin/log"], tenant.time_zone)
        from_ms, until_ms = asked.times()
        ask = AdminLogAsk(
            tenant="" if every else tenant.id,
            verb=asked.text("verb"),
            actor=asked.text("actor"),
            target=asked.text("target"),
            from_ms=from_ms,
            until_ms=until_ms,
            cursor=asked.cursor(),
        )
        return page(*await self.books.entries("admin_log", ask, asked.limit()))

    async def _usage(self, asked: Asked, tenant: TenantRecord) -> web.Response:
        narrow, by = asked.usage(), asked.text("totals")
        if not by:
            ask = UsageAsk(tenant=tenant.id, filter=narrow, cursor=asked.cursor())
            return page(*await self.books.entries("usage", ask, asked.limit()))
        totals = TotalsAsk(tenant=tenant.id, filter=narrow, by=by, time_zone=tenant.time_zone, cursor=asked.cursor())
        return page(*await self.books.entries("totals", totals, asked.limit()))

    async def _export(self, request: BaseRequest, ask: UsageAsk) -> web.StreamResponse:
        """A sheet that breaks off is cut in the middle of the transfer: no client takes it for a whole one."""
        sheet = await self.books.sheet(ask)  # a refusal can still be a status
        response = of_any_length(request, web.StreamResponse(headers=_NO_STORE))
        response.content_type, response.charset = "text/csv", "utf-8"
        response.headers["Content-Disposition"] = 'attachment; filename="usage.csv"'
        await response.prepare(request)
        try:
            while True:
                async with asyncio.timeout(_WRITE_IDLE_S):
                    await response.write(sheet.csv)
                if not sheet.next:
                    break
                ask.cursor = sheet.next
                sheet = await self.books.sheet(ask)
        except (NorthernError, TimeoutError, ConnectionError):
            response.force_close()
            cut(request)
            return response
        await response.write_eof()
        return response

    def _whose(self, request: BaseRequest, actor: Actor) -> TenantRecord:
        """The caller's own account, or the one an admin of the platform names; for anybody else there is no other."""
        named = request.query.get("tenant", actor.tenant)
        if named != actor.tenant and standing(actor) is not Standing.PLATFORM_ADMIN:
            raise NotFound("there is no such account", param="tenant")
        return self._account(named, "tenant")

    def _account(self, tenant: str, param: str) -> TenantRecord:
        found = self.callers.principals.tenant(tenant)
        if found is None:
            raise NotFound("there is no such account; GET /api/admin/tenants lists them", param=param)
        return found


_READ_LOG: Final = frozenset({Standing.AUDITOR, Standing.ADMIN, Standing.OWNER, Standing.PLATFORM_ADMIN})
_NO_STORE: Final = {"Cache-Control": "no-store"}


def _json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=_NO_STORE)
