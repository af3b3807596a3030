"""`ni custody get`: a record as it is shown, a receipt as a file that only its owner reads, against an HTTP server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import orjson
import pytest
from aiohttp import web

from cli.__main__ import main

ID = "0f3c9a51b2d40001"
RECEIPT = b"c2sp.org/tlog-proof@v1\n"
RECORD = {"request_id": ID, "status": "sealed", "route": "evil\x9b31m"}


async def _record(request: web.Request) -> web.Response:
    if request.headers.get("Authorization") != "Bearer nv_key" or request.match_info["id"] != ID:
        return web.json_response({"error": {"message": "no custody record of this account has that id"}}, status=404)
    return web.Response(body=RECEIPT) if request.path.endswith("/receipt") else web.json_response(RECORD)


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NI_API_KEY", "nv_key")
    app = web.Application()
    app.router.add_get("/api/usage/custody/{id}", _record)
    app.router.add_get("/api/usage/custody/{id}/receipt", _record)
    loop, runner = asyncio.new_event_loop(), web.AppRunner(app)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    found = loop.run_until_complete(start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield found
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(runner.cleanup())
    loop.close()


def got(url: str, *words: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["custody", "get", "--url", url, *words])
    return ended.value.code


def test_a_record_is_shown_in_order_and_without_what_a_terminal_obeys(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert got(url, ID) == 0
    shown = capsys.readouterr().out
    assert orjson.loads(shown) == {**RECORD, "route": "evil�31m"}
    assert shown.index("request_id") < shown.index("status")
    assert got(url, ID, "--json") == 0
    assert orjson.loads(capsys.readouterr().out) == RECORD


def test_a_receipt_is_written_whole_for_its_owner_alone(
    url: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "call.tlog-proof"
    path.write_text("an older one, readable by all")
    assert got(url, ID, "--receipt", str(path)) == 0
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (RECEIPT, 0o600)
    assert [*tmp_path.iterdir()] == [path]
    capsysbinary.readouterr()
    assert got(url, ID, "--receipt", "-") == 0
    assert capsysbinary.readouterr().out == RECEIPT


def test_what_is_refused_or_cannot_be_written_is_told(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert got(url, "0" * 16, "--receipt", str(tmp_path / "r")) == 1
    assert "no custody record of this account" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
    assert got(url, ID, "--receipt", str(tmp_path / "nowhere" / "r")) == 2
    assert got("http://127.0.0.1:1", ID) == 3


@pytest.mark.parametrize("no_id", ["", "x", f"{ID}/receipt", f"../{ID}", ID.upper()])
def test_what_is_no_id_is_told_so_without_asking(url: str, capsys: pytest.CaptureFixture[str], no_id: str) -> None:
    assert got(url, no_id) == 2
    assert "16 hex digits" in capsys.readouterr().err
