"""Decides when the gateway answers by itself: a name that is no route, a number in reply to a list, `ni-models`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp.web_request import BaseRequest

from libs.auth.principal import Principal
from libs.auth.rights import Right
from libs.bus.aliases import Aliases
from libs.bus.base import Bus
from libs.bus.beats import Heard
from libs.catalog.live import Live
from libs.catalog.model import Catalog
from libs.catalog.resolve import meant
from libs.contracts.errors import InvalidRequest, ModelNotFound, NorthernError, RouteNotAllowed
from libs.contracts.failures import from_query_failure
from libs.contracts.northern.v1.account_pb2 import AccountAsk, AccountTold, Actor
from libs.contracts.northern.v1.envelope_pb2 import OPERATION_GENERATE, SURFACE_GATEWAY, Operation, Surface
from libs.contracts.subjects import query
from libs.telemetry.log import logger
from services.ingress.api.listing import callable_routes
from services.ingress.auth.callers import Callers
from services.ingress.names import lists
from services.ingress.names.lists import Numbered
from services.ingress.names.replies import Said

STRICT: Final = "X-NI-Strict"
_ASK_S: Final = 5.0
_AGAIN_MS: Final = 60_000  # a list that was shown a shorter time ago need not be remembered anew
_ANSWERS_MS: Final = 3_600_000  # how long a number is taken for a reply to a list
_KNOWN_MS: Final = 300_000  # the same where the name means something, so that a number may be a prompt


class Told(Exception):
    """The request is answered with this text, and goes to nobody."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(why)
        self.text, self.why = text, why


def talks(headers: Mapping[str, str], surface: Surface, operation: Operation) -> bool:
    """Whether a call may be answered in words: on the gateway surface, unless it is strict. Raises InvalidRequest."""
    strict = headers.get(STRICT, "false").strip().lower()
    if strict not in ("true", "false"):
        raise InvalidRequest(f"the header {STRICT} must be true or false", param=STRICT)
    return strict == "false" and surface == SURFACE_GATEWAY and operation == OPERATION_GENERATE


@dataclass(frozen=True, kw_only=True)
class Names:
    """What it takes to answer: the catalogue, what is open, the accounts' own names, and who may change them."""

    bus: Bus
    live: Live
    heard: Heard
    aliases: Aliases
    callers: Callers

    async def reply(self, request: BaseRequest, who: Principal, name: str, said: Said) -> Told | None:
        """The answer to `ni-models` or to a number; None: the number is a prompt, and the name may be anything."""
        if said.number == 0:
            return await self._list(who, name)
        if self._fixed(who, name):
            return None
        numbered = self._numbered(who, name)
        if said.before is not None and said.before.name == name:
            route = said.before.routes.get(said.number, "")
            if route not in numbered.routes:
                await self._remember(who, numbered)
                return Told(lists.gone(numbered, said.number), "list_shown")
        else:
            route = self._remembered(who, numbered, said)
        if not route:
            return None
        await self._map(request, name, route)
        return Told(lists.mapped(name, route), "name_mapped")

    async def instead(self, who: Principal, name: str, error: NorthernError) -> Told | None:
        """The answer that stands for a refusal over the name; None: it is another refusal, and stays one."""
        match error:
            case ModelNotFound() if not _known(self.live.current, name):
                rule = ""
            case RouteNotAllowed(param="model"):
                rule = error.message
            case _:
                return None
        numbered = self._numbered(who, name)
        await self._remember(who, numbered)
        return Told(lists.unknown(numbered, rule), error.code)

    async def _list(self, who: Principal, name: str) -> Told:
        numbered, fixed = self._numbered(who, name), self._fixed(who, name)
        if not fixed:
            await self._remember(who, numbered)
        stands_for = meant(self.live.current, name, self.aliases.of(who.tenant), who.allowed_tiers)
        text = lists.asked_for(numbered, stands_for="" if stands_for == name else stands_for, fixed=fixed)
        return Told(text, "list_shown")

    def _numbered(self, who: Principal, name: str) -> Numbered:
        return Numbered.of(name, callable_routes(self.live.current, self.heard, who))

    def _fixed(self, who: Principal, name: str) -> bool:
        """Whether the name is itself a route of the key's, which no alias stands before; `auto` is nothing to map."""
        route = self.live.current.route(name)
        return name == "auto" or (route is not None and route.tier in who.allowed_tiers)

    def _remembered(self, who: Principal, numbered: Numbered, said: Said) -> str:
        """The route of a number by the list last shown for the name; "" where that is another one, or too long ago."""
        shown = self.aliases.shown(who.tenant, numbered.name)
        if shown is None or shown.digest != numbered.digest():
            return ""
        native = bool(self.live.current.by_native_id(numbered.name))
        means_something = native or numbered.name in self.aliases.of(who.tenant)
        if means_something and said.begun:
            return ""  # the assistant's last turn was no list: this one goes on with a conversation
        age_ms = _now_ms() - shown.at_ms
        return numbered.at(said.number) if age_ms < (_KNOWN_MS if means_something else _ANSWERS_MS) else ""

    async def _remember(self, who: Principal, numbered: Numbered) -> None:
        """So that a client that sends no history can reply. Without it the list is worth showing all the same."""
        shown, digest = self.aliases.shown(who.tenant, numbered.name), numbered.digest()
        if shown is not None and shown.digest == digest and _now_ms() - shown.at_ms < _AGAIN_MS:
            return
        ask = AccountAsk(actor=Actor(tenant=who.tenant), id=numbered.name, body=digest.encode())
        try:
            await self._ask("alias_shown", ask)
        except NorthernError as error:
            logger().info("list_not_remembered", tenant=who.tenant, code=error.code)

    async def _map(self, request: BaseRequest, name: str, route: str) -> None:
        actor = await self.callers.actor(request)
        body = orjson.dumps({"route": route})
        await self._ask(Right.ALIAS_PUT.value, AccountAsk(actor=actor, id=name, body=body))

    async def _ask(self, verb: str, ask: AccountAsk) -> None:
        told = AccountTold.FromString(await self.bus.request(query("accounts", verb), ask.SerializeToString(), _ASK_S))
        if told.HasField("failure"):
            raise from_query_failure(told.failure)


def _known(catalog: Catalog, name: str) -> bool:
    return catalog.route(name) is not None or bool(catalog.by_native_id(name))


def _now_ms() -> int:
    return int(time.time() * 1000)
