"""Pages of other origins: which may call from a browser and what answers tell them (CORS, the Fetch standard)."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

ANY: Final = "*"
ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_MOST_NAMES: Final = 2048  # bytes of header names that a page may ask for
_SHOWN: Final = {"Access-Control-Expose-Headers": ANY}  # ours, and the limits; no answer of ours sets a secret one
_KEPT: Final = {"Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE", "Access-Control-Max-Age": "600"}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Origins:
    """Those that may: none where nothing is configured. Keys alone: a cookie of ours is never taken from there."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._any, self._allowed = ANY in allowed, frozenset(allowed)

    def told(self, origin: str | None) -> Mapping[str, str]:
        """Headers of any answer to a request that names its origin."""
        if not self._allowed or origin is None:
            return _NOTHING
        if self._any:
            return {"Access-Control-Allow-Origin": ANY, **_SHOWN}
        vary = {"Vary": "Origin"}  # who caches it must not give it to another page
        return {"Access-Control-Allow-Origin": origin, **_SHOWN, **vary} if origin in self._allowed else vary


class EdgeRequest(BaseRequest):
    """A request whose answers say, beside their own, what `told` holds, and not which software made them."""

    told: Mapping[str, str] = _NOTHING

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.pop("Server", None)
        for name, value in self.told.items():
            response.headers.setdefault(name, value)


def told(request: BaseRequest) -> Mapping[str, str]:
    """Headers that an answer to it needs, written past aiohttp."""
    return request.told if isinstance(request, EdgeRequest) else _NOTHING


def preflight(request: BaseRequest) -> web.Response | None:
    """The answer to a browser that asks for leave on behalf of a page that has it; None: it is no such question."""
    asked = request.headers
    if "Access-Control-Allow-Origin" not in told(request) or "Access-Control-Request-Method" not in asked:
        return None
    names = asked.get("Access-Control-Request-Headers", "")
    allowed = {"Access-Control-Allow-Headers": names} if len(names) <= _MOST_NAMES and _NAMES.fullmatch(names) else {}
    return web.Response(status=204, headers={**_KEPT, **allowed})
