"""The account endpoints over HTTP: edge and accounts on one bus, keys, and who may do what to whom."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.auth import keys
from libs.auth.records import Role
from libs.auth.rights import RIGHTS, Standing
from services.ingress.api.account import ENDPOINTS, Endpoint, place_of
from tests.integration.ingress.account_street import OTHER, PASSWORD, SEED, Street, opened_street
from tests.integration.ingress.edge import KEY, PEPPER
from tests.support.broker import until


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with opened_street(tmp_path) as opened:
        yield opened


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
