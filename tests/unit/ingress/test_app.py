"""What the edge listens on: an address of its own, or a socket that was handed on; anything else is refused."""

import errno
import os
import socket
from pathlib import Path

import pytest

from libs.runtime.settings import EX_CONFIG
from services.ingress.app import _socket
from services.ingress.settings import IngressSettings


def settings(host: str = "127.0.0.1", port: int = 0, listen_fd: int | None = None) -> IngressSettings:
    return IngressSettings(pepper_file=Path("pepper"), host=host, port=port, listen_fd=listen_fd)


def refused(wrong: IngressSettings, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        _socket(wrong)
    assert ended.value.code == EX_CONFIG
    return capsys.readouterr().err


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_is_listened_on(host: str) -> None:
    with _socket(settings(host)) as sock, socket.create_connection(sock.getsockname()[:2], timeout=10):
        assert sock.getsockname()[0] == "::1"


@pytest.mark.parametrize("host", ["203.0.113.1", "a..b", "fe80::1", "fe80::1%no-such-link"])
def test_an_address_that_nobody_can_listen_on_is_refused(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(settings(host), capsys)
    assert said.startswith(f"configuration: NI_HOST: nobody can listen on {host} (")
    assert len(said.splitlines()) == 1


def test_a_port_in_use_is_an_error_that_may_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use") as raised:
        _socket(settings(port=taken.getsockname()[1]))
    assert raised.value.errno == errno.EADDRINUSE


def test_a_listening_socket_that_was_handed_on_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given, _socket(settings(listen_fd=os.dup(given.fileno()))) as sock:
        assert sock.getsockname() == given.getsockname()


@pytest.mark.parametrize("number", [-1, 9_999, 2**40])
def test_a_number_of_no_descriptor_is_refused(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert "NI_LISTEN_FD: must be the number of a listening socket" in refused(settings(listen_fd=number), capsys)


def test_a_descriptor_that_does_not_listen_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "NI_LISTEN_FD: must be the number of a listening socket"
    with (tmp_path / "file").open("wb") as file:
        assert said in refused(settings(listen_fd=file.fileno()), capsys)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            assert said in refused(settings(listen_fd=os.dup(sock.fileno())), capsys)
