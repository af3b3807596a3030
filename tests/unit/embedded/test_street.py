"""What a street says when it cannot be opened, and where it says it stands when it can."""

import socket
from pathlib import Path

import pytest

from libs.embedded.state import lock_holder
from libs.embedded.street import StreetSettings, opened
from libs.runtime.settings import EX_CONFIG


def refused(settings: StreetSettings, capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence that the start ended with."""
    with pytest.raises(SystemExit) as ended, opened(settings, {}):
        pass
    assert ended.value.code == EX_CONFIG
    return capsys.readouterr().err


@pytest.mark.parametrize("below", [".", "below"])
def test_a_folder_that_cannot_be_one_is_named_with_what_to_do(
    below: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    said = refused(StreetSettings(state=tmp_path / "file" / below, port=0), capsys)
    assert said.startswith(f"configuration: NI_STATE: {tmp_path / 'file' / below} cannot be used (")
    assert "name another folder" in said


def test_a_folder_that_the_store_would_read_as_another_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "name another folder" in refused(StreetSettings(state=tmp_path / "really?", port=0), capsys)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_inside_the_folder_is_named_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nats" / "nats-server.conf").mkdir(parents=True)
    assert "NI_STATE: " in (said := refused(StreetSettings(state=tmp_path, port=0), capsys))
    assert "nats-server.conf" in said


@pytest.mark.parametrize("said", ["20G", "", "-1", "1e9"])
def test_a_share_of_the_disk_that_is_no_number_is_refused_by_its_file(
    said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "store-bytes").write_text(said)
    assert "store-bytes must hold a number of bytes" in refused(StreetSettings(state=tmp_path, port=0), capsys)


def test_a_seed_that_is_none_is_refused_by_its_file_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "router.nk").write_text("SUANOTHINGOFTHEKIND")
    said = refused(StreetSettings(state=tmp_path, port=0), capsys)
    assert "router.nk holds no nkey seed" in said
    assert "SUANOTHING" not in said


def test_an_address_of_another_machine_is_not_blamed_on_the_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(StreetSettings(state=tmp_path, host="203.0.113.1", port=0), capsys)
    assert "NI_HOST must be an address of this machine" in said
    assert "NI_PORT" not in said


def test_after_the_last_port_the_usual_one_is_proposed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 65_535)):
        assert "such as NI_PORT=8080" in refused(StreetSettings(state=tmp_path, port=65_535), capsys)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_stands_in_brackets_in_the_url(host: str, tmp_path: Path) -> None:
    with opened(StreetSettings(state=tmp_path, host=host, port=0), {}) as street:
        assert street.url == f"http://[::1]:{street.ports.public}"
        assert (lock_holder(street.state) or {})["url"] == street.url
