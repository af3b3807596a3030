"""The Node SDKs' own suites: installed from their lock file, run against a street, read by what they say passed."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.support.street import Street

SUITE = Path(__file__).parent / "node"
needs_node = pytest.mark.skipif(
    shutil.which("npm") is None, reason="needs Node 20 or later (https://nodejs.org) with npm"
)
_LINE = re.compile(r"^ *(not ok|ok) \d+ - (.+?)( # (?:SKIP|TODO).*)?$", re.MULTILINE)
_FELL = re.compile(r"^ *not ok .*\n(?:(?! *(?:not )?ok ).*\n)*", re.MULTILINE)
_ESCAPED = re.compile(r"\\([\\#])")


def run_suite(street: Street, file: str, timeout_s: float = 120, **env: str) -> Counter[str]:
    """The titles of what passed, and how often each. AssertionError where anything failed or was left out."""
    _npm_ci()
    given = {"NI_BASE_URL": street.base_url, "NI_API_KEY": street.api_key, **env}
    shown = _run(["node", "--test", "--test-reporter=tap", file], timeout_s, given)
    found = _LINE.findall(shown)
    assert found, shown[-2000:]
    assert not [title for state, title, left_out in found if state != "ok" or left_out], shown[-8000:]
    return Counter(_ESCAPED.sub(r"\1", title) for _, title, _ in found)


def typescript(folder: Path, text: str) -> list[str]:
    """How a program in TypeScript is started, in a folder of its own; the SDKs stand beside it."""
    _npm_ci()
    beside = folder / "node_modules"
    if not beside.exists():
        beside.symlink_to(SUITE / "node_modules")
    program = folder / "program.ts"
    program.write_text(text)
    return ["node", str(SUITE / "typescript.mjs"), str(program)]


def _npm_ci() -> None:
    """`npm ci`, unless what is installed is already what the lock file says; one at a time: it begins by emptying."""
    lock, installed = SUITE / "package-lock.json", SUITE / "node_modules" / ".installed-from"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if installed.exists() and installed.read_bytes() == lock.read_bytes():
            return
        _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], 100, {})
        shutil.copyfile(lock, installed)


def _run(command: list[str], timeout_s: float, env: dict[str, str]) -> str:
    """What it printed. Whatever it has started ends with it: a child that lived on would hold the pipe open."""
    with subprocess.Popen(
        command,
        cwd=SUITE,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, ("".join(_FELL.findall(out)) or out + err)[-8000:]
    return out
