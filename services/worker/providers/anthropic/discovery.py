"""The models of an Anthropic account, by its list API; everything blocks."""

from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson

from libs.contracts.errors import RouteUnavailable, UpstreamError
from libs.dialects.anthropic_messages.errors import read_error
from libs.dialects.fields import obj, seq, string
from services.worker.providers.anthropic.wire import VERSION, credential, root
from services.worker.upstream.ways_out import WayOut

_TIMEOUT_S = 30.0
_LIMIT = 8 << 20
_PAGES = 100


class _Stay(HTTPRedirectHandler):
    """The credential goes where the operator sent it and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


def list_models(way: WayOut, environ: Mapping[str, str]) -> list[str]:
    found: set[str] = set()
    after = ""
    for _ in range(_PAGES):
        page = _get(way, environ, "?" + urlencode({"limit": 1000, **({"after_id": after} if after else {})}))
        names = {string(obj(each).get("id")) for each in seq(page.get("data"))} - {""}
        after = string(page.get("last_id"))
        if page.get("has_more") is not True or not after or names <= found:
            return sorted(found | names)
        found |= names
    raise UpstreamError("The provider's list of models does not end.")


def probe(way: WayOut, environ: Mapping[str, str], model: str) -> None:
    _get(way, environ, "/" + quote(model, safe=""))


def _get(way: WayOut, environ: Mapping[str, str], rest: str) -> dict[str, Any]:
    if urlsplit(way.base_url).scheme not in {"http", "https"}:
        raise RouteUnavailable("This egress has no address of http or https.")
    key = "sandbox" if way.sandbox else environ.get(way.egress.api_key_env, "")
    headers = {"anthropic-version": VERSION, **credential(key, environ.get("ANTHROPIC_AUTH_TOKEN", ""))}
    request = Request(f"{root(way.base_url)}/v1/models{rest}", headers=headers)  # noqa: S310 - checked above
    try:
        with build_opener(_Stay).open(request, timeout=_TIMEOUT_S) as response:
            return obj(orjson.loads(response.read(_LIMIT)))
    except HTTPError as error:
        with error:
            raise read_error(error.code, dict(error.headers.items()), error.read(_LIMIT)) from None
    except (OSError, HTTPException, ValueError):
        raise UpstreamError("The provider could not be reached, or its list could not be read.") from None
