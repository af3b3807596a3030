"""An edge with accounts behind it, on one bus, and browsers that are signed in there."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from libs.auth import keys
from libs.auth.records import KeyRecord, Role, TenantRecord, UserRecord, user_key
from libs.bus.responder import answer
from libs.contracts.subjects import query
from services.ingress.http.proxies import Proxies
from tests.integration.ingress.edge import KEY, NO_PROXIES, PEPPER, Edge, edge
from tests.unit.accounts.rig import Rig, passwords, rig

SEED = {"name": "Production", "model_pool": ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"], "optimize_mode": "balanced"}
PASSWORD = "right, and long enough"
OTHER = "another one, also long"


@dataclass
class Reply:
    """An answer, its cookies apart."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: dict[str, Any]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass
class Street:
    """An edge with accounts behind it. `t_one` has the key KEY; `t_two` is another account."""

    edge: Edge
    rig: Rig
    client: aiohttp.ClientSession

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.edge.port}"

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = KEY,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        data = raw if raw is not None else None if body is None else orjson.dumps(body)
        sent = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        async with self.client.request(method, self.origin + path, data=data, headers=sent) as response:
            found: dict[str, Any] = {}
            for line in response.headers.getall("Set-Cookie", ()):
                found.update(SimpleCookie(line))
            return Reply(response.status, response.headers, await response.read(), found)

    async def user(self, role: Role, tenant: str = "t_one") -> "Browser":
        email = f"{role.value}@{tenant}.ca"
        record = UserRecord(
            id=f"u_{role.value}_{tenant}",
            email=email,
            role=role,
            tenant=tenant,
            password_hash=passwords().hash(PASSWORD),
            created=self.rig.now(),
        )
        await self.rig.bus.put("users", user_key(email), record.to_bytes())
        browser = Browser(self, email)
        assert (await browser.sign_in()).status == 200
        return browser

    async def key_of(self, tenant: str) -> str:
        secret = keys.mint(keys.GATEWAY, lambda n: bytes(reversed(range(n))))
        record = KeyRecord(
            id="k_two",
            tenant=tenant,
            name="two",
            digest=keys.digest(PEPPER, secret),
            prefix=keys.GATEWAY,
            last4=keys.last4(secret),
            allowed_tiers=("self_hosted",),
            created=self.rig.now(),
        )
        await self.rig.bus.put("keys", record.digest, record.to_bytes())
        return secret


@dataclass
class Browser:
    """Keeps cookies and the CSRF token, as a page does."""

    street: Street
    email: str
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    async def sign_in(self, password: str = PASSWORD) -> Reply:
        return self.kept(await self.bare("POST", "/api/session", {"email": self.email, "password": password}))

    async def bare(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """With cookies, without any proof of where it comes from."""
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        cookie = {"Cookie": sent} if sent else {}
        return await self.street.send(method, path, body, key="", headers={**cookie, **(headers or {})})

    async def send(self, method: str, path: str, body: Any = None) -> Reply:
        return await self.bare(method, path, body, headers={"x-csrf-token": self.csrf})

    def kept(self, reply: Reply) -> Reply:
        if reply.status == 200:
            self.csrf = reply.json["csrf_token"]
            self.cookies |= {name: morsel.value for name, morsel in reply.cookies.items()}
        return reply


@asynccontextmanager
async def opened_street(tmp_path: Path, proxies: Proxies = NO_PROXIES) -> AsyncIterator[Street]:
    """Both, with a second account."""
    async with (
        edge(proxies=proxies) as opened,
        rig(tmp_path, opened.bus) as made,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
    ):
        made.now_s = time.time()
        await made.bus.put("tenants", "t_two", TenantRecord(id="t_two", name="Two", created=made.now()).to_bytes())
        sessions = ("sign_in", "session", "refresh", "sign_out", "password")
        verbs = {**made.verbs, **{name: getattr(made.accounts, name) for name in sessions}}
        for verb, respond in verbs.items():
            await answer(opened.bus, query("accounts", verb), "accounts", respond)
        yield Street(opened, made, client)
