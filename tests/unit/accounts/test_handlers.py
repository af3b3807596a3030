"""Signing in and asking who a session speaks for."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
import pytest
from argon2 import PasswordHasher

from libs.auth.passwords import Passwords
from libs.auth.records import Role, TenantStatus, UserRecord, UserStatus, user_key
from libs.auth.sessions import SESSION_S, issue, read_keys
from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.query_pb2 import SessionGot, SessionOf, SignIn
from services.accounts.domain import ADMIN_EMAIL, first_tenant, first_user
from services.accounts.handlers import Accounts

NOW_S = 1_772_323_200
NOW = datetime.fromtimestamp(NOW_S, UTC)
PASSWORDS = Passwords()
KEYS = read_keys(bytes(range(32)))
USER = first_user("u_a", PASSWORDS.hash("right"), NOW)


@dataclass
class Scene:
    """Accounts with one user, and a clock that a test turns."""

    now_s: float = NOW_S
    bus: MemoryBus = field(default_factory=MemoryBus)

    def __post_init__(self) -> None:
        self.accounts = Accounts(
            bus=self.bus,
            passwords=PASSWORDS,
            session_keys=KEYS,
            now_s=lambda: self.now_s,
            new_session_id=lambda: "s1",
        )

    async def settle(self, user: UserRecord = USER, status: TenantStatus = TenantStatus.ACTIVE) -> None:
        tenant = first_tenant(NOW).model_copy(update={"status": status})
        await self.bus.put("tenants", tenant.id, tenant.to_bytes())
        await self.bus.put("users", user_key(user.email), user.to_bytes())

    async def sign_in(self, email: str = ADMIN_EMAIL, password: str = "right") -> SessionGot:
        asked = SignIn(email=email, password=password).SerializeToString()
        return SessionGot.FromString(await self.accounts.sign_in(asked))

    async def session(self, token: str) -> SessionGot:
        return SessionGot.FromString(await self.accounts.session(SessionOf(token=token).SerializeToString()))


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.settle()
    return made


async def test_the_right_password_opens_a_session_that_is_known_again(scene: Scene) -> None:
    opened = await scene.sign_in(" Admin@Northern.local")
    assert not opened.HasField("failure")
    assert opened.expires_in_s == SESSION_S
    user = {"id": "u_a", "email": ADMIN_EMAIL, "role": "admin", "tenant": "t_first"}
    assert orjson.loads(opened.user) == user
    scene.now_s += 100
    known = await scene.session(opened.token)
    assert orjson.loads(known.user) == user
    assert known.csrf_token == opened.csrf_token
    assert (known.token, known.expires_in_s) == ("", SESSION_S - 100)


@pytest.mark.parametrize(("email", "password"), [(ADMIN_EMAIL, "wrong"), ("nobody@x.y", "right"), ("", "")])
async def test_wrong_password_and_unknown_user_are_told_apart_by_nobody(
    scene: Scene, email: str, password: str
) -> None:
    got = await scene.sign_in(email, password)
    assert got.failure.code == "invalid_credentials"
    assert got.failure.message == "The e-mail address or the password is wrong."
    assert not got.token


async def test_guessing_is_slowed_even_for_the_right_password_and_only_for_that_address(scene: Scene) -> None:
    for _ in range(5):
        assert (await scene.sign_in(password="wrong")).failure.code == "invalid_credentials"
    slowed = await scene.sign_in()
    assert (slowed.failure.code, "1 s" in slowed.failure.message) == ("rate_limit_exceeded", True)
    assert (await scene.sign_in("other@x.y")).failure.code == "invalid_credentials"
    scene.now_s += 1
    assert (await scene.sign_in()).token


async def test_the_deactivated_do_not_get_in_and_a_running_session_ends(scene: Scene) -> None:
    token = (await scene.sign_in()).token
    await scene.settle(status=TenantStatus.DEACTIVATED)
    assert (await scene.sign_in()).failure.code == "account_deactivated"
    assert (await scene.session(token)).failure.code == "account_deactivated"
    await scene.settle(USER.model_copy(update={"status": UserStatus.DEACTIVATED}))
    assert (await scene.sign_in()).failure.code == "account_deactivated"
    assert (await scene.session(token)).failure.code == "account_deactivated"


async def test_a_session_outlives_neither_its_time_nor_its_user(scene: Scene) -> None:
    token = (await scene.sign_in()).token
    await scene.settle(USER.model_copy(update={"id": "u_another"}))
    assert (await scene.session(token)).failure.code == "invalid_session"
    await scene.settle()
    scene.now_s += SESSION_S
    assert (await scene.session(token)).failure.code == "invalid_session"


async def test_a_session_has_the_role_of_now(scene: Scene) -> None:
    token, _ = issue(KEYS, USER, session_id="s1", now_s=NOW_S)
    await scene.settle(USER.model_copy(update={"role": Role.AUDITOR}))
    assert orjson.loads((await scene.session(token)).user)["role"] == "auditor"


async def test_an_old_hash_is_made_new_at_the_next_right_password(scene: Scene) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")
    await scene.settle(USER.model_copy(update={"password_hash": old}))
    assert (await scene.sign_in()).token
    entry = await scene.bus.get("users", user_key(ADMIN_EMAIL))
    assert entry is not None
    fresh = UserRecord.from_bytes(entry.value).password_hash
    assert fresh != old
    assert not PASSWORDS.verify(fresh, "right").stale
    assert (await scene.sign_in()).token


async def test_a_broker_that_is_down_and_nonsense_are_answered_as_what_they_are(scene: Scene) -> None:
    nonsense = SessionGot.FromString(await scene.accounts.sign_in(b"\xff\xff"))
    assert nonsense.failure.code == "invalid_request"
    scene.bus.fail()
    assert (await scene.sign_in()).failure.code == "bus_unavailable"


async def test_an_unreadable_user_is_no_user(scene: Scene) -> None:
    await scene.bus.put("users", user_key(ADMIN_EMAIL), b"{}")
    assert (await scene.sign_in()).failure.code == "invalid_credentials"
