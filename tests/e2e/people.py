"""People who sign in as browsers do, with cookies and a token of their own: administrators, and whom they invite."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from libs.embedded.state import read_json
from tests.support.street import Street


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody signed in."""

    id: str
    email: str
    password: str
    session: str
    refresh: str
    csrf: str

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request of theirs has."""
        return {"Cookie": f"ni_session={self.session}", "x-csrf-token": self.csrf}

    @property
    def refreshing(self) -> Mapping[str, str]:
        """What a request for new tokens has."""
        return {"Cookie": f"ni_refresh={self.refresh}", "x-csrf-token": self.csrf}


@dataclass(frozen=True, kw_only=True)
class Doorman:
    """Signs people in. Its connections keep no cookies."""

    street: Street
    http: aiohttp.ClientSession

    async def admin(self) -> Person:
        """Who runs the deployment, in a session of its own."""
        written = read_json(self.street.state.bootstrap)
        return await self.signed_in(written["admin_email"], written["admin_password"])

    async def signed_in(self, email: str, password: str) -> Person:
        return await self._opened("/api/session", {"email": email, "password": password}, password)

    async def invited(
        self, admin: Person, tenant: str, role: str, password: str = "a long sentence of theirs"
    ) -> Person:
        """A new user of an account, by the link that they were sent."""
        email = f"{role}-{secrets.token_hex(4)}@example.com"
        made = await self.sent("POST", "/api/admin/users", {"email": email, "role": role, "tenant": tenant}, admin)
        body = {"token": made["invite"]["token"], "password": password}
        return await self._opened("/api/session/password", body, password)

    async def sent(self, method: str, path: str, body: object, who: Person) -> Any:
        """The answer of a request that must succeed."""
        url = self.street.base_url + path
        async with self.http.request(method, url, json=body, headers=who.headers) as answer:
            assert answer.ok, (path, answer.status, await answer.text())
            return await answer.json()

    async def _opened(self, path: str, body: Mapping[str, str], password: str) -> Person:
        async with self.http.post(self.street.base_url + path, json=body) as answer:
            assert answer.ok, (path, answer.status, await answer.text())
            told = await answer.json()
            return Person(
                id=told["user"]["id"],
                email=told["user"]["email"],
                password=password,
                session=answer.cookies["ni_session"].value,
                refresh=answer.cookies["ni_refresh"].value,
                csrf=told["csrf_token"],
            )


@asynccontextmanager
async def doorman_of(street: Street) -> AsyncIterator[Doorman]:
    timeout = aiohttp.ClientTimeout(total=30)
    # A connection each: one on which a stream failed is closed a second later, whoever is just about to use it again.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as http:
        yield Doorman(street=street, http=http)
