"""Google Cloud's tokens: kept while they hold, renewed ahead of their end, by one refresh at a time."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from libs.contracts.errors import RouteUnavailable
from services.worker.providers.vertex.credentials import GivenToken, Token, Tokens, application_default

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Source:
    """Gives `t1`, `t2` … for an hour each; waits where it is held up, fails where it is told to."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.calls, self.failing = clock, 0, False
        self.running = self.most = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self) -> Token:
        self.running += 1
        self.most = max(self.most, self.running)
        self.go.wait(5)
        self.calls += 1
        self.running -= 1
        if self.failing:
            raise ValueError("secret-word")
        return Token(value=f"t{self.calls}", ends=self.clock.now + timedelta(hours=1), project="p")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> Source:
    return Source(clock)


async def settled(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110 - a thread's doing, which sets no event of this loop
            await asyncio.sleep(0.005)


async def test_many_at_once_cause_one_refresh_and_later_ones_none(clock: Clock, source: Source) -> None:
    tokens = Tokens(source, clock)
    got = await asyncio.gather(*(tokens.current() for _ in range(50)))
    assert {token.value for token in got} == {"t1"}
    clock.now += timedelta(minutes=54)
    assert (await tokens.current()).value == "t1"
    assert (source.calls, source.most) == (1, 1)


async def test_near_its_end_a_token_still_serves_while_the_next_is_fetched_behind_it(
    clock: Clock, source: Source
) -> None:
    tokens = Tokens(source, clock)
    await tokens.current()
    source.go.clear()
    clock.now += timedelta(minutes=56)
    assert [(await tokens.current()).value for _ in range(5)] == ["t1"] * 5
    source.go.set()
    await settled(lambda: source.calls == 2 and source.running == 0)
    await asyncio.sleep(0.01)
    assert (await tokens.current()).value == "t2"
    assert source.most == 1


async def test_a_token_that_has_ended_is_never_given(clock: Clock, source: Source) -> None:
    tokens = Tokens(source, clock)
    await tokens.current()
    clock.now += timedelta(minutes=59, seconds=45)
    assert (await tokens.current()).value == "t2"


async def test_a_failed_renewal_harms_nobody_while_the_token_holds(clock: Clock, source: Source) -> None:
    tokens = Tokens(source, clock)
    await tokens.current()
    source.failing = True
    clock.now += timedelta(minutes=56)
    assert (await tokens.current()).value == "t1"
    await settled(lambda: source.calls == 2)
    await asyncio.sleep(0.01)
    for _ in range(3):
        assert (await tokens.current()).value == "t1"
    assert source.calls == 2  # not once for every request
    clock.now += timedelta(minutes=4)
    with pytest.raises(RouteUnavailable) as error:
        await tokens.current()
    assert "secret-word" not in error.value.message
    source.failing = False
    assert (await tokens.current()).value == "t4"


async def test_a_refresh_that_hangs_is_waited_for_so_long_and_not_begun_twice(clock: Clock, source: Source) -> None:
    tokens = Tokens(source, clock, wait_s=0.05)
    source.go.clear()
    for _ in range(3):
        with pytest.raises(RouteUnavailable, match="in time"):
            await tokens.current()
    source.go.set()
    await settled(lambda: source.calls == 1)
    await asyncio.sleep(0.01)
    assert ((await tokens.current()).value, source.most) == ("t1", 1)


async def test_a_caller_that_leaves_does_not_stop_the_refresh(clock: Clock, source: Source) -> None:
    tokens = Tokens(source, clock)
    source.go.clear()
    leaving = asyncio.create_task(tokens.current())
    await asyncio.sleep(0.02)
    leaving.cancel()
    source.go.set()
    assert (await tokens.current()).value == "t1"
    assert source.calls == 1


async def test_no_token_shows_itself(clock: Clock) -> None:
    assert "canary" not in repr(Token(value="canary", ends=NOON))
    given = await GivenToken("sandbox", "project").current()
    assert (given.value, given.project) == ("sandbox", "project")


async def test_a_service_accounts_file_is_traded_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def trade(request: web.Request) -> web.Response:
        asked.append(str((await request.post())["grant_type"]))
        return web.json_response({"access_token": "ya29.test", "expires_in": 3600, "token_type": "Bearer"})

    application = web.Application()
    application.router.add_post("/token", trade)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "maple",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "a@maple.iam.gserviceaccount.com",
        "token_uri": f"http://127.0.0.1:{runner.addresses[0][1]}/token",
    }
    file = tmp_path / "account.json"
    file.write_bytes(orjson.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    try:
        tokens = Tokens(application_default(), lambda: datetime.now(UTC))
        token = await tokens.current()
        assert (await tokens.current()) is token
    finally:
        await runner.cleanup()
    assert (token.value, token.project) == ("ya29.test", "maple")
    assert timedelta(minutes=50) < token.ends - datetime.now(UTC) < timedelta(minutes=61)
    assert asked == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
