"""Accounts and users over the API, and who may do what to whom."""

from typing import Any

import pytest

from libs.auth.keys import checksum_ok
from libs.auth.records import Role, UserRecord
from libs.auth.rights import Right, Standing
from libs.auth.webhooks import signing_secret
from libs.contracts.errors import AlreadyExists, InvalidRequest, NorthernError, NotFound, NotPermitted
from libs.contracts.northern.v1.account_pb2 import Actor
from tests.unit.accounts.rig import ALERTS, EVERY_TIER, Rig

PLATFORM = Actor(tenant="t_a", user_id="u_me", role="platform_admin")


async def test_a_new_account_has_a_first_key_shown_once(scene: Rig) -> None:
    made = await scene.ask(Right.TENANT_CREATE, PLATFORM, {"name": "Maple"})
    assert {"id", "name", "status", "api_key"} <= set(made)
    raw = made.pop("api_key")
    assert checksum_ok(raw)
    assert (made["name"], made["status"], made["currency"], made["time_zone"]) == ("Maple", "active", "CAD", "UTC")
    assert await scene.ask(Right.TENANT_GET, PLATFORM, id=made["id"]) == made
    (key,) = (await scene.ask(Right.KEY_LIST, scene.session(tenant=made["id"])))["data"]
    assert (key["last4"], sorted(key["allowed_tiers"])) == (raw[-4:], sorted(EVERY_TIER))
    assert raw.encode() not in scene.stored()


async def test_an_account_is_listed_and_changed_and_null_takes_a_rule_away(scene: Rig) -> None:
    body = {
        "name": "Maple",
        "currency": "CAD",
        "time_zone": "America/Toronto",
        "residency": ["CA"],
        "allowed_tiers": ["self_hosted"],
        "budget_per_month": 500,
    }
    scene.now_s += 1
    made = await scene.ask(Right.TENANT_CREATE, PLATFORM, body)
    assert {name: made[name] for name in body} == {**body, "budget_per_month": "500"}
    patch = {"name": "Oak", "status": "deactivated", "residency": None, "budget_per_month": None}
    changed = await scene.ask(Right.TENANT_CHANGE, PLATFORM, patch, id=made["id"])
    assert {name: changed[name] for name in patch} == {**patch, "residency": []}
    assert changed["allowed_tiers"] == ["self_hosted"]
    listed = await scene.ask(Right.TENANT_LIST, PLATFORM, limit=2)
    assert [one["id"] for one in listed["data"]] == ["t_a", "t_b"]
    after = await scene.ask(Right.TENANT_LIST, PLATFORM, cursor=listed["next"])
    assert [one["name"] for one in after["data"]] == ["Oak"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": "x", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"name": "x", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"name": "x", "time_zone": "/etc/passwd"}, "time_zone"),
        ({"name": "x", "time_zone": "right/UTC"}, "time_zone"),
        ({"name": "x", "time_zone": "localtime"}, "time_zone"),
        ({"name": "x", "currency": "cad"}, "currency"),
        ({"name": "x", "currency": "USD"}, "currency"),  # the ledger would count it as CAD
        ({"name": "x", "budget_per_month": -1}, "budget_per_month"),
        ({"name": "x", "alert_webhook": {"url": "http://a.b/c"}}, "alert_webhook.url"),
        ({"name": "x", "alert_webhook": {"url": "https://u:p@a.b/c"}}, "alert_webhook.url"),
        ({"name": "x", "alert_webhook": {"url": "https://[::1"}}, "alert_webhook.url"),
        ({"name": "x", "alert_webhook": {"secret": "s"}}, "alert_webhook"),
        ({"name": "x", "alert_thresholds": []}, "alert_thresholds"),
        ({"name": "x", "alert_thresholds": [0]}, "alert_thresholds"),
        ({"name": "x", "alert_thresholds": [101]}, "alert_thresholds"),
        ({"name": "x", "alert_thresholds": ["50"]}, "alert_thresholds"),
        ({"name": "x", "alert_thresholds": [True]}, "alert_thresholds"),
        ({"name": "x", "alert_thresholds": list(range(1, 12))}, "alert_thresholds"),
        ({"name": "x", "opening_deposit": "5"}, "opening_deposit"),
        ({"name": "x", "status": "gone"}, "status"),
    ],
    ids=str,
)
async def test_what_no_account_can_be_is_refused_by_name(scene: Rig, body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await scene.ask(Right.TENANT_CREATE, PLATFORM, body)
    assert refused.value.param.startswith(param)


async def test_a_currency_is_for_good_and_ones_own_account_stays_open(scene: Rig) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await scene.ask(Right.TENANT_CHANGE, PLATFORM, {"currency": "USD"}, id="t_b")
    assert refused.value.param == "currency"
    with pytest.raises(InvalidRequest, match="your own account"):
        await scene.ask(Right.TENANT_CHANGE, PLATFORM, {"status": "deactivated"}, id="t_a")
    with pytest.raises(NotFound):
        await scene.ask(Right.TENANT_CHANGE, PLATFORM, {"name": "x"}, id="t_nobody")


async def test_a_webhooks_secret_is_shown_when_it_is_set_and_stands_nowhere(scene: Rig) -> None:
    hook = {"alert_webhook": {"url": "https://ops.example/alerts"}}
    one = (await scene.ask(Right.TENANT_CHANGE, PLATFORM, hook, id="t_b"))["alert_webhook"]
    two = (await scene.ask(Right.TENANT_CHANGE, PLATFORM, hook, id="t_b"))["alert_webhook"]
    assert one["secret"] != two["secret"]
    await scene.desk.tenants.current()
    record = scene.desk.tenants.get("t_b")
    assert record is not None
    assert record.alert_webhook is not None
    assert two["secret"] == signing_secret(ALERTS, "t_b", record.alert_webhook.version)
    assert (await scene.ask(Right.TENANT_GET, PLATFORM, id="t_b"))["alert_webhook"] == hook["alert_webhook"]
    for shown in (one, two):
        assert shown["secret"].removeprefix("whsec_").encode() not in scene.stored()
    gone = await scene.ask(Right.TENANT_CHANGE, PLATFORM, {"alert_webhook": None}, id="t_b")
    assert gone["alert_webhook"] is None


async def test_thresholds_of_alerts_are_sorted_once_each_and_null_brings_the_usual_ones(scene: Rig) -> None:
    assert (await scene.ask(Right.TENANT_GET, PLATFORM, id="t_b"))["alert_thresholds"] == [50, 80, 100]
    for sent, kept in (([90, 10, 90], [10, 90]), (None, [50, 80, 100])):
        told = await scene.ask(Right.TENANT_CHANGE, PLATFORM, {"alert_thresholds": sent}, id="t_b")
        assert told["alert_thresholds"] == kept


async def test_a_user_is_invited_listed_changed_and_deactivated(scene: Rig) -> None:
    owner = await scene.user(Role.OWNER)
    made = await scene.ask(Right.USER_CREATE, owner, {"email": " Ann@Example.ca ", "name": "Ann", "role": "auditor"})
    made.pop("invite")
    assert (made["email"], made["status"], made["role"], made["tenant"]) == (
        "ann@example.ca",
        "invited",
        "auditor",
        "t_a",
    )
    assert made in (await scene.ask(Right.USER_LIST, owner))["data"]
    changed = await scene.ask(Right.USER_CHANGE, owner, {"role": "member", "name": "Anna"}, id=made["id"])
    assert changed == {**made, "role": "member", "name": "Anna"}
    with pytest.raises(InvalidRequest, match="no password yet"):
        await scene.ask(Right.USER_CHANGE, owner, {"status": "active"}, id=made["id"])
    gone = await scene.ask(Right.USER_CHANGE, owner, {"status": "deactivated"}, id=made["id"])
    assert gone["status"] == "deactivated"
    with pytest.raises(InvalidRequest, match="activate them first"):
        await scene.ask(Right.USER_INVITE, owner, id=made["id"])
    with pytest.raises(AlreadyExists):
        await scene.ask(Right.USER_CREATE, owner, {"email": "ann@example.ca"})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a b@c.d"}, "email"),
        ({"email": "a@" + "b" * 300}, "email"),
        ({"email": "a@b.c", "role": "root"}, "role"),
        ({"email": "a@b.c", "password": "x"}, "password"),
    ],
    ids=str,
)
async def test_what_no_user_can_be_is_refused_by_name(scene: Rig, body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await scene.ask(Right.USER_CREATE, scene.session(), body)
    assert refused.value.param == param


async def test_whoever_runs_the_deployment_invites_into_any_account(scene: Rig) -> None:
    made = await scene.ask(Right.USER_CREATE, PLATFORM, {"email": "o@b.c", "role": "owner", "tenant": "t_b"})
    assert (made["tenant"], made["role"]) == ("t_b", "owner")
    for tenant, who in (("t_nobody", PLATFORM), ("t_b", scene.session())):  # to its own owners another one is nobody
        with pytest.raises(NotFound) as refused:
            await scene.ask(Right.USER_CREATE, who, {"email": "p@b.c", "tenant": tenant})
        assert refused.value.param == "tenant"


async def test_another_accounts_users_are_not_there(scene: Rig) -> None:
    theirs = await scene.user(Role.MEMBER, "t_b")
    for right in (Right.USER_GET, Right.USER_CHANGE, Right.USER_INVITE):
        with pytest.raises(NotFound):
            await scene.ask(right, scene.session(), {}, id=theirs.user_id)
        assert await scene.ask(right, PLATFORM, {}, id=theirs.user_id)
    listed = await scene.ask(Right.USER_LIST, scene.session())
    assert theirs.user_id not in [user["id"] for user in listed["data"]]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("target", Role)
async def test_nobody_makes_changes_or_sends_a_link_to_a_role_beyond_their_own(
    scene: Rig, role: Role, target: Role
) -> None:
    may = {
        Role.ADMIN: {Role.MEMBER, Role.AUDITOR},
        Role.OWNER: set(Role) - {Role.PLATFORM_ADMIN},
        Role.PLATFORM_ADMIN: set(Role),
    }.get(role, set())
    them = await scene.user(target)
    asker = scene.session(role)
    for right, body, id_ in (
        (Right.USER_CREATE, {"email": "new@x.y", "role": target.value}, ""),
        (Right.USER_CHANGE, {"name": "x"}, them.user_id),
        (Right.USER_INVITE, {}, them.user_id),
    ):
        if target in may:
            await scene.ask(right, asker, body, id=id_)
        else:
            with pytest.raises(NotPermitted):
                await scene.ask(right, asker, body, id=id_)


async def test_an_admin_makes_nobody_an_owner_and_nobody_changes_their_own_role(scene: Rig) -> None:
    member = await scene.user(Role.MEMBER)
    with pytest.raises(NotPermitted) as refused:
        await scene.ask(Right.USER_CHANGE, scene.session(Role.ADMIN), {"role": "owner"}, id=member.user_id)
    assert refused.value.param == "role"
    owner = await scene.user(Role.OWNER)
    for body in ({"role": "member"}, {"status": "deactivated"}):
        with pytest.raises(InvalidRequest, match="your own user"):
            await scene.ask(Right.USER_CHANGE, owner, body, id=owner.user_id)
    assert (await scene.ask(Right.USER_CHANGE, owner, {"name": "Me"}, id=owner.user_id))["name"] == "Me"


async def test_deactivating_a_user_voids_their_link_and_their_sessions(scene: Rig) -> None:
    made = await scene.ask(Right.USER_CREATE, scene.session(), {"email": "a@b.c"})
    await scene.ask(Right.USER_CHANGE, scene.session(), {"status": "deactivated"}, id=made["id"])
    await scene.desk.users.current()
    (user,) = (one for one in scene.desk.users.of_tenant("t_a").values() if one.id == made["id"])
    assert isinstance(user, UserRecord)
    assert (user.invite, user.session_epoch) == (None, 1)


async def asker_of(scene: Rig, standing: Standing) -> Actor:
    return await scene.key() if standing is Standing.KEY else scene.session(Role(standing.value))


@pytest.mark.parametrize("standing", Standing)
async def test_only_whoever_runs_the_deployment_sees_accounts(scene: Rig, standing: Standing) -> None:
    asker = await asker_of(scene, standing)
    for right in (Right.TENANT_LIST, Right.TENANT_GET, Right.TENANT_CREATE, Right.TENANT_CHANGE, Right.BYOK_REWRAP):
        if standing is Standing.PLATFORM_ADMIN:
            await scene.ask(right, asker, {"name": "x"}, id="t_b")
        else:
            before = scene.stored()
            with pytest.raises(NotPermitted):
                await scene.ask(right, asker, {"name": "x"}, id="t_b")
            assert scene.stored().count(b"KV.tenants") == before.count(b"KV.tenants")


async def test_a_role_nobody_knows_and_an_account_that_is_gone_may_do_nothing(scene: Rig) -> None:
    for actor in (
        Actor(tenant="t_a", user_id="u", role="root"),
        Actor(tenant="t_a", user_id="u"),
        Actor(tenant="t_a", role="owner"),
        Actor(tenant="t_gone", user_id="u", role="owner"),
        Actor(tenant="t_a", key_digest="0" * 64),
        Actor(),
    ):
        for right in Right:
            with pytest.raises(NorthernError) as refused:
                await scene.ask(right, actor, {})
            assert refused.value.code in ("not_permitted", "account_deactivated", "invalid_api_key")


async def test_a_question_that_is_none_is_a_bad_request(scene: Rig) -> None:
    for respond in scene.verbs.values():
        assert b"invalid_request" in await respond(b"\xff\xff\xff")
