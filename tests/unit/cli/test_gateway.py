"""What verbs that ask a gateway say when they cannot."""

from pathlib import Path

import pytest

from cli.__main__ import main


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NI_URL", "NI_API_KEY", "NI_EMAIL", "NI_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NI_STATE", str(tmp_path / "none"))


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "list", *words])
    assert ended.value.code in {1, 3}
    return capsys.readouterr().err


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://x:999999", "http://[::1", "http://"])
def test_an_address_that_is_none_is_told_how_one_looks(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "must be like http://127.0.0.1:8080" in said(capsys, "--url", url)


def test_a_key_that_cannot_be_read_is_said_with_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--url", "http://127.0.0.1:1", "--key-file")
    assert "the key cannot be read: No such file" in said(capsys, *words, str(tmp_path / "absent"))
    assert "the key cannot be read: Is a directory" in said(capsys, *words, str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff\xfe", "schlüssel".encode()])
def test_a_file_without_a_key_is_said_and_not_shown(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    told = said(capsys, "--url", "http://127.0.0.1:1", "--key-file", str(file))
    assert told == f"ni keys: {file} holds no API key\n"


def test_the_address_given_to_sdks_is_the_gateway_s_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be reached" in said(capsys, "--url", "http://127.0.0.1:1/v1")
