"""`ni up` with every real part: what a person who starts it relies on."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from libs.embedded.programs import ROOT
from libs.embedded.state import alive
from libs.runtime.settings import EX_CONFIG
from tests.support.street import Street

pytestmark = pytest.mark.street


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Street]:
    """A street that may be broken."""
    async with Street(tmp_path / "state") as started:
        yield started


async def ni(street: Street, *words: str, **env: str) -> tuple[int, str]:
    """Another `ni` beside a street, as its user would run it."""
    command = [sys.executable, "-m", "cli", *words]
    merged = {**street.env, **env}
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=merged, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


async def models_status(street: Street) -> int:
    headers = {"Authorization": f"Bearer {street.api_key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{street.base_url}/v1/models", headers=headers) as answer,
    ):
        return answer.status


async def shown(street: Street, text: str, deadline_s: float = 30.0) -> str:
    """The console, once it shows `text`."""
    deadline = time.monotonic() + deadline_s
    while text not in (console := street.tail(10_000)):
        assert time.monotonic() < deadline, street.tail()
        await asyncio.sleep(0.1)
    return console


async def test_the_summary_is_clear_and_its_curl_works_when_pasted(street: Street) -> None:
    console = await shown(street, "stop with Ctrl-C")
    assert f"gateway    {street.base_url}   (OpenAI: {street.base_url}/v1)\n" in console
    assert street.api_key in console
    assert "the sandbox answers: no provider credential is set" in console
    pasted = re.search(r"^  (curl .*?)\n\n", console, re.DOTALL | re.MULTILINE)
    assert pasted is not None
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-c", pasted[1]], capture_output=True, text=True, timeout=30, check=False
    )
    assert "200 OK" in done.stdout, done.stdout + done.stderr


async def test_status_lists_every_process_as_ready(street: Street) -> None:
    await shown(street, "stop with Ctrl-C")
    code, table = await ni(street, "status")
    assert code == 0, table
    for name in street.pids():
        assert re.search(rf"^{name} +\d+ .* ready ", table, re.MULTILINE), table


async def test_a_second_up_says_what_already_runs_and_is_no_error(street: Street) -> None:
    code, said = await ni(street, "up")
    assert code == 0
    assert f"already runs on {street.state.root}: {street.base_url}" in said


async def test_a_port_of_somebody_else_is_named_with_what_to_do(street: Street, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await ni(street, "up", "--state", str(tmp_path / "other"), NI_PORT=str(port))
    assert code == EX_CONFIG
    assert f"127.0.0.1:{port} cannot be opened" in said
    assert "NI_PORT=" in said


async def test_a_sandbox_setting_that_means_nothing_starts_nothing(street: Street, tmp_path: Path) -> None:
    other = tmp_path / "other"
    code, said = await ni(street, "up", "--state", str(other), NI_SANDBOX="true", NI_PORT="0")
    assert code == EX_CONFIG
    assert said.startswith("configuration: NI_SANDBOX: Input should be '0' or '1'")
    assert not other.exists()


async def test_what_is_killed_comes_back_on_its_port(own: Street) -> None:
    await shown(own, "stop with Ctrl-C")
    before = own.ports()
    for name in ("nats", "clickhouse", "router", "ingress-0", "accounts"):
        await own.wait_restarted(name, own.kill(name))
    after = own.ports()
    for kind in ("public", "nats", "clickhouse", "admin"):
        assert before[kind] == after[kind]
    assert await models_status(own) == 200
    assert "router was ended by SIGKILL" in own.tail(10_000)


async def test_state_survives_a_stop_and_a_kill_of_the_supervisor(own: Street) -> None:
    key = own.api_key
    pids = own.pids()
    assert await own.stop(signal.SIGINT) == 0
    assert not any(alive(pid) for pid in pids.values())
    assert not own.state.running.exists()
    await own.start()
    assert own.api_key == key
    assert await models_status(own) == 200
    pids = own.pids()
    os.kill(own.supervisor_pid, signal.SIGKILL)
    await own.stop()
    deadline = time.monotonic() + 5
    while any(alive(pid) for pid in pids.values()):
        assert time.monotonic() < deadline, "a child outlived its supervisor"
        await asyncio.sleep(0.05)
    await own.start()
    assert await models_status(own) == 200
    code, said = await ni(own, "down")
    assert (code, said.startswith("stopped")) == (0, True), said
    assert (await ni(own, "status"))[0] == 3
