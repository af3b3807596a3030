"""Signing in with what the bootstrap wrote: cookie, who am I, a call by cookie, signing out."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any

import orjson
import pytest

from libs.embedded.state import read_json
from tests.clients.asking import QWEN, user
from tests.e2e.edge import Edge
from tests.support.street import Street

pytestmark = pytest.mark.street

CHAT = "/api/v1/inference/chat/completions"
GOOD: dict[str, Any] = {"model": QWEN, "messages": user("Repeat this line exactly: signed in")}


@pytest.fixture
def admin(street: Street) -> Mapping[str, str]:
    written = read_json(street.state.bootstrap)
    return {"email": written["admin_email"], "password": written["admin_password"]}


async def signed_in(edge: Edge, admin: Mapping[str, str]) -> tuple[str, str]:
    """The cookie's value and the CSRF token."""
    reply = await edge.send("POST", "/api/session", body=admin, key="")
    assert reply.status == 200, reply.body
    cookie = SimpleCookie(reply.headers["set-cookie"])["ni_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert reply.json["user"]["email"] == admin["email"]
    return cookie.value, reply.json["csrf_token"]


async def test_the_administrator_signs_in_is_known_and_signs_out(edge: Edge, admin: Mapping[str, str]) -> None:
    cookie, csrf = await signed_in(edge, admin)
    headers = {"Cookie": f"ni_session={cookie}"}
    who = await edge.send("GET", "/api/session", key="", headers=headers)
    assert who.json["user"]["email"] == admin["email"]
    assert who.json["csrf_token"] == csrf
    assert (await edge.send("DELETE", "/api/session", key="", headers=headers)).error["code"] == "csrf_failed"
    out = await edge.send("DELETE", "/api/session", key="", headers={**headers, "x-csrf-token": csrf})
    assert out.status == 200
    assert SimpleCookie(out.headers["set-cookie"])["ni_session"].value == ""


async def test_a_session_may_chat_on_the_inference_surface_with_its_token_alone(
    edge: Edge, admin: Mapping[str, str]
) -> None:
    cookie, csrf = await signed_in(edge, admin)
    headers = {"Cookie": f"ni_session={cookie}"}
    assert (await edge.send("POST", CHAT, body=GOOD, key="", headers=headers)).error["code"] == "csrf_failed"
    reply = await edge.send("POST", CHAT, body=GOOD, key="", headers={**headers, "x-csrf-token": csrf})
    assert reply.json["choices"][0]["message"]["content"] == "signed in"
    record = await edge.send("GET", f"/api/usage/custody/{reply.headers['x-ni-request-id']}", key="", headers=headers)
    assert record.status == 200
    on_v1 = await edge.send(
        "POST", "/v1/chat/completions", body=GOOD, key="", headers={**headers, "x-csrf-token": csrf}
    )
    assert on_v1.status == 401


async def test_a_call_from_our_own_pages_needs_no_token(edge: Edge, street: Street, admin: Mapping[str, str]) -> None:
    cookie, _ = await signed_in(edge, admin)
    own = {"Cookie": f"ni_session={cookie}", "Origin": street.base_url, "Sec-Fetch-Site": "same-origin"}
    assert (await edge.send("POST", CHAT, body=GOOD, key="", headers=own)).status == 200
    foreign = {**own, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await edge.send("POST", CHAT, body=GOOD, key="", headers=foreign)).status == 403


async def test_a_wrong_password_and_an_unknown_address_are_told_apart_by_nobody(
    edge: Edge, admin: Mapping[str, str]
) -> None:
    wrong = await edge.send("POST", "/api/session", body={**admin, "password": "wrong"}, key="")
    unknown = await edge.send("POST", "/api/session", body={**admin, "email": "nobody@example.com"}, key="")
    assert (wrong.status, unknown.status) == (401, 401)
    assert wrong.error == unknown.error
    assert "set-cookie" not in wrong.headers


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b'"x"', b"{}", b'{"email":5,"password":5}', orjson.dumps({"email": "a@b.c"})]
)
async def test_a_sign_in_that_is_none_is_a_400(edge: Edge, body: bytes) -> None:
    assert (await edge.send("POST", "/api/session", body=body, key="")).status == 400


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "caf\u00e9", "%00"])
async def test_a_cookie_of_nobody_is_not_signed_in(edge: Edge, cookie: str) -> None:
    reply = await edge.send("GET", "/api/session", key="", headers={"Cookie": f"ni_session={cookie}"})
    assert (reply.status, reply.error["code"]) == (401, "invalid_session")
