"""What endpoints share: who may do what, by which methods they are asked, and a page of a list."""

from collections.abc import Collection, Sequence

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.auth.rights import Standing, standing_of
from libs.contracts.errors import MethodNotAllowed, NotPermitted
from libs.contracts.northern.v1.account_pb2 import Actor


def standing(actor: Actor) -> Standing:
    """A key has one of its own; whoever has no role that is known here has the least."""
    return Standing.KEY if actor.key_digest else standing_of(actor.role or "nobody")


def permit(actor: Actor, allowed: Collection[Standing]) -> None:
    """Raises NotPermitted, which says who may."""
    found = standing(actor)
    if found not in allowed:
        roles = ", ".join(one.value for one in Standing if one in allowed)
        who = "An API key" if found is Standing.KEY else f"The role {found.value}"
        raise NotPermitted(f"{who} may not do this. Sign in as one of: {roles}.")


def only(request: BaseRequest, *allowed: str) -> None:
    """Raises MethodNotAllowed for any other method."""
    if request.method not in allowed:
        raise MethodNotAllowed(f"use {' or '.join(allowed)} here", allow=", ".join(allowed))


def page(entries: Sequence[bytes], following: str) -> web.Response:
    """Of a list whose entries are JSON already; `following` is the next page's cursor, "" at the end."""
    after = orjson.dumps(following or None)
    body = b'{"object":"list","data":[' + b",".join(entries) + b'],"next":' + after + b"}"
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
