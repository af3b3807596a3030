"""Secrets of keys: turned, ended, and what happens when several change one key at once."""

import asyncio
from typing import Any

import pytest

from libs.auth.rights import Right
from libs.bus.base import Conflict, Entry
from libs.contracts.errors import InvalidRequest, NorthernError
from tests.unit.accounts.made_keys import SEED, accepted, record_of
from tests.unit.accounts.rig import Rig


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
