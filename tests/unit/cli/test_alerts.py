"""`ni alerts secret` prints what the platform's alerts are signed with, and says where no key is."""

from pathlib import Path

import pytest

from cli.__main__ import main
from libs.auth.webhooks import signing_secret


def ni(*words: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(["alerts", "secret", *words])
    assert isinstance(done.value.code, int)
    return done.value.code


def test_the_secret_of_the_platforms_alerts_follows_from_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = bytes(range(32))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "alerts.key").write_bytes(key)
    assert ni("--state", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert ni("--key-file", str(tmp_path / "secrets" / "alerts.key")) == 0
    assert printed == capsys.readouterr().out == signing_secret(key, "platform", 1) + "\n"


def test_without_a_key_it_says_where_it_looked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ni("--state", str(tmp_path)) == 1
    assert str(tmp_path) in capsys.readouterr().err
