"""Who calls, by key or by session: on every surface a key, on /api/* a browser's session too."""

from dataclasses import dataclass

from aiohttp.web_request import BaseRequest

from libs.auth.principal import Principal, narrowed_residency, narrowed_tiers
from libs.contracts.errors import AccountDeactivated
from libs.contracts.northern.v1.account_pb2 import Actor
from services.ingress.auth.principals import Principals, key_of
from services.ingress.auth.sessions import Sessions
from services.ingress.domain import TIERS


@dataclass(frozen=True, kw_only=True)
class Callers:
    """The principal behind a request."""

    principals: Principals
    sessions: Sessions

    async def of(self, request: BaseRequest) -> Principal:
        """Raises InvalidApiKey, InvalidSession, KeyRevoked, AccountDeactivated, CsrfFailed."""
        if not self._by_session(request):
            return self.principals.of_key(request.headers)
        session = await self.sessions.of(request)
        tenant = self.principals.tenant(session.tenant)
        if tenant is None:
            raise AccountDeactivated("This account is gone. Sign in again.")
        # A session acts for its account with all its tiers (API.md §1).
        return Principal(
            tenant=session.tenant,
            key_id="",
            allowed_tiers=narrowed_tiers(TIERS, tenant),
            residency=narrowed_residency((), tenant),
            model_pool=(),
            optimize_mode="balanced",
            byok=False,
        )

    async def actor(self, request: BaseRequest) -> Actor:
        """The same for what an account is asked: whose key it is, or which user in which role. Raises the same."""
        if not self._by_session(request):
            digest, who = self.principals.caller(request.headers)
            return Actor(tenant=who.tenant, key_digest=digest)
        session = await self.sessions.of(request)
        return Actor(tenant=session.tenant, user_id=session.user["id"], role=session.user["role"])

    def _by_session(self, request: BaseRequest) -> bool:
        """A key wins: who sends one means it, and no browser adds it by itself."""
        if key_of(request.headers) or not request.path.startswith("/api/"):
            return False
        return self.sessions.has_cookie(request)
