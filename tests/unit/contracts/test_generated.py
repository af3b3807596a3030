"""The generated code is what proto/ says, to the byte; and the check that says so can say no."""

import subprocess
import sys
from pathlib import Path

import pytest

from libs.contracts import generate


def test_the_committed_code_is_what_proto_says() -> None:
    command = [sys.executable, "-m", "libs.contracts.generate", "--check"]
    checked = subprocess.run(command, cwd=generate.ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_a_changed_byte_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate.generate(tmp_path)
    one = next((tmp_path / "northern").rglob("frames_pb2.py"))
    one.write_text(one.read_text() + "\n")
    monkeypatch.setattr(generate, "OUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate", "--check"])
    with pytest.raises(SystemExit, match="make proto"):
        generate.main()
