"""Who may do what at an endpoint, and by which methods it is asked."""

from collections.abc import Collection

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
