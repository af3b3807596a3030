"""Signing in, who a session speaks for, refreshing, signing out, and another password."""

import asyncio
import threading

import orjson
import pytest
from argon2 import PasswordHasher

from libs.auth.records import Role, TenantStatus, UserRecord, UserStatus, user_key
from libs.auth.rights import Right
from libs.auth.sessions import REFRESH_S, SESSION_S, issue
from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.account_pb2 import PasswordChange, Refresh, SessionGot, SessionOf, SignIn
from services.accounts.domain import ADMIN_EMAIL, first_tenant, first_user
from tests.unit.accounts.rig import NOW_S, SESSION_KEYS, Rig, passwords

RIGHT = "right, and long enough"
OTHER = "another one, also long"


async def settle(scene: Rig, status: TenantStatus = TenantStatus.ACTIVE, **changed: object) -> UserRecord:
    tenant = first_tenant(scene.now()).model_copy(update={"status": status})
    await scene.bus.put("tenants", tenant.id, tenant.to_bytes())
    user = first_user("u_a", passwords().hash(RIGHT), scene.now()).model_copy(update=changed)
    await scene.bus.put("users", user_key(user.email), user.to_bytes())
    return user


async def sign_in(scene: Rig, email: str = ADMIN_EMAIL, password: str = RIGHT, client: str = "1.2.3.4") -> SessionGot:
    asked = SignIn(email=email, password=password, client=client).SerializeToString()
    return SessionGot.FromString(await scene.accounts.sign_in(asked))


async def session(scene: Rig, token: str) -> SessionGot:
    return SessionGot.FromString(await scene.accounts.session(SessionOf(token=token).SerializeToString()))


async def refresh(scene: Rig, opened: SessionGot, *, own_page: bool = False, csrf: str | None = None) -> SessionGot:
    proof = opened.csrf_token if csrf is None else csrf
    asked = Refresh(token=opened.refresh_token, csrf_token=proof, own_page=own_page)
    return SessionGot.FromString(await scene.accounts.refresh(asked.SerializeToString()))


async def change(scene: Rig, **given: str) -> SessionGot:
    asked = PasswordChange(**given).SerializeToString()
    return SessionGot.FromString(await scene.accounts.password(asked))


async def stored_user(scene: Rig) -> UserRecord:
    entry = await scene.bus.get("users", user_key(ADMIN_EMAIL))
    assert entry is not None
    return UserRecord.from_bytes(entry.value)


async def test_the_right_password_opens_a_session_that_is_known_again(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene, " Admin@Northern.local")
    assert not opened.HasField("failure")
    assert (opened.expires_in_s, opened.refresh_in_s) == (SESSION_S, REFRESH_S)
    assert SESSION_S <= 15 * 60
    user = {"id": "u_a", "email": ADMIN_EMAIL, "name": "", "role": "platform_admin", "tenant": "t_first"}
    assert orjson.loads(opened.user) == user
    scene.now_s += 100
    known = await session(scene, opened.token)
    assert orjson.loads(known.user) == user
    assert known.csrf_token == opened.csrf_token
    assert (known.token, known.expires_in_s) == ("", SESSION_S - 100)


@pytest.mark.parametrize(("email", "password"), [(ADMIN_EMAIL, "wrong"), ("nobody@x.y", RIGHT), ("", "")])
async def test_wrong_password_and_unknown_user_are_told_apart_by_nobody(scene: Rig, email: str, password: str) -> None:
    await settle(scene)
    got = await sign_in(scene, email, password)
    assert got.failure.code == "invalid_credentials"
    assert got.failure.message == "The e-mail address or the password is wrong."
    assert not got.token


async def test_guessing_is_slowed_even_for_the_right_password_and_only_from_there(scene: Rig) -> None:
    await settle(scene)
    for _ in range(5):
        assert (await sign_in(scene, password="wrong")).failure.code == "invalid_credentials"
    slowed = await sign_in(scene)
    assert (slowed.failure.code, "1 s" in slowed.failure.message) == ("rate_limit_exceeded", True)
    assert (await sign_in(scene, "other@x.y")).failure.code == "invalid_credentials"
    assert (await sign_in(scene, client="5.6.7.8")).token
    scene.now_s += 1
    assert (await sign_in(scene)).token


async def test_the_deactivated_do_not_get_in_and_a_running_session_ends(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene)
    await settle(scene, TenantStatus.DEACTIVATED)
    assert (await sign_in(scene)).failure.code == "account_deactivated"
    assert (await session(scene, opened.token)).failure.code == "account_deactivated"
    assert (await refresh(scene, opened)).failure.code == "account_deactivated"
    await settle(scene, status=TenantStatus.ACTIVE)
    deactivated = first_user("u_a", passwords().hash(RIGHT), scene.now())
    deactivated = deactivated.model_copy(update={"status": UserStatus.DEACTIVATED})
    await scene.bus.put("users", user_key(ADMIN_EMAIL), deactivated.to_bytes())
    assert (await sign_in(scene)).failure.code == "account_deactivated"
    assert (await session(scene, opened.token)).failure.code == "account_deactivated"


async def test_a_session_outlives_neither_its_time_nor_its_user(scene: Rig) -> None:
    await settle(scene)
    token = (await sign_in(scene)).token
    await settle(scene, id="u_another")
    assert (await session(scene, token)).failure.code == "invalid_session"
    await settle(scene)
    assert (await session(scene, token)).token == ""
    scene.now_s += SESSION_S
    assert (await session(scene, token)).failure.code == "invalid_session"


async def test_a_token_without_its_sign_in_on_record_is_no_session(scene: Rig) -> None:
    user = await settle(scene)
    token, _ = issue(SESSION_KEYS, user, session_id="s1", now_s=NOW_S)
    assert (await session(scene, token)).failure.code == "invalid_session"


async def test_a_session_has_the_role_of_now(scene: Rig) -> None:
    await settle(scene)
    token = (await sign_in(scene)).token
    await settle(scene, role=Role.AUDITOR)
    assert orjson.loads((await session(scene, token)).user)["role"] == "auditor"


async def test_a_refresh_gives_new_tokens_of_the_same_session_past_the_end_of_the_first(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene)
    scene.now_s += SESSION_S + 1
    fresh = await refresh(scene, opened)
    assert fresh.csrf_token == opened.csrf_token
    assert fresh.refresh_token not in ("", opened.refresh_token)
    assert fresh.refresh_in_s == REFRESH_S - SESSION_S - 1
    assert orjson.loads((await session(scene, fresh.token)).user)["id"] == "u_a"
    assert (await refresh(scene, fresh, own_page=True, csrf="")).token


async def test_a_refresh_token_used_twice_ends_the_session_for_both_who_hold_it(scene: Rig) -> None:
    await settle(scene)
    stolen = await sign_in(scene)
    fresh = await refresh(scene, stolen)
    again = await refresh(scene, stolen)
    assert (again.failure.code, "twice" in again.failure.message) == ("invalid_session", True)
    assert (await session(scene, fresh.token)).failure.code == "invalid_session"
    assert (await refresh(scene, fresh)).failure.code == "invalid_session"
    assert (await sign_in(scene)).token


async def test_of_two_refreshes_at_once_at_most_one_gets_tokens(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene)
    got = await asyncio.gather(*(refresh(scene, opened) for _ in range(4)))
    assert sum(bool(one.token) for one in got) <= 1
    assert (await session(scene, opened.token)).failure.code == "invalid_session"


async def test_a_refresh_needs_proof_of_our_own_page_and_is_not_spent_without(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene)
    assert (await refresh(scene, opened, csrf="")).failure.code == "csrf_failed"
    assert (await refresh(scene, opened, csrf="ü")).failure.code == "csrf_failed"
    assert (await refresh(scene, opened)).token


@pytest.mark.parametrize("token", ["", "x", "nir_.", "nir_a." + "0" * 38, "nii_a." + "0" * 38, "nir_" + "a" * 5000])
async def test_what_is_no_refresh_token_refreshes_nothing(scene: Rig, token: str) -> None:
    asked = Refresh(token=token, own_page=True).SerializeToString()
    got = SessionGot.FromString(await scene.accounts.refresh(asked))
    assert got.failure.code == "invalid_session"


async def test_a_sign_in_ends_after_a_fortnight_however_often_it_is_refreshed(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene)
    scene.now_s += REFRESH_S - 10
    fresh = await refresh(scene, opened)
    scene.now_s += 11
    assert (await refresh(scene, fresh)).failure.code == "invalid_session"
    assert (await session(scene, fresh.token)).failure.code == "invalid_session"


async def test_signing_out_ends_both_tokens_at_once(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene)
    out = SessionGot.FromString(await scene.accounts.sign_out(SessionOf(token=opened.token).SerializeToString()))
    assert not out.HasField("failure")
    assert (await session(scene, opened.token)).failure.code == "invalid_session"
    assert (await refresh(scene, opened)).failure.code == "invalid_session"


async def test_another_password_ends_every_other_session_and_opens_a_new_one(scene: Rig) -> None:
    await settle(scene)
    one, two = await sign_in(scene), await sign_in(scene)
    assert (await change(scene, session=one.token, current="wrong", password=OTHER)).failure.code == (
        "invalid_credentials"
    )
    short = await change(scene, session=one.token, current=RIGHT, password="short")
    assert (short.failure.code, short.failure.param) == ("invalid_request", "password")
    fresh = await change(scene, session=one.token, current=RIGHT, password=OTHER)
    assert (await session(scene, fresh.token)).csrf_token
    for old in (one, two):
        assert (await session(scene, old.token)).failure.code == "invalid_session"
        assert (await refresh(scene, old)).failure.code == "invalid_session"
    assert (await sign_in(scene)).failure.code == "invalid_credentials"
    assert (await sign_in(scene, password=OTHER)).token


async def test_guesses_at_the_present_password_slow_nobody_elses_change(scene: Rig) -> None:
    user, mine = await settle(scene), await sign_in(scene)
    for number in range(25):
        guesser = user.model_copy(update={"id": f"u_{number}", "email": f"guesser{number}@x.y"})
        await scene.bus.put("users", user_key(guesser.email), guesser.to_bytes())
        opened = await sign_in(scene, guesser.email)
        for _ in range(5):
            wrong = await change(scene, session=opened.token, current="wrong", password=OTHER)
            assert wrong.failure.code == "invalid_credentials"
        assert (await change(scene, session=opened.token, current=RIGHT, password=OTHER)).failure.code == (
            "rate_limit_exceeded"
        )
    assert (await change(scene, session=mine.token, current=RIGHT, password=OTHER)).token


async def test_a_link_sets_a_password_once_and_signs_in(scene: Rig) -> None:
    await settle(scene)
    made = await scene.ask(
        Right.USER_CREATE, scene.session(Role.OWNER), {"email": "New@x.y", "name": "New", "role": "member"}
    )
    assert (await sign_in(scene, "new@x.y", OTHER)).failure.code == "invalid_credentials"
    token = made["invite"]["token"]
    assert made["invite"]["url"].endswith(f"/portal/invite#{token}")
    assert (
        await change(scene, invite=token[:-1] + ("1" if token[-1] == "0" else "0"), password=OTHER)
    ).failure.code == "invalid_session"
    twice = await asyncio.gather(*(change(scene, invite=token, password=OTHER) for _ in range(2)))
    assert sorted(bool(got.token) for got in twice) == [False, True]
    assert (await change(scene, invite=token, password=RIGHT)).failure.code == "invalid_session"
    assert orjson.loads((await sign_in(scene, "new@x.y", OTHER)).user)["role"] == "member"


async def test_a_link_ends_after_three_days_and_a_newer_one_voids_it(scene: Rig) -> None:
    made = await scene.ask(Right.USER_CREATE, scene.session(), {"email": "new@x.y"})
    first = made["invite"]["token"]
    second = (await scene.ask(Right.USER_INVITE, scene.session(), id=made["id"]))["token"]
    assert (await change(scene, invite=first, password=OTHER)).failure.code == "invalid_session"
    scene.now_s += 3 * 86_400
    assert (await change(scene, invite=second, password=OTHER)).failure.code == "invalid_session"


async def test_a_link_that_is_replaced_while_its_password_is_hashed_is_void(
    scene: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await scene.ask(Right.USER_CREATE, scene.session(), {"email": "new@x.y"})
    hashing, go_on = threading.Event(), threading.Event()

    def slow(password: str) -> str:
        hashing.set()
        go_on.wait(5)
        return "hashed"

    monkeypatch.setattr(scene.accounts.passwords, "hash", slow)
    using = asyncio.create_task(change(scene, invite=made["invite"]["token"], password=OTHER))
    await asyncio.to_thread(hashing.wait, 5)
    await scene.ask(Right.USER_INVITE, scene.session(), id=made["id"])
    go_on.set()
    assert (await using).failure.code == "invalid_session"


async def test_an_old_hash_is_made_new_at_the_next_right_password(scene: Rig) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(RIGHT)
    await settle(scene, password_hash=old)
    assert (await sign_in(scene)).token
    fresh = (await stored_user(scene)).password_hash
    assert fresh != old
    assert not passwords().verify(fresh, RIGHT).stale
    assert (await sign_in(scene)).token


async def test_a_broker_that_is_down_and_nonsense_are_answered_as_what_they_are(scene: Rig) -> None:
    await settle(scene)
    nonsense = SessionGot.FromString(await scene.accounts.sign_in(b"\xff\xff"))
    assert nonsense.failure.code == "invalid_request"
    assert isinstance(scene.bus, MemoryBus)
    scene.bus.fail()
    assert (await sign_in(scene)).failure.code == "bus_unavailable"
    scene.bus.heal()


async def test_an_unreadable_user_is_no_user(scene: Rig) -> None:
    await settle(scene)
    await scene.bus.put("users", user_key(ADMIN_EMAIL), b"{}")
    assert (await sign_in(scene)).failure.code == "invalid_credentials"


async def test_no_password_and_no_token_stands_in_any_bucket(scene: Rig) -> None:
    await settle(scene)
    opened = await sign_in(scene)
    fresh = await refresh(scene, opened)
    made = await scene.ask(Right.USER_CREATE, scene.session(), {"email": "new@x.y"})
    await change(scene, invite=made["invite"]["token"], password=OTHER)
    secrets = (RIGHT, OTHER, opened.token, opened.refresh_token, fresh.refresh_token, made["invite"]["token"])
    held = scene.stored()
    assert b"u_a" in held
    for secret in secrets:
        assert secret.rpartition(".")[2].encode() not in held
