"""How verbs sign in at a gateway, and what they say when they cannot ask it."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import orjson
import pytest

from cli import gateway
from cli.__main__ import main


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NI_URL", "NI_API_KEY", "NI_EMAIL", "NI_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NI_STATE", str(tmp_path / "none"))


class Edge(http.server.BaseHTTPRequestHandler):
    """An edge behind TLS, as it is reached on its own machine: its session's cookie is marked Secure."""

    asked: ClassVar[list[str]] = []
    once: ClassVar[list[str | None]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.once.append(self.headers["idempotency-key"])
        told = {"csrf_token": "c", "balance": "1.00", "held": "0.00"}
        self._answer(200, told, cookie="ni_session=s; Path=/; Secure; HttpOnly")

    def do_GET(self) -> None:
        known = self.headers["cookie"] == "ni_session=s"
        self._answer(200 if known else 401, {"data": [], "next": None} if known else {"error": {"message": "Who?"}})

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self, status: int, body: object, cookie: str = "") -> None:
        self.asked.append(self.path)
        self.send_response(status)
        if cookie:
            self.send_header("set-cookie", cookie)
        self.end_headers()
        self.wfile.write(orjson.dumps(body))


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an edge whose first administrator stands in the state folder."""
    Edge.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Edge) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        first = {"base_url": url, "admin_email": "admin@x.y", "admin_password": "of that street"}
        (tmp_path / "bootstrap.json").write_bytes(orjson.dumps(first))
        monkeypatch.setenv("NI_STATE", str(tmp_path))
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield url
        server.shutdown()
        serving.join()


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


def test_cookies_for_tls_are_sent_to_a_street_that_is_reached_without(street: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "list"])
    assert ended.value.code == 0
    assert Edge.asked[0] == "/api/session"


@pytest.mark.parametrize("url", ["http://gateway.example", "https://gateway.example:8080/v1"])
def test_a_street_s_password_is_sent_to_no_other_gateway(
    url: str, street: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(capsys, "--url", url)
    assert told.startswith("ni keys: nobody is named to sign in at http")
    assert "NI_PASSWORD" in told


def test_a_street_s_password_is_nobody_else_s(street: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nobody is named to sign in" in said(capsys, "--email", "ann@x.y")
    assert Edge.asked == []


def test_a_header_that_cannot_be_sent_is_refused_in_a_sentence(street: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["credits", "add", "t_one", "25.00", "--once", "two\nlines"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("ni credits: this cannot be sent: ")


def test_an_empty_id_is_sent_for_the_gateway_to_refuse_and_none_is_made_up(street: str) -> None:
    with pytest.raises(SystemExit):
        main(["credits", "add", "t_one", "25.00", "--once", ""])
    assert Edge.once[-1] == ""


def test_an_export_may_take_as_long_as_it_goes_on() -> None:
    assert gateway._TIMEOUT.total is None
    assert gateway._TIMEOUT.sock_read is not None
