"""The sandbox's own paths under /_sandbox/: read and empty the log, order faults."""

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from services.sandbox.delivery import SANDBOX
from services.sandbox.journal import Journal
from services.sandbox.orders.faults import Fault, Faults

PREFIX = "/_sandbox/"
_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class Controls:
    """These requests are not in the log."""

    journal: Journal
    faults: Faults

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path:
            case "GET", "/_sandbox/log":
                return self._log(request)
            case "DELETE", "/_sandbox/log":
                self.journal.clear()
                return _json({})
            case "GET", "/_sandbox/faults":
                return _json({"faults": self.faults.shown()})
            case "POST", "/_sandbox/faults":
                return self._order(await request.read())
            case "DELETE", "/_sandbox/faults":
                self.faults.clear()
                return _json({})
            case _:
                return _json({"error": "the sandbox has /_sandbox/log and /_sandbox/faults"}, 404)

    def _log(self, request: web.BaseRequest) -> web.Response:
        try:
            after, limit = (
                int(request.query.get(name, default)) for name, default in (("after", "0"), ("limit", "1000"))
            )
        except ValueError:
            return _json({"error": "after and limit are whole numbers"}, 400)
        requests = list(self.journal.after(after, max(1, min(limit, _MOST))))
        return _json({"requests": requests, "next": requests[-1]["seq"] if requests else after})

    def _order(self, body: bytes) -> web.Response:
        try:
            self.faults.add(Fault.model_validate_json(body))
        except ValidationError as error:
            sentences = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
            )
            return _json({"error": sentences}, 400)
        return _json({"faults": self.faults.shown()}, 201)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, headers={"content-type": "application/json", **SANDBOX}
    )
