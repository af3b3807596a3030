"""OpenAI's official Node SDK: installed from its lock file, then its own suite against the running street."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.street import Street

pytestmark = pytest.mark.street

SUITE = Path(__file__).parent / "node"


def npm_ci() -> None:
    """`npm ci`, unless what is installed is already what the lock file says."""
    lock, installed = SUITE / "package-lock.json", SUITE / "node_modules" / ".installed-from"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], timeout_s=100)
    shutil.copyfile(lock, installed)


def run(command: list[str], timeout_s: float, **env: str) -> str:
    done = subprocess.run(
        command,
        cwd=SUITE,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return done.stdout


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node 20 or later (https://nodejs.org) with npm")
async def test_the_node_suite_passes(street: Street) -> None:
    await asyncio.to_thread(npm_ci)
    shown = await asyncio.to_thread(
        run, ["node", "--test", "--test-reporter=tap"], 60, NI_BASE_URL=street.base_url, NI_API_KEY=street.api_key
    )
    assert "# pass 26" in shown, shown[-2000:]
    assert "# skipped 0" in shown
