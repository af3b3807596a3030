"""The endpoints of accounts: which path and method stand for which right, and the question that goes to accounts."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.auth.rights import Right
from libs.bus.base import Bus
from libs.contracts.errors import InvalidRequest, MethodNotAllowed, NotFound
from libs.contracts.failures import from_query_failure
from libs.contracts.northern.v1.account_pb2 import AccountAsk, AccountTold
from libs.contracts.subjects import query
from services.ingress.auth.callers import Callers
from services.ingress.domain import MAX_MODEL
from services.ingress.http.bodies import small_body

_ASK_S: Final = 10.0
_MOST: Final = 1000  # entries of a page
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{0,256}", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_READS: Final = ("GET", "DELETE")

_PATH: Final = re.compile(
    r"(?:/api|/api/v1/inference(?:/v1)*)/(?P<keys>keys)(?P<key_tail>/.*)?"
    r"|/api/(?P<other>byok|aliases|admin/tenants|admin/users|admin/byok)(?P<tail>/.*)?"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One right at one place below a collection: "" the collection, "id" one of it, else what is done to one."""

    collection: str
    place: str
    method: str
    right: Right
    status: int = 200


ENDPOINTS: Final = (
    Endpoint("keys", "", "GET", Right.KEY_LIST),
    Endpoint("keys", "", "POST", Right.KEY_CREATE, 201),
    Endpoint("keys", "id", "GET", Right.KEY_GET),
    Endpoint("keys", "id", "PATCH", Right.KEY_CHANGE),
    Endpoint("keys", "id", "DELETE", Right.KEY_REVOKE),
    Endpoint("keys", "rotate", "POST", Right.KEY_ROTATE),
    Endpoint("aliases", "", "GET", Right.ALIAS_LIST),
    Endpoint("aliases", "id", "GET", Right.ALIAS_GET),
    Endpoint("aliases", "id", "PUT", Right.ALIAS_PUT),
    Endpoint("aliases", "id", "DELETE", Right.ALIAS_DELETE),
    Endpoint("byok", "", "GET", Right.BYOK_LIST),
    Endpoint("byok", "id", "GET", Right.BYOK_GET),
    Endpoint("byok", "id", "PUT", Right.BYOK_PUT),
    Endpoint("byok", "id", "DELETE", Right.BYOK_DELETE),
    Endpoint("admin/byok", "rewrap", "POST", Right.BYOK_REWRAP),
    Endpoint("admin/tenants", "", "GET", Right.TENANT_LIST),
    Endpoint("admin/tenants", "", "POST", Right.TENANT_CREATE, 201),
    Endpoint("admin/tenants", "id", "GET", Right.TENANT_GET),
    Endpoint("admin/tenants", "id", "PATCH", Right.TENANT_CHANGE),
    Endpoint("admin/users", "", "GET", Right.USER_LIST),
    Endpoint("admin/users", "", "POST", Right.USER_CREATE, 201),
    Endpoint("admin/users", "id", "GET", Right.USER_GET),
    Endpoint("admin/users", "id", "PATCH", Right.USER_CHANGE),
    Endpoint("admin/users", "invite", "POST", Right.USER_INVITE),
)
_TABLE: Final = {(one.collection, one.place, one.method): one for one in ENDPOINTS}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a collection, one of its things, what is done to that; `inference`: on that surface."""

    collection: str
    thing: str
    action: str
    inference: bool

    @property
    def kind(self) -> str:
        return self.action or ("id" if self.thing else "")


def place_of(path: str) -> Place | None:
    """None: not a path of accounts."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    collection = found["keys"] or found["other"]
    if collection == "aliases":  # a name may hold what separates the parts of other paths
        return Place(collection, (found["tail"] or "")[1:], "", inference=False)
    parts = (found["key_tail"] or found["tail"] or "").strip("/").split("/")
    if collection == "admin/byok":  # nothing there has an id
        parts = ["", *parts]
    thing, action = parts[0], "/".join(parts[1:])
    return Place(collection, thing, action, path.startswith("/api/v1/"))


async def answer(bus: Bus, callers: Callers, request: BaseRequest, place: Place) -> web.Response:
    """Who asks is known before anything else is said about what they ask for."""
    actor = await callers.actor(request)
    endpoint = _endpoint(place, request.method)
    if place.thing and not _is_id(place):
        raise NotFound("there is nothing of that id; list the collection for its ids")
    ask = AccountAsk(actor=actor, id=place.thing, inference=place.inference)
    if request.method in _READS:
        _read_query(request, ask)
    else:
        ask.body = await small_body(request)
    subject = query("accounts", endpoint.right.value)
    told = AccountTold.FromString(await bus.request(subject, ask.SerializeToString(), _ASK_S))
    if told.HasField("failure"):
        raise from_query_failure(told.failure)
    return web.Response(
        body=told.json,
        status=endpoint.status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},  # some of these answers hold a secret, once
    )


def _is_id(place: Place) -> bool:
    if place.collection == "aliases":
        return len(place.thing) <= MAX_MODEL and place.thing.isprintable()
    return _ID.fullmatch(place.thing) is not None


def _endpoint(place: Place, method: str) -> Endpoint:
    endpoint = _TABLE.get((place.collection, place.kind, method))
    if endpoint is not None:
        return endpoint
    allowed = ", ".join(
        one.method for one in ENDPOINTS if (one.collection, one.place) == (place.collection, place.kind)
    )
    if allowed:
        raise MethodNotAllowed(f"use {allowed} here", allow=allowed)
    raise NotFound("there is nothing at this path; list the collection for what it holds")


def _read_query(request: BaseRequest, ask: AccountAsk) -> None:
    given = request.query
    limit = given.get("limit", "")
    if limit:
        if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and 1 <= int(limit) <= _MOST):  # noqa: PLR2004
            raise InvalidRequest(f"`limit` must be a number from 1 to {_MOST}", param="limit")
        ask.limit = int(limit)
    cursor = given.get("cursor", "")
    if not _CURSOR.fullmatch(cursor):
        raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
    ask.cursor = cursor
    status = given.get("status", "active")
    if status not in ("active", "all"):
        raise InvalidRequest("`status` must be active or all", param="status")
    ask.everything = status == "all"
