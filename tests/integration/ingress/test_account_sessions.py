"""Sessions over HTTP: edge and accounts on one bus, cookies and passwords as browsers send them."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from libs.auth.records import Role
from services.ingress.http.proxies import Proxies
from tests.integration.ingress.account_street import OTHER, PASSWORD, SEED, Browser, Street, opened_street


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with opened_street(tmp_path) as opened:
        yield opened


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


async def test_who_comes_back_late_signs_out_by_the_refresh_cookie(street: Street) -> None:
    browser = await street.user(Role.OWNER)
    late = Browser(street, browser.email, {"ni_refresh": browser.cookies["ni_refresh"]}, browser.csrf)
    assert (await late.bare("DELETE", "/api/session")).code == "csrf_failed"
    assert (await late.send("DELETE", "/api/session")).json == {"signed_out": True}
    assert (await late.send("POST", "/api/session/refresh")).code == "invalid_session"
    assert (await browser.send("GET", "/api/session")).code == "invalid_session"
    assert (await Browser(street, browser.email, {}, browser.csrf).send("DELETE", "/api/session")).status == 401


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


async def test_guessing_a_password_is_answered_with_when_to_try_again(street: Street) -> None:
    await street.user(Role.OWNER)
    guesser = Browser(street, "owner@t_one.ca")
    replies = [await guesser.sign_in("wrong") for _ in range(6)]
    assert [reply.status for reply in replies] == [401] * 5 + [429]
    assert replies[-1].headers["retry-after"] == "1"


async def test_behind_a_proxy_that_is_trusted_a_guesser_slows_nobody_else(tmp_path: Path) -> None:
    async with opened_street(tmp_path, Proxies([ip_network("127.0.0.1")])) as street:
        await street.user(Role.OWNER)
        browser = Browser(street, "owner@t_one.ca")
        statuses = []
        for password, client in [*[("wrong", "203.0.113.5")] * 5, (PASSWORD, "203.0.113.5"), (PASSWORD, "203.0.113.6")]:
            given = {"email": browser.email, "password": password}
            reply = await browser.bare("POST", "/api/session", given, headers={"X-Forwarded-For": client})
            statuses.append(reply.status)
    assert statuses == [401] * 5 + [429, 200]
