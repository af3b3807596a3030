"""The endpoint of dead letters: what nobody in the street could read, for whoever runs the deployment."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.auth.rights import Standing
from libs.contracts.errors import MethodNotAllowed
from libs.contracts.northern.v1.query_pb2 import DeadLettersAsk
from services.ingress.api.books import Books
from services.ingress.api.endpoints import page, permit
from services.ingress.auth.callers import Callers
from services.ingress.http.filters import Asked

_PATH: Final = re.compile(r"/api/admin/dead-letters/?")
_PAGED: Final = frozenset({"cursor", "limit"})


def is_of(path: str) -> bool:
    """Whether a path is this one."""
    return _PATH.fullmatch(path) is not None


@dataclass(frozen=True, kw_only=True)
class DeadLettersApi:
    """They are of the street and of no account; what stands in them is shown to nobody."""

    books: Books
    callers: Callers

    async def answer(self, request: BaseRequest) -> web.Response:
        """Who asks is known before anything else is said about what they ask for."""
        actor = await self.callers.actor(request)
        if request.method != "GET":
            raise MethodNotAllowed("use GET here; `ni dead-letter replay` puts them back", allow="GET")
        permit(actor, {Standing.PLATFORM_ADMIN})
        asked = Asked.of(request.query, _PAGED)
        ask = DeadLettersAsk(cursor=asked.cursor())
        return page(*await self.books.entries("dead_letters", ask, asked.limit()))
