"""`ni migrate` where there is nothing to be applied to, or nothing that may be."""

from pathlib import Path

import pytest

from cli.__main__ import main
from libs.runtime.settings import EX_CONFIG


def ended(*words: str) -> object:
    with pytest.raises(SystemExit) as raised:
        main(["migrate", *words])
    return raised.value.code


def test_files_that_do_not_fit_the_record_are_refused_for_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("secret")
    (tmp_path / "0002_gap.sql").write_text("SELECT 1;\n")
    words = ("--url", "http://127.0.0.1:1", "--password-file", str(tmp_path / "password"), "--folder", str(tmp_path))
    assert ended(*words) == EX_CONFIG  # whoever starts it again would hear the same
    assert "another version" in capsys.readouterr().err


def test_a_store_that_does_not_answer_may_be_asked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "password").write_text("secret")
    assert ended("--url", "http://127.0.0.1:1", "--password-file", str(tmp_path / "password")) == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_without_a_street_it_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NI_STATE", str(tmp_path))
    monkeypatch.delenv("NI_STORE_URL", raising=False)
    assert ended() == EX_CONFIG
    assert f"no street runs on {tmp_path}" in capsys.readouterr().err


def test_a_file_that_holds_no_password_is_said_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    assert ended("--url", "http://127.0.0.1:1", "--password-file", str(tmp_path / "password")) == EX_CONFIG
    assert capsys.readouterr().err == f"ni migrate: {tmp_path / 'password'} holds no password\n"
