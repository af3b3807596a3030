"""The account endpoints over HTTP: edge and accounts on one bus, keys and cookies as clients send them."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from libs.auth import keys
from libs.auth.records import KeyRecord, Role, TenantRecord, UserRecord, user_key
from libs.auth.rights import RIGHTS, Standing
from libs.bus.responder import answer
from libs.contracts.subjects import query
from services.ingress.account_api import ENDPOINTS, Endpoint, place_of
from tests.integration.ingress.edge import KEY, PEPPER, Edge, edge
from tests.support.broker import until
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


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with (
        edge() as opened,
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


@pytest.mark.parametrize(
    ("base", "prefix"),
    [("/api/keys", "ni_live_"), ("/api/v1/inference/keys", "inf_"), ("/api/v1/inference/v1/keys", "inf_")],
)
async def test_the_life_of_a_key_on_either_surface(street: Street, base: str, prefix: str) -> None:
    made = await street.send("POST", base, SEED)
    assert made.status == 201
    assert made.headers["Cache-Control"] == "no-store"
    key = made.json
    assert {"id", "key", "prefix", "last4", "name"} <= set(key)
    assert (key["prefix"], key["key"][-4:]) == (prefix, key["last4"])
    assert {name: key[name] for name in SEED} == SEED
    listed = (await street.send("GET", base)).json
    assert listed["object"] == "list"
    assert [one["id"] for one in listed["data"]] == ["k_one", key["id"]]
    assert key["key"] not in str(listed)
    await until(lambda: bool(street.rig.desk.keys.get(keys.digest(PEPPER, key["key"]))))
    changed = await street.send("PATCH", f"{base}/{key['id']}", {"optimize_mode": "cost"}, key=key["key"])
    assert (changed.status, changed.json["optimize_mode"]) == (200, "cost")
    assert (await street.send("GET", f"{base}/{key['id']}")).json == changed.json
    turned = await street.send("POST", f"{base}/{key['id']}/rotate", {"overlap_s": 0})
    assert turned.json["id"] == key["id"]
    refused = await street.send("GET", base, key=key["key"])
    assert (refused.status, refused.code) == (403, "key_revoked")
    gone = await street.send("DELETE", f"{base}/{key['id']}")
    assert (gone.status, gone.json["status"]) == (200, "revoked")
    for path in (base, "/v1/models"):
        refused = await street.send("GET", path, key=turned.json["key"])
        assert (refused.status, refused.code) == (403, "key_revoked")
        assert "revoked" in refused.json["error"]["message"]
    assert (await street.send("GET", base + "?status=all")).json["data"][1]["status"] == "revoked"


async def test_the_secret_before_a_rotation_may_do_what_its_key_may_do_now(street: Street) -> None:
    made = (await street.send("POST", "/api/keys", SEED)).json
    await street.send("POST", f"/api/keys/{made['id']}/rotate", {"overlap_s": 600})
    before = (await street.send("GET", "/v1/models", key=made["key"])).json["data"]
    await street.send("PATCH", f"/api/keys/{made['id']}", {"allowed_tiers": ["self_hosted"]})
    async with asyncio.timeout(1):
        while (await street.send("GET", "/v1/models", key=made["key"])).json["data"] == before:
            pass
    after = (await street.send("GET", "/v1/models", key=made["key"])).json["data"]
    assert 0 < len(after) < len(before)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.right.value)
async def test_nobody_without_a_good_key_or_session_learns_anything(street: Street, endpoint: Endpoint) -> None:
    path = path_of(endpoint, "k_one")
    for key, status in (("", 401), ("sk-whatever", 401), (KEY[:-1] + ("1" if KEY[-1] == "0" else "0"), 401)):
        reply = await street.send(endpoint.method, path, key=key)
        assert (reply.status, reply.code) == (status, "invalid_api_key")


@pytest.mark.parametrize("standing", Standing)
async def test_every_endpoint_is_refused_to_whoever_is_not_in_the_table(street: Street, standing: Standing) -> None:
    asker = street if standing is Standing.KEY else await street.user(Role(standing.value))
    for endpoint in ENDPOINTS:
        reply = await asker.send(endpoint.method, path_of(endpoint, "no_such"), {})
        if standing in RIGHTS[endpoint.right]:
            assert reply.status in (200, 201, 400, 404), (endpoint, reply.body)
        else:
            assert (reply.status, reply.code) == (403, "not_permitted"), (endpoint, reply.body)


async def test_the_other_accounts_ids_answer_404_everywhere(street: Street) -> None:
    theirs = await street.user(Role.OWNER, "t_two")
    key = (await theirs.send("POST", "/api/keys", SEED)).json
    user = (await theirs.send("POST", "/api/admin/users", {"email": "new@two.ca"})).json
    credential = {"api_key": "canary-0123456789abcdef"}
    assert (await theirs.send("PUT", "/api/byok/openai", credential)).status == 200
    ours = await street.user(Role.OWNER)
    ids = {"keys": key["id"], "admin/users": user["id"], "byok": "openai"}
    tried = 0
    for endpoint in ENDPOINTS:
        if endpoint.place == "" or endpoint.collection not in ids or endpoint.method == "PUT":
            continue
        for asker in (ours, street):
            if asker is street and Standing.KEY not in RIGHTS[endpoint.right]:
                continue
            reply = await asker.send(endpoint.method, path_of(endpoint, ids[endpoint.collection]), {})
            assert (reply.status, reply.code) == (404, "not_found"), (endpoint, reply.body)
            assert "t_two" not in str(reply.body)
            tried += 1
    assert tried == 13
    for path in ("/api/keys", "/api/v1/inference/keys", "/api/byok", "/api/admin/users"):
        listed = await ours.send("GET", path)
        assert "t_two" not in str(listed.body)
        assert key["id"] not in str(listed.body)
    assert (await theirs.send("GET", f"/api/keys/{key['id']}")).json["status"] == "active"
    assert (await theirs.send("GET", "/api/byok/openai")).json["last4"] == "cdef"


async def test_a_deactivated_account_is_refused_on_every_key_and_session_and_comes_back(street: Street) -> None:
    platform = await street.user(Role.PLATFORM_ADMIN)
    made = await platform.send("POST", "/api/admin/tenants", {"name": "Maple"})
    assert made.status == 201
    assert {"id", "name", "status", "api_key"} <= set(made.json)
    tenant, key = made.json["id"], made.json["api_key"]
    assert (await street.send("GET", "/api/keys", key=key)).status == 200
    owner = await street.user(Role.OWNER, tenant)
    path = f"/api/admin/tenants/{tenant}"
    assert (await platform.send("PATCH", path, {"status": "deactivated"})).json["status"] == "deactivated"
    async with asyncio.timeout(1):
        while (await street.send("GET", "/v1/models", key=key)).status == 200:
            pass
    for reply in (
        await street.send("GET", "/api/keys", key=key),
        await street.send("GET", "/v1/models", key=key),
        await street.send("POST", "/v1/chat/completions", {"model": "x", "messages": []}, key=key),
        await owner.send("GET", "/api/keys"),
        await owner.send("GET", "/api/session"),
    ):
        assert (reply.status, reply.code) == (403, "account_deactivated")
    await platform.send("PATCH", path, {"status": "active"})
    assert (await street.send("GET", "/api/keys", key=key)).status == 200
    assert (await owner.send("GET", "/api/keys")).status == 200


async def test_a_session_is_refreshed_and_a_spent_token_ends_it(street: Street) -> None:
    browser = await street.user(Role.OWNER)
    stolen = dict(browser.cookies)
    assert (await browser.bare("POST", "/api/session/refresh")).code == "csrf_failed"
    assert browser.kept(await browser.send("POST", "/api/session/refresh")).status == 200
    assert browser.cookies["ni_refresh"] != stolen["ni_refresh"]
    thief = Browser(street, browser.email, {"ni_refresh": stolen["ni_refresh"]}, browser.csrf)
    reused = await thief.send("POST", "/api/session/refresh")
    assert (reused.status, reused.code) == (401, "invalid_session")
    for cookies in (browser, Browser(street, browser.email, stolen, browser.csrf)):
        assert (await cookies.send("GET", "/api/session")).code == "invalid_session"
        assert (await cookies.send("POST", "/api/session/refresh")).code == "invalid_session"


async def test_cookies_are_for_browsers_alone_and_only_for_where_they_are_needed(street: Street) -> None:
    await street.user(Role.OWNER)
    reply = await Browser(street, "owner@t_one.ca").sign_in()
    session, refresh = reply.cookies["ni_session"], reply.cookies["ni_refresh"]
    assert (session["path"], session["samesite"], session["httponly"], int(session["max-age"])) == (
        "/",
        "Lax",
        True,
        900,
    )
    assert (refresh["path"], refresh["samesite"], refresh["httponly"]) == ("/api/session", "Strict", True)
    assert reply.json["user"]["role"] == "owner"
    assert "ni_" not in str({name: value for name, value in reply.json.items() if name != "csrf_token"})
    assert reply.headers["Cache-Control"] == "no-store"


async def test_signing_out_takes_the_cookies_back_and_ends_them(street: Street) -> None:
    browser = await street.user(Role.OWNER)
    assert (await browser.bare("DELETE", "/api/session")).code == "csrf_failed"
    out = await browser.send("DELETE", "/api/session")
    assert out.status == 200
    assert [(name, morsel.value, morsel["max-age"]) for name, morsel in out.cookies.items()] == [
        ("ni_refresh", "", "0"),
        ("ni_session", "", "0"),
    ]
    assert (await browser.send("GET", "/api/session")).status == 401
    assert (await browser.send("POST", "/api/session/refresh")).status == 401


async def test_a_change_by_cookie_needs_the_token_or_our_own_page(street: Street) -> None:
    browser = await street.user(Role.OWNER)
    own = {"Origin": street.origin, "Sec-Fetch-Site": "same-origin"}
    for headers in (
        {},
        {"x-csrf-token": "0" * 64},
        {"x-csrf-token": "\u00fc"},
        {"Origin": street.origin},
        {"Sec-Fetch-Site": "same-origin"},
        {**own, "Origin": "https://evil.example"},
        {**own, "Sec-Fetch-Site": "cross-site"},
        {**own, "Origin": "null"},
    ):
        for method, path in (("POST", "/api/keys"), ("PATCH", "/api/keys/k_one"), ("DELETE", "/api/keys/k_one")):
            reply = await browser.bare(method, path, SEED, headers=headers)
            assert (reply.status, reply.code) == (403, "csrf_failed"), headers
    assert (await browser.bare("POST", "/api/keys", SEED, headers=own)).status == 201
    assert (await browser.bare("GET", "/api/keys")).status == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_nobody_elses_page_signs_a_browser_in(street: Street, headers: dict[str, str]) -> None:
    browser = await street.user(Role.OWNER)
    given = {"email": browser.email, "password": PASSWORD}
    reply = await street.send("POST", "/api/session", given, key="", headers=headers)
    assert (reply.status, reply.code, reply.cookies) == (403, "csrf_failed", {})


async def test_a_key_wins_over_a_cookie_and_a_cookie_opens_nothing_but_api(street: Street) -> None:
    browser = await street.user(Role.OWNER, "t_two")
    cookie = {"Cookie": f"ni_session={browser.cookies['ni_session']}"}
    listed = (await street.send("GET", "/api/keys", headers=cookie)).json
    assert [one["id"] for one in listed["data"]] == ["k_one"]
    assert (await street.send("GET", "/v1/models", key="", headers=cookie)).status == 401


async def test_an_invited_user_sets_a_password_and_is_signed_in_and_changes_it(street: Street) -> None:
    owner = await street.user(Role.OWNER)
    invited = await owner.send("POST", "/api/admin/users", {"email": "new@one.ca", "role": "auditor"})
    assert invited.status == 201
    link = await owner.send("POST", f"/api/admin/users/{invited.json['id']}/invite")
    token = link.json["token"]
    assert link.json["url"].endswith("#" + token)
    new = Browser(street, "new@one.ca")
    short = await new.bare("POST", "/api/session/password", {"token": token, "password": "short"})
    assert (short.status, short.json["error"]["param"]) == (400, "password")
    given = {"token": token, "password": PASSWORD}
    assert new.kept(await new.bare("POST", "/api/session/password", given)).json["user"]["role"] == "auditor"
    assert (await new.bare("POST", "/api/session/password", given)).status == 401
    assert (await new.send("GET", "/api/keys")).status == 200
    assert (await new.send("POST", "/api/keys", SEED)).code == "not_permitted"
    change = {"current_password": PASSWORD, "password": OTHER}
    assert (await new.bare("POST", "/api/session/password", change)).code == "csrf_failed"
    before = dict(new.cookies)
    assert new.kept(await new.send("POST", "/api/session/password", change)).status == 200
    old = Browser(street, new.email, before, new.csrf)
    assert (await old.send("GET", "/api/session")).status == 401
    assert (await Browser(street, new.email).sign_in(OTHER)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/api/keys", 405),
        ("POST", "/api/keys/k_one", 405),
        ("GET", "/api/keys/k_one/rotate", 405),
        ("POST", "/api/keys/k_one/steal", 404),
        ("GET", "/api/keys/%2e%2e", 404),
        ("GET", "/api/keys/k.one", 404),
        ("GET", "/api/keys/" + "k" * 65, 404),
        ("PATCH", "/api/byok/openai", 405),
        ("PUT", "/api/session", 405),
        ("GET", "/api/session/refresh", 405),
        ("GET", "/api/session/nothing", 404),
        ("POST", "/api/admin/byok/elsewhere", 404),
    ],
)
async def test_other_methods_and_paths_say_what_is_there(street: Street, method: str, path: str, status: int) -> None:
    reply = await street.send(method, path, {})
    assert reply.status == status
    if status == 405:
        assert reply.headers["Allow"]


@pytest.mark.parametrize(
    ("path", "param"),
    [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=%C2%B2", "limit"),
     ("cursor=%2e", "cursor"), ("cursor=AAAA", "cursor"), ("status=gone", "status")],
)  # fmt: skip
async def test_a_page_that_cannot_be_is_refused_by_name(street: Street, path: str, param: str) -> None:
    reply = await street.send("GET", f"/api/keys?{path}")
    assert (reply.status, reply.json["error"]["param"]) == (400, param)


async def test_a_body_larger_than_64_kib_is_not_read(street: Street) -> None:
    for path in ("/api/keys", "/api/session"):
        reply = await street.send("POST", path, raw=b'{"name":"' + b"x" * (64 << 10) + b'"}')
        assert (reply.status, reply.code) == (413, "request_too_large")


async def test_a_member_that_is_wrong_is_named(street: Street) -> None:
    reply = await street.send("POST", "/api/keys", {"name": "x", "rate_limits": {"rpm": -1}})
    assert (reply.status, reply.json["error"]["param"]) == (400, "rate_limits.rpm")
    assert reply.json["error"]["type"] == "invalid_request_error"


async def test_when_accounts_is_away_the_edge_says_so_and_keys_go_on(street: Street) -> None:
    for sub in [sub for sub in street.edge.bus.subs if sub.pattern.startswith("ni.query.accounts")]:
        await sub.stop()
    reply = await street.send("GET", "/api/keys")
    assert (reply.status, reply.code) == (503, "overloaded")
    assert (await street.send("GET", "/v1/models")).status == 200


async def test_guessing_a_password_is_answered_with_when_to_try_again(street: Street) -> None:
    await street.user(Role.OWNER)
    guesser = Browser(street, "owner@t_one.ca")
    replies = [await guesser.sign_in("wrong") for _ in range(6)]
    assert [reply.status for reply in replies] == [401] * 5 + [429]
    assert replies[-1].headers["retry-after"] == "1"


async def test_no_secret_stands_in_a_bucket_or_a_line_of_the_log(
    street: Street, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = await street.user(Role.OWNER)
    key = (await street.send("POST", "/api/keys", SEED)).json
    turned = (await street.send("POST", f"/api/keys/{key['id']}/rotate", {})).json
    canary = "canary-0123456789abcdef"
    await owner.send("PUT", "/api/byok/openai", {"api_key": canary})
    await owner.send("PUT", "/api/byok/azure", {"api_key": canary, "resource": canary + "."})
    invited = (await owner.send("POST", "/api/admin/users", {"email": "new@one.ca"})).json
    await street.send("POST", "/api/session/password", {"token": invited["invite"]["token"], "password": OTHER}, key="")
    await owner.sign_in("wrong, and " + canary)
    secrets = (key["key"], turned["key"], canary, PASSWORD, OTHER, invited["invite"]["token"].partition(".")[2])
    said = capsys.readouterr()
    held = street.rig.stored().decode("utf-8", "replace") + said.out + said.err
    assert "account_changed" in said.out
    for secret in (*secrets, *owner.cookies.values()):
        assert secret not in held


def test_paths_lead_where_the_contract_says() -> None:
    assert place_of("/api/keys") == place_of("/api/keys/")
    assert place_of("/v1/keys") is None
    assert place_of("/api/keysx") is None
    assert place_of("/api/v1/inference/keysx") is None
    assert place_of("/api/admin") is None
    found = place_of("/api/v1/inference/keys/k_1/rotate")
    assert found is not None
    assert (found.thing, found.action, found.kind, found.inference) == ("k_1", "rotate", "rotate", True)


def path_of(endpoint: Endpoint, thing: str) -> str:
    tail = {"": "", "id": f"/{thing}"}.get(endpoint.place, f"/{thing}/{endpoint.place}")
    return f"/api/{endpoint.collection}" + (f"/{endpoint.place}" if endpoint.collection == "admin/byok" else tail)
