"""The description as it is served: made when it is first asked for, then the same bytes with the same ETag."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import orjson
from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.contracts.errors import MethodNotAllowed
from services.ingress.openapi.document import document
from services.ingress.openapi.page import POLICY, page
from services.ingress.openapi.parts import JSON

VERSION: Final = "1"  # of the API, whose paths begin with /v1
PLACES: Final = frozenset({"/openapi.json", "/docs"})
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True, kw_only=True)
class _Served:
    body: bytes
    media: str
    headers: Mapping[str, str]


def answer(request: BaseRequest) -> web.Response:
    """GET or HEAD of one of PLACES, or of the document elsewhere. Raises MethodNotAllowed."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed("use GET here", allow="GET, HEAD")
    served = _page() if request.path == "/docs" else _json()
    if _same(request.headers.get("If-None-Match", ""), served.headers["ETag"]):
        return web.Response(status=_NOT_MODIFIED, headers=served.headers)
    return web.Response(body=served.body, content_type=served.media, charset=_charset(served), headers=served.headers)


@cache
def _json() -> _Served:
    return _served(orjson.dumps(document(VERSION)), JSON, {})


@cache
def _page() -> _Served:
    said = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return _served(page(document(VERSION)), "text/html", said)


def _served(body: bytes, media: str, said: Mapping[str, str]) -> _Served:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return _Served(body=body, media=media, headers={**said, "ETag": etag, "Cache-Control": "no-cache"})


def _same(given: str, etag: str) -> bool:
    """RFC 9110 §13.1.2, by weak comparison."""
    return given.strip() == "*" or etag in (each.strip().removeprefix("W/") for each in given.split(","))


def _charset(served: _Served) -> str | None:
    return None if served.media == JSON else "utf-8"
