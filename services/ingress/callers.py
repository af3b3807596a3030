"""Who calls, by key or by session: on every surface a key, on /api/* a browser's session too."""

from dataclasses import dataclass

from aiohttp.web_request import BaseRequest

from libs.auth.principal import Principal
from services.ingress.domain import TIERS
from services.ingress.principals import Principals, key_of
from services.ingress.sessions import COOKIE, Sessions


@dataclass(frozen=True, kw_only=True)
class Callers:
    """The principal behind a request."""

    principals: Principals
    sessions: Sessions

    async def of(self, request: BaseRequest) -> Principal:
        """Raises InvalidApiKey, InvalidSession, KeyRevoked, AccountDeactivated, CsrfFailed."""
        if key_of(request.headers) or COOKIE not in request.cookies or not request.path.startswith("/api/"):
            return self.principals.of_key(request.headers)
        session = await self.sessions.of(request)
        # A session acts for its account with all its tiers (API.md §1).
        return Principal(
            tenant=session.tenant,
            key_id="",
            allowed_tiers=TIERS,
            residency=(),
            model_pool=(),
            optimize_mode="balanced",
            byok=False,
        )
