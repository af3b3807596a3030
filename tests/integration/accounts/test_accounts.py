"""The accounts service as a process, on a real broker with every service's real rights."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.auth.keys import digest
from libs.auth.records import KeyRecord, TenantRecord
from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.bus.provision import provision
from libs.contracts.errors import Overloaded
from libs.contracts.northern.v1.account_pb2 import SessionGot, SessionOf, SignIn
from libs.embedded.keyring import PEPPER, SESSION_KEY, fill, public_keys, seed_file
from libs.embedded.nats_config import render
from libs.runtime.settings import Settings

ROOT = Path(__file__).parents[3]
NATS_SERVER = Path(sys.executable).parent / "nats-server"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(kw_only=True)
class Scene:
    """A broker, and accounts processes started on it."""

    folder: Path
    port: int
    bus: Bus

    @property
    def file(self) -> Path:
        return self.folder / "bootstrap.json"

    def credentials(self) -> dict[str, str]:
        held: dict[str, str] = json.loads(self.file.read_text())
        return held

    @contextlib.asynccontextmanager
    async def accounts(self, **changed: str) -> AsyncIterator[asyncio.subprocess.Process]:
        secrets = self.folder / "secrets"
        env = {
            "PATH": os.environ["PATH"],
            "NI_NATS_URL": f"nats://127.0.0.1:{self.port}",
            "NI_NATS_SEED_FILE": str(seed_file(secrets, "accounts")),
            "NI_PEPPER_FILE": str(secrets / PEPPER),
            "NI_SESSION_KEY_FILE": str(secrets / SESSION_KEY),
            "NI_BOOTSTRAP_FILE": str(self.file),
            **changed,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.accounts", cwd=ROOT, env=env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def ask(self, verb: str, question: SignIn | SessionOf) -> SessionGot:
        subject, data = f"ni.query.accounts.{verb}", question.SerializeToString()
        async with asyncio.timeout(10):
            while True:
                # A service that says it has started may have a subscription still on its way to the broker.
                with contextlib.suppress(Overloaded):
                    return SessionGot.FromString(await self.bus.request(subject, data, 5))
                await asyncio.sleep(0.02)

    async def signs_in(self) -> SessionGot:
        held = self.credentials()
        return await self.ask("sign_in", SignIn(email=held["admin_email"], password=held["admin_password"]))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    secrets = tmp_path / "secrets"
    fill(secrets)
    port = free_port()
    text = render(
        port=port,
        monitor_port=free_port(),
        store=tmp_path / "nats",
        store_bytes=1 << 30,
        public_keys=public_keys(secrets),
    )
    (tmp_path / "nats.conf").write_text(text)
    broker = await asyncio.create_subprocess_exec(
        str(NATS_SERVER), "-c", str(tmp_path / "nats.conf"), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        url = f"nats://127.0.0.1:{port}"
        await provision(url, seed_file(secrets, "operator"), store_bytes=1 << 30)
        settings = Settings(nats_url=url, nats_seed_file=seed_file(secrets, "ingress"))
        async with connect("ingress", settings) as bus:
            yield Scene(folder=tmp_path, port=port, bus=bus)
    finally:
        broker.terminate()
        await broker.wait()


async def started(process: asyncio.subprocess.Process) -> None:
    """Read its log until it says that it serves."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while line := await process.stdout.readline():
            if json.loads(line)["event"] == "service_started":
                return
    pytest.fail(f"accounts ended: {process.returncode}")


async def test_a_first_start_makes_an_account_that_signs_in_and_a_key_that_ingress_finds(scene: Scene) -> None:
    async with scene.accounts(NI_BASE_URL="http://127.0.0.1:9999") as process:
        await started(process)
        held = scene.credentials()
        assert held["base_url"] == "http://127.0.0.1:9999"

        pepper = (scene.folder / "secrets" / PEPPER).read_bytes()
        key = await scene.bus.get("keys", digest(pepper, held["api_key"]))
        assert key is not None
        tenant = await scene.bus.get("tenants", KeyRecord.from_bytes(key.value).tenant)
        assert tenant is not None
        assert TenantRecord.from_bytes(tenant.value).opening_deposit == "100.00"

        opened = await scene.signs_in()
        known = await scene.ask("session", SessionOf(token=opened.token))
        assert json.loads(known.user)["email"] == "admin@northern.local"
        assert known.csrf_token == opened.csrf_token
        wrong = await scene.ask("sign_in", SignIn(email=held["admin_email"], password="wrong"))
        assert wrong.failure.code == "invalid_credentials"

        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.parametrize("after_ms", [0, 30, 60, 100])
async def test_killed_at_any_moment_the_next_start_still_opens_the_account(scene: Scene, after_ms: int) -> None:
    async with scene.accounts() as process:
        async with asyncio.timeout(20):
            while not scene.file.exists():  # noqa: ASYNC110 - the file is another process's
                await asyncio.sleep(0.005)
        await asyncio.sleep(after_ms / 1000)
        process.kill()
        await process.wait()
    before = scene.credentials()
    async with scene.accounts() as process:
        await started(process)
        assert scene.credentials() == before
        assert (await scene.signs_in()).token
    assert await scene.bus.last_seq("KV_keys") == 1


async def test_three_replicas_that_start_together_make_one_account(scene: Scene) -> None:
    async with scene.accounts() as one, scene.accounts() as two, scene.accounts() as three:
        await asyncio.gather(started(one), started(two), started(three))
        assert all([(await scene.signs_in()).token for _ in range(4)])
        assert await scene.bus.last_seq("KV_keys") == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"NI_PEPPER_FILE": "/dev/null"}, "no secret"),
        ({"NI_SESSION_KEY_FILE": "/nowhere"}, "no secret"),
        ({"NI_BASE_URL": "http://a/v1"}, "NI_BASE_URL"),
        ({"NI_BOOTSTRAP_FILE": ""}, "NI_BOOTSTRAP_FILE"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_wrong_setting_ends_it_with_78_and_a_plain_sentence(
    scene: Scene, wrong: dict[str, str], says: str
) -> None:
    async with scene.accounts(**wrong) as process:
        _, told = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 78
        assert says in told.decode()
        assert "Traceback" not in told.decode()
