"""`ni migrate` as a command against the real host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from libs.embedded.keyring import STORE_PASSWORD
from tests.contract.store.conftest import PASSWORD, Host


def ni_migrate(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NI_")}
    command = [sys.executable, "-m", "cli", "migrate", *options]
    return subprocess.run(command, env=clean | env, capture_output=True, text=True, check=False, timeout=30)


def test_it_applies_what_is_missing_and_then_nothing(own_host: Host, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    store = ("--url", f"http://127.0.0.1:{own_host.port}", "--password-file", str(tmp_path / "password"))
    first = ni_migrate(*store)
    assert (first.returncode, first.stdout.splitlines()[0]) == (0, "applied 0001_facts"), first.stderr
    by_environment = {"NI_STORE_URL": store[1], "NI_STORE_PASSWORD": PASSWORD}
    second = ni_migrate(**by_environment)
    assert (second.returncode, second.stdout) == (0, "nothing to apply: the store is up to date\n"), second.stderr


def test_the_running_streets_store_is_the_default(own_host: Host, tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text(f'{{"clickhouse": {own_host.port}}}')
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / STORE_PASSWORD).write_text(PASSWORD)
    ran = ni_migrate(NI_STATE=str(tmp_path))
    assert (ran.returncode, "applied 0001_facts" in ran.stdout) == (0, True), ran.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 78, "no store is named"),
        (("--url", "http://127.0.0.1:1"), 78, "password cannot be read"),
        (("--url", "ftp://x", "--password-file", "pyproject.toml"), 78, "NI_STORE_URL"),
        (("--url", "http://127.0.0.1:1", "--password-file", "pyproject.toml"), 1, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, options: tuple[str, ...], code: int, said: str) -> None:
    ran = ni_migrate(*options, NI_STATE=str(tmp_path))
    assert ran.returncode == code
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
