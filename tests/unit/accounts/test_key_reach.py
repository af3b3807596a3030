"""What a key may do to others: none that may do more than itself, and none of another account."""

from typing import Any

import pytest

from libs.auth.records import Role
from libs.auth.rights import Right
from libs.contracts.errors import AccountDeactivated, KeyRevoked, NotFound, NotPermitted
from tests.unit.accounts.made_keys import SEED
from tests.unit.accounts.rig import Rig

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
