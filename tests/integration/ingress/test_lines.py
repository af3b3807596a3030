"""The log at the edge: a line for each request and each refusal, and nobody's words or keys in any."""

import re

import orjson
import pytest

from tests.integration.ingress.edge import KEY, Edge, chat, edge, get, post
from tests.integration.ingress.scripts import answer
from tests.support.broker import until


async def test_no_body_and_no_key_is_in_any_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    async with edge(answer) as street:
        wire = await street.open()
        body = orjson.dumps({"model": "azure/gpt-4.1-mini-ca", "messages": [{"role": "user", "content": "canary"}]})
        for request in (post(body), post(body[:-1]), post(body, key="ni_live_canary"), post(body, "X-A: canary")):
            await wire.send(request)
            await wire.reply()
    said = capsys.readouterr()
    assert "request_completed" in said.out
    assert "canary" not in said.out + said.err
    assert KEY not in said.out + said.err


async def test_what_is_refused_at_the_door_is_counted_and_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with edge(answer) as street:
        for request in (get("/v1/models/secret-canary", key="ni_live_canary"), get("/nothing/at/canary"), chat()):
            await street.say(request)
        counted = street.metrics.text().decode()
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if "request_refused" in line]
    assert len(lines) == 2
    assert ["invalid_api_key" in lines[0], "not_found" in lines[1]] == [True, True]
    assert "canary" not in said
    assert 'ni_refusals_total{code="invalid_api_key"} 1.0' in counted
    assert 'ni_refusals_total{code="not_found"} 1.0' in counted


NO_HTTP = b"GET / HTTP/1.1\r\nno colon canary\r\n\r\n"
TOO_LARGE = b"GET / HTTP/1.1\r\nX-A: " + b"canary" * 4_000 + b"\r\n\r\n"
HALF = b"GET /canary HTTP/1.1\r\nX-A: canary"


def counted(street: Edge) -> dict[str, float]:
    found = re.findall(r'ni_refusals_total\{code="(\w+)"\} (\S+)', street.metrics.text().decode())
    return {code: float(count) for code, count in found}


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (NO_HTTP, 400, "malformed_http"),
        (b"\x16\x03\x01\x02\x00canary", 400, "malformed_http"),
        (TOO_LARGE, 431, "headers_too_large"),
        (HALF, 408, "slow_headers"),
        (b"", 408, "slow_headers"),
    ],
)
async def test_what_never_was_a_request_is_counted_and_has_a_line_with_nothing_of_it(
    sent: bytes, status: int, reason: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingress.http.server._SWEEP_S", 0.02)
    async with edge(answer, header_s=0.1) as street:
        assert (await street.say(sent)).status == status
        assert counted(street) == {reason: 1.0}
    said = capsys.readouterr()
    (line,) = [line for line in said.out.splitlines() if "request_refused" in line]
    for part in (reason, str(status)):
        assert part in line
    assert "canary" not in said.out + said.err


async def test_a_flood_of_it_is_one_line_that_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    async with edge(answer) as street:
        for _ in range(30):
            assert (await street.say(NO_HTTP)).status == 400
        assert (await street.say(TOO_LARGE)).status == 431
        assert counted(street) == {"malformed_http": 30.0, "headers_too_large": 1.0}
    lines = [line for line in capsys.readouterr().out.splitlines() if "request_refused" in line]
    assert len(lines) <= 4  # two reasons, a line a second
    assert sum(int(count) for line in lines for count in re.findall(r"count\D*?(\d+)", plain(line))) == 31


def plain(line: str) -> str:
    """Without the colours of a log for people."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


async def test_a_request_whose_body_breaks_is_counted_as_a_request_and_not_twice() -> None:
    begun = post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(begun)
        await until(lambda: street.server.busy == 1)
        await wire.send(b"canary\r\n")
        assert (await wire.reply()).status == 400
        assert await wire.closed() == b""
        assert counted(street) == {}
        assert 'ni_requests_total{status="400"} 1.0' in street.metrics.text().decode()
