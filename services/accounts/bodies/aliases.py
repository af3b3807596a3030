"""What may be said of an account's own name of a model."""

from typing import Final

from libs.catalog.model import Catalog
from libs.contracts.errors import InvalidRequest
from services.accounts.bodies.reading import Body, read

MOST: Final = 256  # names of one account
LONGEST: Final = 256  # characters, as many as a request's `model` may have
_RESERVED: Final = ("auto", "ni-models")


class _AliasBody(Body):
    route: str


def check_name(name: str) -> str:
    """What a client may send as `model`. Raises InvalidRequest."""
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        raise InvalidRequest(f"`name` must be a text of 1 to {LONGEST} printable characters", param="name")
    if name in _RESERVED:
        raise InvalidRequest(f"`name`: {name} has a meaning of its own; take another name", param="name")
    return name


def read_alias(raw: bytes, catalog: Catalog) -> str:
    """The route id, or maker's own id, that a name is to mean. Raises InvalidRequest."""
    route = read(_AliasBody, raw).route
    if catalog.route(route) is None and not catalog.by_native_id(route):
        raise InvalidRequest("`route`: there is no such route; GET /v1/models lists them", param="route")
    return route
