"""Keys over the API: what they become, how they change and how they are listed."""

from typing import Any

import pytest

from libs.auth.keys import checksum_ok
from libs.auth.rights import Right
from libs.contracts.errors import InvalidRequest
from tests.unit.accounts.made_keys import QWENS, SEED, accepted
from tests.unit.accounts.rig import EVERY_TIER, Rig


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
