"""Keys over the API: what they become, who may make which, and what happens when several change one at once."""

import asyncio
from typing import Any

import pytest

from libs.auth.keys import checksum_ok, digest
from libs.auth.principal import in_force, principal
from libs.auth.records import KeyRecord, Role
from libs.auth.rights import Right
from libs.bus.base import Conflict, Entry
from libs.contracts.errors import (
    AccountDeactivated,
    InvalidRequest,
    KeyRevoked,
    NorthernError,
    NotFound,
    NotPermitted,
)
from tests.unit.accounts.rig import EVERY_TIER, PEPPER, Rig

QWENS = ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"]
SEED = {"name": "Production", "model_pool": QWENS, "optimize_mode": "balanced"}


def record_of(scene: Rig, raw: str) -> KeyRecord:
    found = in_force(scene.desk.keys.get(digest(PEPPER, raw)), scene.desk.keys.get)
    assert found is not None
    return found.key


async def accepted(scene: Rig, raw: str) -> bool:
    await scene.desk.keys.current()
    found = in_force(scene.desk.keys.get(digest(PEPPER, raw)), scene.desk.keys.get)
    tenant = scene.desk.tenants.get(found.key.tenant) if found else None
    try:
        principal(found, tenant, round(scene.now_s * 1000))
    except KeyRevoked:
        return False
    return True


async def test_a_new_key_is_shown_once_and_has_what_was_asked_for(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    raw = made.pop("key")
    assert raw.startswith("ni_live_")
    assert checksum_ok(raw)
    assert (made["prefix"], made["last4"]) == ("ni_live_", raw[-4:])
    assert (made["name"], made["model_pool"], made["optimize_mode"]) == ("Production", QWENS, "balanced")
    assert sorted(made["allowed_tiers"]) == sorted(EVERY_TIER)
    assert made["created"] == scene.now_s
    listed = await scene.ask(Right.KEY_LIST, scene.session())
    assert listed == {"object": "list", "data": [made], "next": None}
    assert await scene.ask(Right.KEY_GET, scene.session(), id=made["id"]) == made
    assert raw.encode() not in scene.stored()


async def test_the_inference_surface_makes_its_own_kind(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED, inference=True)
    assert made["key"].startswith("inf_")
    assert checksum_ok(made["key"])


async def test_every_member_is_kept(scene: Rig) -> None:
    body = {
        "name": " Build  server ",
        "allowed_tiers": ["provider_api"],
        "residency": ["CA", "EU"],
        "model_pool": ["claude-sonnet-4-5-20250929"],
        "optimize_mode": "cost",
        "byok": True,
        "max_spend_per_day": "12.50",
        "rate_limits": {"rpm": 5, "tpm": 6, "concurrency": 7},
        "expires_at": "2026-03-02T00:00:00+01:00",
    }
    made = await scene.ask(Right.KEY_CREATE, scene.session(), body)
    kept = {name: made[name] for name in body}
    changed = {"name": "Build  server", "max_spend_per_day": "12.5", "expires_at": "2026-03-01T23:00:00Z"}
    assert kept == {**body, **changed}


@pytest.mark.parametrize(
    ("amount", "kept"), [(0, "0"), ("0.00", "0"), (12.5, "12.5"), ("1e3", "1000"), ("0.000000001", "0.000000001")]
)
async def test_an_amount_may_be_a_text_or_a_number(scene: Rig, amount: Any, kept: str) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), {"max_spend_per_day": amount})
    assert made["max_spend_per_day"] == kept


async def test_an_expiry_may_be_unix_seconds(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), {"expires_at": int(scene.now_s) + 60})
    assert made["expires_at"] == "2026-03-01T00:01:00Z"
    assert await accepted(scene, made["key"])
    scene.now_s += 60
    assert not await accepted(scene, made["key"])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"nmae": "x"}, "nmae"),
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": "x" * 129}, "name"),
    ({"name": 5}, "name"),
    ({"allowed_tiers": ["gold"]}, "allowed_tiers"),
    ({"allowed_tiers": []}, "allowed_tiers"),
    ({"allowed_tiers": "provider_api"}, "allowed_tiers"),
    ({"residency": ["ca"]}, "residency"),
    ({"residency": ["Canada"]}, "residency"),
    ({"residency": ["XX"]}, "residency"),
    ({"residency": "CA"}, "residency"),
    ({"model_pool": ["no/such-model"]}, "model_pool"),
    ({"model_pool": ["Qwen/Qwen3-14B"] * 101}, "model_pool"),
    ({"optimize_mode": "fastest"}, "optimize_mode"),
    ({"optimize_mode": None}, "optimize_mode"),
    ({"byok": "yes"}, "byok"),
    ({"byok": 1}, "byok"),
    ({"max_spend_per_day": -1}, "max_spend_per_day"),
    ({"max_spend_per_day": "-0.01"}, "max_spend_per_day"),
    ({"max_spend_per_day": 10**12}, "max_spend_per_day"),
    ({"max_spend_per_day": "1e400"}, "max_spend_per_day"),
    ({"max_spend_per_day": "NaN"}, "max_spend_per_day"),
    ({"max_spend_per_day": "Infinity"}, "max_spend_per_day"),
    ({"max_spend_per_day": "0.0000000001"}, "max_spend_per_day"),
    ({"max_spend_per_day": True}, "max_spend_per_day"),
    ({"max_spend_per_day": "ten"}, "max_spend_per_day"),
    ({"rate_limits": {"rpm": 0}}, "rate_limits.rpm"),
    ({"rate_limits": {"tpm": -5}}, "rate_limits.tpm"),
    ({"rate_limits": {"rpm": 1.5}}, "rate_limits.rpm"),
    ({"rate_limits": {"concurrency": 10**9}}, "rate_limits.concurrency"),
    ({"rate_limits": {"rps": 1}}, "rate_limits.rps"),
    ({"rate_limits": 5}, "rate_limits"),
    ({"expires_at": "tomorrow"}, "expires_at"),
    ({"expires_at": "2026-03-02T00:00:00"}, "expires_at"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
    ({"expires_at": 10**15}, "expires_at"),
    ({"expires_at": True}, "expires_at"),
    ({"id": "k_mine"}, "id"),
    ({"status": "active"}, "status"),
    ({"tenant": "t_b"}, "tenant"),
]


@pytest.mark.parametrize(("body", "param"), BAD, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("right", [Right.KEY_CREATE, Right.KEY_CHANGE])
async def test_what_cannot_be_is_refused_by_name_and_changes_nothing(
    scene: Rig, right: Right, body: dict[str, Any], param: str
) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    before = scene.stored()
    with pytest.raises(InvalidRequest) as refused:
        await scene.ask(right, scene.session(), body, id=made["id"])
    assert refused.value.param == param
    assert param in refused.value.message
    assert scene.stored() == before


@pytest.mark.parametrize("raw", [b"[]", b"5", b'"x"', b"{", b"\xff", b'{"name":"\\ud800"}', b"[" * 100_000])
async def test_what_is_no_object_is_refused(scene: Rig, raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await scene.ask(Right.KEY_CREATE, scene.session(), raw)


async def test_a_patch_changes_what_it_names_and_null_takes_a_restriction_away(scene: Rig) -> None:
    body = {**SEED, "residency": ["CA"], "max_spend_per_day": "5", "rate_limits": {"rpm": 5, "tpm": 6}}
    made = await scene.ask(Right.KEY_CREATE, scene.session(), body)
    patch = {"name": "Next", "rate_limits": {"tpm": None, "concurrency": 3}, "residency": None}
    changed = await scene.ask(Right.KEY_CHANGE, scene.session(), patch, id=made["id"])
    made.pop("key")
    limits = {"rpm": 5, "tpm": None, "concurrency": 3}
    assert changed == {**made, "name": "Next", "residency": [], "rate_limits": limits}
    cleared = await scene.ask(
        Right.KEY_CHANGE, scene.session(), {"rate_limits": None, "max_spend_per_day": None}, id=made["id"]
    )
    assert cleared["rate_limits"] == {"rpm": None, "tpm": None, "concurrency": None}
    assert cleared["max_spend_per_day"] is None


async def test_a_revoked_key_is_refused_for_good_and_stays_on_record(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    gone = await scene.ask(Right.KEY_REVOKE, scene.session(), id=made["id"])
    assert (gone["status"], gone["deleted"], gone["revoked_at"]) == ("revoked", True, "2026-03-01T00:00:00Z")
    assert not await accepted(scene, made["key"])
    assert (await scene.ask(Right.KEY_REVOKE, scene.session(), id=made["id"]))["revoked_at"] == gone["revoked_at"]
    assert (await scene.ask(Right.KEY_LIST, scene.session()))["data"] == []
    listed = await scene.ask(Right.KEY_LIST, scene.session(), everything=True)
    assert [key["status"] for key in listed["data"]] == ["revoked"]
    assert (await scene.ask(Right.KEY_GET, scene.session(), id=made["id"]))["status"] == "revoked"
    for right in (Right.KEY_CHANGE, Right.KEY_ROTATE):
        with pytest.raises(InvalidRequest, match="revoked, for good"):
            await scene.ask(right, scene.session(), {}, id=made["id"])


async def test_a_rotated_key_keeps_its_id_and_both_secrets_are_good_until_the_overlap_is_over(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED, inference=True)
    fresh = await scene.ask(Right.KEY_ROTATE, scene.session(), {"overlap_s": 60}, id=made["id"])
    assert fresh["id"] == made["id"]
    assert fresh["key"].startswith("inf_")
    assert fresh["key"] != made["key"]
    assert fresh["previous"] == [{"last4": made["last4"], "expires_at": "2026-03-01T00:01:00Z"}]
    assert [key["last4"] for key in (await scene.ask(Right.KEY_LIST, scene.session()))["data"]] == [fresh["last4"]]
    assert await accepted(scene, made["key"])
    assert await accepted(scene, fresh["key"])
    await scene.ask(Right.KEY_CHANGE, scene.session(), {"residency": ["CA"]}, id=made["id"])
    await scene.desk.keys.current()
    assert record_of(scene, made["key"]).residency == ("CA",)
    scene.now_s += 60
    assert not await accepted(scene, made["key"])
    assert await accepted(scene, fresh["key"])


async def test_revoking_ends_every_secret_a_key_has_had(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    turns = [await scene.ask(Right.KEY_ROTATE, scene.session(), {}, id=made["id"]) for _ in range(3)]
    raws = [made["key"], *(turn["key"] for turn in turns)]
    assert all([await accepted(scene, raw) for raw in raws])
    await scene.ask(Right.KEY_REVOKE, scene.session(), id=made["id"])
    assert not any([await accepted(scene, raw) for raw in raws])


async def test_a_key_has_no_more_than_sixteen_earlier_secrets_at_once(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    for _ in range(16):
        await scene.ask(Right.KEY_ROTATE, scene.session(), {"overlap_s": 600}, id=made["id"])
    with pytest.raises(InvalidRequest, match="16 earlier secrets"):
        await scene.ask(Right.KEY_ROTATE, scene.session(), {}, id=made["id"])
    scene.now_s += 600
    await scene.ask(Right.KEY_ROTATE, scene.session(), {}, id=made["id"])


@pytest.mark.parametrize("overlap", [-1, 30 * 86_400 + 1, "60", None, 1.5])
async def test_an_overlap_is_between_nothing_and_a_month(scene: Rig, overlap: Any) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    with pytest.raises(InvalidRequest) as refused:
        await scene.ask(Right.KEY_ROTATE, scene.session(), {"overlap_s": overlap}, id=made["id"])
    assert refused.value.param == "overlap_s"


WIDER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"allowed_tiers": ("self_hosted",)}, {"allowed_tiers": ["self_hosted", "provider_api"]}, "allowed_tiers"),
    ({"residency": ("CA",)}, {"residency": ["CA", "US"]}, "residency"),
    ({"residency": ("CA",)}, {"residency": []}, "residency"),
    ({"byok": False}, {"byok": True}, "byok"),
    ({"expires_at": "2026-04-01T00:00:00Z"}, {"expires_at": "2026-04-02T00:00:00Z"}, "expires_at"),
]


@pytest.mark.parametrize(("own", "wanted", "param"), WIDER, ids=lambda value: str(value)[:40])
async def test_a_key_makes_no_key_that_may_do_more_than_itself(
    scene: Rig, own: dict[str, Any], wanted: dict[str, Any], param: str
) -> None:
    asker = await scene.key(**own)
    with pytest.raises(NotPermitted) as refused:
        await scene.ask(Right.KEY_CREATE, asker, wanted)
    assert refused.value.param == param
    inherited = await scene.ask(Right.KEY_CREATE, asker, {"name": "child"})
    for name, value in own.items():
        assert inherited[name] == (list(value) if isinstance(value, tuple) else value)
    with pytest.raises(NotPermitted):  # nor does it make itself so
        await scene.ask(Right.KEY_CHANGE, asker, wanted, id=inherited["id"])


COUNTED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"max_spend_per_day": "9.5"}, {"max_spend_per_day": "10"}, "max_spend_per_day"),
    ({"max_spend_per_day": "9.5"}, {"max_spend_per_day": None}, "max_spend_per_day"),
    ({"rate_limits": {"rpm": 5}}, {"rate_limits": {"rpm": 6}}, "rate_limits.rpm"),
    ({"rate_limits": {"rpm": 5}}, {"rate_limits": None}, "rate_limits.rpm"),
]


@pytest.mark.parametrize(("own", "wanted", "param"), COUNTED, ids=lambda value: str(value)[:40])
async def test_a_key_with_a_cap_or_a_rate_gets_it_a_second_time_through_no_other_key(
    scene: Rig, own: dict[str, Any], wanted: dict[str, Any], param: str
) -> None:
    asker = await scene.key(**own)
    (itself,) = (await scene.ask(Right.KEY_LIST, asker))["data"]
    twin = await scene.ask(Right.KEY_CREATE, scene.session(), {**own, "name": "twin"})
    for right, body, place in (
        (Right.KEY_CREATE, {"name": "child"}, {}),
        (Right.KEY_CHANGE, {"name": "mine"}, {"id": twin["id"]}),
        (Right.KEY_ROTATE, {}, {"id": twin["id"]}),
    ):
        with pytest.raises(NotPermitted, match="neither makes nor changes other keys"):
            await scene.ask(right, asker, body, **place)
    with pytest.raises(NotPermitted) as refused:
        await scene.ask(Right.KEY_CHANGE, asker, wanted, id=itself["id"])
    assert refused.value.param == param
    assert (await scene.ask(Right.KEY_CHANGE, asker, {"name": "mine"}, id=itself["id"]))["name"] == "mine"
    assert (await scene.ask(Right.KEY_ROTATE, asker, {}, id=itself["id"]))["id"] == itself["id"]
    assert (await scene.ask(Right.KEY_REVOKE, asker, id=twin["id"]))["deleted"]


async def test_a_narrow_key_neither_rotates_nor_changes_a_wider_one_but_may_revoke_it(scene: Rig) -> None:
    wide = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    narrow = await scene.key(residency=("CA",))
    for right in (Right.KEY_ROTATE, Right.KEY_CHANGE):
        with pytest.raises(NotPermitted):
            await scene.ask(right, narrow, {}, id=wide["id"])
    assert (await scene.ask(Right.KEY_REVOKE, narrow, id=wide["id"]))["deleted"]


async def test_another_accounts_key_is_not_there(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(tenant="t_b"), SEED)
    before = scene.stored()
    for asker in (scene.session(), await scene.key("t_a"), scene.session(Role.PLATFORM_ADMIN)):
        before = scene.stored()
        for right in (Right.KEY_GET, Right.KEY_CHANGE, Right.KEY_REVOKE, Right.KEY_ROTATE):
            for key_id in (made["id"], "k_nobodys"):
                with pytest.raises(NotFound, match="There is no such key"):
                    await scene.ask(right, asker, {}, id=key_id)
    assert scene.stored() == before


async def test_a_key_that_was_revoked_or_whose_account_is_closed_asks_in_vain(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    asker = await scene.key()
    await scene.ask(Right.KEY_REVOKE, asker, id=made["id"])
    record = scene.desk.keys.get(asker.key_digest)
    assert record is not None
    await scene.ask(Right.KEY_REVOKE, scene.session(), id=record.id)
    with pytest.raises(KeyRevoked):
        await scene.ask(Right.KEY_LIST, asker)
    other = await scene.key("t_b")
    await scene.tenant("t_b", status="deactivated")
    with pytest.raises(AccountDeactivated):
        await scene.ask(Right.KEY_LIST, other)


async def test_lists_come_a_page_at_a_time_and_each_key_once(scene: Rig) -> None:
    names = [f"key {n}" for n in range(7)]
    for name in names:
        await scene.ask(Right.KEY_CREATE, scene.session(), {"name": name})
        scene.now_s += 1
    found: list[str] = []
    cursor = ""
    pages = 0
    while True:
        page = await scene.ask(Right.KEY_LIST, scene.session(), cursor=cursor, limit=3)
        found += [key["name"] for key in page["data"]]
        pages += 1
        if page["next"] is None:
            break
        cursor = page["next"]
    assert (found, pages) == (names, 3)
    for cursor in ("x", "AAAA", "-" * 20):
        with pytest.raises(InvalidRequest) as refused:
            await scene.ask(Right.KEY_LIST, scene.session(), cursor=cursor)
        assert refused.value.param == "cursor"


@pytest.fixture
def crowded(scene: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading a record and writing it everybody else gets a turn, as on a real broker."""
    get = scene.bus.get

    async def reads_and_waits(bucket: str, key: str) -> Entry | None:
        found = await get(bucket, key)
        await asyncio.sleep(0.001)
        return found

    monkeypatch.setattr(scene.bus, "get", reads_and_waits)


@pytest.mark.usefixtures("crowded")
async def test_no_change_is_lost_when_many_change_one_key_at_once(scene: Rig) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    patches: list[dict[str, Any]] = [
        {"name": "Next"},
        {"residency": ["CA"]},
        {"max_spend_per_day": "3"},
        {"rate_limits": {"rpm": 1}},
        {"rate_limits": {"tpm": 2}},
        {"rate_limits": {"concurrency": 3}},
        {"byok": True},
        {"optimize_mode": "cost"},
    ]
    rotation = scene.ask(Right.KEY_ROTATE, scene.session(), {}, id=made["id"])
    changes = (scene.ask(Right.KEY_CHANGE, scene.session(), patch, id=made["id"]) for patch in patches)
    fresh, *_ = await asyncio.gather(rotation, *changes)
    key = await scene.ask(Right.KEY_GET, scene.session(), id=made["id"])
    assert key["last4"] == fresh["last4"]
    limits = {"rpm": 1, "tpm": 2, "concurrency": 3}
    wanted = {name: value for patch in patches for name, value in patch.items()} | {"rate_limits": limits}
    assert {name: key[name] for name in wanted} == wanted


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("times", range(5))
async def test_a_rotation_and_a_revocation_at_once_leave_no_good_secret(scene: Rig, times: int) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    got = await asyncio.gather(
        *(scene.ask(Right.KEY_ROTATE, scene.session(), {}, id=made["id"]) for _ in range(3)),
        scene.ask(Right.KEY_REVOKE, scene.session(), id=made["id"]),
        return_exceptions=True,
    )
    raws = [made["key"], *(one["key"] for one in got if isinstance(one, dict) and "key" in one)]
    assert not any([await accepted(scene, raw) for raw in raws])
    assert all(isinstance(one, dict | NorthernError) for one in got)


async def test_a_rotation_that_died_halfway_has_changed_nothing(scene: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)
    put = scene.bus.put

    async def dies(bucket: str, key: str, value: bytes, *, revision: int | None = None) -> int:
        if b'"superseded_by":"' in value:
            raise ZeroDivisionError
        return await put(bucket, key, value, revision=revision)

    monkeypatch.setattr(scene.bus, "put", dies)
    with pytest.raises(ZeroDivisionError):
        await scene.ask(Right.KEY_ROTATE, scene.session(), {}, id=made["id"])
    monkeypatch.undo()
    assert await accepted(scene, made["key"])
    changed = await scene.ask(Right.KEY_CHANGE, scene.session(), {"name": "Still"}, id=made["id"])
    assert (changed["last4"], changed["previous"]) == (made["last4"], [])
    listed = await scene.ask(Right.KEY_LIST, scene.session(), everything=True)
    assert [key["name"] for key in listed["data"]] == ["Still"]
    await scene.ask(Right.KEY_REVOKE, scene.session(), id=made["id"])
    assert all(key.status == "revoked" for key in scene.desk.keys.of_tenant("t_a").values())


async def test_a_record_that_others_keep_changing_is_given_up_on_and_not_overwritten(
    scene: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await scene.ask(Right.KEY_CREATE, scene.session(), SEED)

    async def always_late(*_: Any, **__: Any) -> int:
        raise Conflict("keys")

    monkeypatch.setattr(scene.bus, "put", always_late)
    with pytest.raises(NorthernError) as refused:
        await scene.ask(Right.KEY_CHANGE, scene.session(), {"name": "x"}, id=made["id"])
    assert (refused.value.code, refused.value.retryable) == ("overloaded", True)
