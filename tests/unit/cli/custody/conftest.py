"""A sealed log in a folder, and `ni custody` run on it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from cli.__main__ import main
from tests.unit.tlog.sealed import SealedLog

SEALED = SealedLog.of()
Run = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sealed")
    SEALED.write(root)
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def ni(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a verb with --json: its exit code, and what it said."""
    for name in ("NI_CUSTODY_KEY", "NI_CUSTODY_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NI_STATE", "/nowhere")

    def run(*words: object) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as ended:
            main(["custody", *map(str, words), "--json"])
        shown = capsys.readouterr().out
        return int(str(ended.value.code)), orjson.loads(shown) if shown else {}

    return run


def seen(root: Path) -> Path:
    """A monitor's state: the checkpoint that was seen."""
    state = root / "state.json"
    state.write_bytes(orjson.dumps({"v": 1, "note": (root / "seen").read_text(), "grown_at": 0, "heard_at": 0}))
    return state
