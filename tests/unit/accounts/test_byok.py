"""An account's own credentials: taken in, never given out, sealed for one place, wrapped anew when the key turns."""

import os
from typing import Any

import orjson
import pytest

from libs.auth.envelopes import CannotOpen, open_credential, read_ring, retired, turned, write_ring
from libs.auth.records import ByokRecord, Role
from libs.auth.rights import Right
from libs.contracts.errors import InvalidRequest, NotFound, NotPermitted, RouteUnavailable
from services.accounts.api.byok import ring_reader
from tests.unit.accounts.rig import Rig

CANARY = "canary-0123456789abcdef"
PEM = "-----BEGIN PRIVATE KEY-----\n" + "QUJD" * 40 + "\n-----END PRIVATE KEY-----\n"
ACCOUNT = {
    "type": "service_account",
    "project_id": "maple-prod",
    "private_key_id": "0123456789abcdef",
    "private_key": PEM,
    "client_email": "ni@maple-prod.iam.gserviceaccount.com",
    "token_uri": "https://evil.example/token",
}
GOOD: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, str]]] = [
    ("openai", {"api_key": CANARY}, {"last4": "cdef"}, {"api_key": CANARY}),
    ("anthropic", {"api_key": CANARY}, {"last4": "cdef"}, {"api_key": CANARY}),
    ("azure", {"api_key": CANARY, "resource": "maple-east"}, {"resource": "maple-east"}, {"api_key": CANARY}),
    ("bedrock", {"api_key": CANARY, "region": "ca-central-1"}, {"region": "ca-central-1"}, {"api_key": CANARY}),
    (
        "bedrock",
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": CANARY, "region": "ca-central-1"},
        {"last4": "MPLE"},
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": CANARY},
    ),
    (
        "vertex",
        {"service_account": ACCOUNT, "region": "northamerica-northeast1"},
        {"project": "maple-prod", "region": "northamerica-northeast1", "last4": "cdef"},
        {name: ACCOUNT[name] for name in ("project_id", "private_key_id", "private_key", "client_email")},
    ),
]


async def stored(scene: Rig, provider: str, tenant: str = "t_a") -> ByokRecord:
    entry = await scene.bus.get("byok", f"{tenant}.{provider}")
    assert entry is not None
    return ByokRecord.from_bytes(entry.value)


@pytest.mark.parametrize(("provider", "body", "shown", "secret"), GOOD, ids=[f"{n}{g[0]}" for n, g in enumerate(GOOD)])
async def test_a_credential_is_sealed_shown_as_four_characters_and_opens_in_the_worker(
    scene: Rig, provider: str, body: dict[str, Any], shown: dict[str, Any], secret: dict[str, str]
) -> None:
    put = await scene.ask(Right.BYOK_PUT, scene.session(), body, id=provider)
    got = await scene.ask(Right.BYOK_GET, scene.session(), id=provider)
    listed = await scene.ask(Right.BYOK_LIST, scene.session())
    assert put == got == listed["data"][0]
    assert {name: got[name] for name in shown} == shown
    for place in (orjson.dumps([put, got, listed]), scene.stored()):
        assert CANARY.encode() not in place
        assert b"QUJDQUJD" not in place
        assert b"evil.example" not in place
    ring = read_ring(scene.kek_file.read_bytes())
    assert open_credential(ring, await stored(scene, provider)) == secret


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("openai", {}, "api_key"),
    ("openai", {"api_key": "short"}, "api_key"),
    ("openai", {"api_key": "has a space in it, so it is none"}, "api_key"),
    ("openai", {"api_key": CANARY, "base_url": "https://evil.example"}, "base_url"),
    ("anthropic", {"api_key": 5}, "api_key"),
    ("azure", {"api_key": CANARY}, "resource"),
    ("azure", {"api_key": CANARY, "resource": "evil.example/x"}, "resource"),
    ("azure", {"api_key": CANARY, "resource": "a.b"}, "resource"),
    ("bedrock", {"api_key": CANARY}, "region"),
    ("bedrock", {"api_key": CANARY, "region": "ca-central-1.evil.example"}, "region"),
    ("bedrock", {"region": "ca-central-1"}, ""),
    ("bedrock", {"region": "ca-central-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE"}, ""),
    (
        "bedrock",
        {"region": "ca-central-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "api_key": CANARY},
        "",
    ),
    ("vertex", {"service_account": ACCOUNT, "region": "moon-1"}, "region"),
    (
        "vertex",
        {"service_account": {**ACCOUNT, "client_email": "a@evil.example"}, "region": "northamerica-northeast1"},
        "service_account.client_email",
    ),
    (
        "vertex",
        {"service_account": ACCOUNT, "project": "../x", "region": "northamerica-northeast1"},
        "project",
    ),
]


@pytest.mark.parametrize(("provider", "body", "param"), BAD, ids=lambda value: str(value)[:40])
async def test_what_is_no_credential_is_refused_by_name_and_not_repeated(
    scene: Rig, provider: str, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await scene.ask(Right.BYOK_PUT, scene.session(), body, id=provider)
    assert refused.value.param == param
    assert CANARY not in refused.value.message
    assert await scene.bus.get("byok", f"t_a.{provider}") is None


async def test_a_provider_nobody_knows_takes_none(scene: Rig) -> None:
    for right in (Right.BYOK_PUT, Right.BYOK_GET, Right.BYOK_DELETE):
        with pytest.raises(NotFound, match="openai, anthropic"):
            await scene.ask(right, scene.session(), {"api_key": CANARY}, id="mistral")
        if right is not Right.BYOK_PUT:
            with pytest.raises(NotFound, match="No credential"):
                await scene.ask(right, scene.session(), id="openai")


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR, Role.ADMIN])
async def test_only_an_owner_has_to_do_with_credentials(scene: Rig, role: Role) -> None:
    for asker in (scene.session(role), await scene.key()):
        for right in (Right.BYOK_PUT, Right.BYOK_GET, Right.BYOK_LIST, Right.BYOK_DELETE):
            with pytest.raises(NotPermitted):
                await scene.ask(right, asker, {"api_key": CANARY}, id="openai")


async def test_accounts_do_not_see_each_others_credentials(scene: Rig) -> None:
    await scene.ask(Right.BYOK_PUT, scene.session(tenant="t_b"), {"api_key": CANARY}, id="openai")
    assert (await scene.ask(Right.BYOK_LIST, scene.session()))["data"] == []
    for right in (Right.BYOK_GET, Right.BYOK_DELETE):
        with pytest.raises(NotFound):
            await scene.ask(right, scene.session(), id="openai")


async def test_an_envelope_swapped_between_accounts_does_not_open(scene: Rig) -> None:
    for tenant in ("t_a", "t_b"):
        await scene.ask(Right.BYOK_PUT, scene.session(tenant=tenant), {"api_key": CANARY}, id="openai")
    ring = read_ring(scene.kek_file.read_bytes())
    ours, theirs = await stored(scene, "openai"), await stored(scene, "openai", "t_b")
    with pytest.raises(CannotOpen):
        open_credential(ring, ours.model_copy(update={"envelope": theirs.envelope, "version": theirs.version}))


async def test_a_version_never_comes_back_so_an_old_envelope_opens_nowhere(scene: Rig) -> None:
    await scene.ask(Right.BYOK_PUT, scene.session(), {"api_key": CANARY}, id="openai")
    old = await stored(scene, "openai")
    await scene.ask(Right.BYOK_DELETE, scene.session(), id="openai")
    with pytest.raises(NotFound):
        await scene.ask(Right.BYOK_GET, scene.session(), id="openai")
    scene.now_s += 1
    await scene.ask(Right.BYOK_PUT, scene.session(), {"api_key": "another-0123456789"}, id="openai")
    await scene.ask(Right.BYOK_PUT, scene.session(), {"api_key": "a-third-0123456789"}, id="openai")
    new = await stored(scene, "openai")
    assert new.version > old.version + 1
    ring = read_ring(scene.kek_file.read_bytes())
    with pytest.raises(CannotOpen):
        open_credential(ring, new.model_copy(update={"envelope": old.envelope}))


async def test_when_the_key_turns_everything_is_wrapped_anew_and_the_old_key_may_go(scene: Rig) -> None:
    for tenant in ("t_a", "t_b"):
        await scene.ask(Right.BYOK_PUT, scene.session(tenant=tenant), {"api_key": CANARY}, id="openai")
    platform = scene.session(Role.PLATFORM_ADMIN)
    assert (await scene.ask(Right.BYOK_REWRAP, platform))["rewrapped"] == 0
    ring = turned(read_ring(scene.kek_file.read_bytes()), os.urandom)
    scene.kek_file.write_bytes(write_ring(ring))
    done = await scene.ask(Right.BYOK_REWRAP, platform)
    assert (done["current"], done["rewrapped"], done["unopened"]) == (ring.current, 2, 0)
    alone = retired(ring)
    for tenant in ("t_a", "t_b"):
        assert open_credential(alone, await stored(scene, "openai", tenant)) == {"api_key": CANARY}
    scene.kek_file.write_bytes(write_ring(turned(turned(retired(ring), os.urandom), os.urandom)))
    assert (await scene.ask(Right.BYOK_REWRAP, platform))["rewrapped"] == 2


async def test_what_the_ring_cannot_open_is_counted_and_left(scene: Rig) -> None:
    await scene.ask(Right.BYOK_PUT, scene.session(), {"api_key": CANARY}, id="openai")
    scene.kek_file.write_bytes(b"kek-x " + b"0" * 64)
    before = await stored(scene, "openai")
    done = await scene.ask(Right.BYOK_REWRAP, scene.session(Role.PLATFORM_ADMIN))
    assert (done["rewrapped"], done["unopened"]) == (0, 1)
    assert await stored(scene, "openai") == before


async def test_without_keys_it_says_what_the_operator_has_to_do(scene: Rig) -> None:
    with pytest.raises(RouteUnavailable, match="NI_KEK_FILE"):
        ring_reader(None)()
    scene.kek_file.unlink()
    with pytest.raises(RouteUnavailable, match="operator"):
        await scene.ask(Right.BYOK_PUT, scene.session(), {"api_key": CANARY}, id="openai")
