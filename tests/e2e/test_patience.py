"""How long the edge waits for a client, and what it says while a provider is silent; on a street of short patience."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import orjson
import pytest
import pytest_asyncio

from tests.clients.asking import AZURE, HAIKU
from tests.clients.reader import Reader, assert_whole
from tests.e2e.edge import edge_of, raw, status_of
from tests.support.street import Street

pytestmark = pytest.mark.street

IMPATIENT = {"NI_HEADER_S": "1", "NI_BODY_IDLE_S": "1", "NI_WRITE_IDLE_S": "2", "NI_KEEP_ALIVE_S": "1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    async with Street(tmp_path_factory.mktemp("impatient") / "state", **IMPATIENT) as started:
        yield started


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"GET /v1/mod",),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Le",),
        tuple(b"%c" % byte for byte in b"GET /healthz HTTP/1.1\r\n"),
    ],
    ids=["nothing", "half a line", "half the headers", "a byte now and then"],
)
async def test_headers_that_do_not_come_are_a_408(impatient: Street, pieces: tuple[bytes, ...]) -> None:
    began = time.monotonic()
    answer = await raw(impatient, *pieces, pause_s=0.15, deadline_s=8)
    assert status_of(answer) == 408, answer
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "slow_request"
    assert time.monotonic() - began < 5


async def test_a_body_that_stops_coming_is_a_408(impatient: Street) -> None:
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n"
        f'Authorization: Bearer {impatient.api_key}\r\n\r\n{{"model":'
    )
    answer = await raw(impatient, head.encode(), deadline_s=8, once=True)
    assert status_of(answer) == 408, answer
    assert b'"slow_request"' in answer


async def test_a_connection_at_rest_between_two_requests_is_left_alone(impatient: Street) -> None:
    place = urlsplit(impatient.base_url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    for rest_s in (2.5, 0.0):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(b'{"status":"ok"}')) == b'{"status":"ok"}'
        await asyncio.sleep(rest_s)
    writer.close()


@pytest.mark.parametrize("route", [AZURE, HAIKU])
async def test_a_silent_provider_is_covered_by_comments_that_break_no_stream(impatient: Street, route: str) -> None:
    async with Reader(street=impatient, model=route, text="[[sandbox chunks=3 chunk_ms=2300]]") as reader:
        await reader.read_to_end()
    assert reader.body.count(b": keep-alive\n\n") in range(2, 7)
    assert_whole(reader.body, 3)


async def test_a_reader_who_takes_nothing_more_is_let_go_and_the_provider_stopped(impatient: Street) -> None:
    text = "[[sandbox chunks=4000 chunk_bytes=16000]]"
    async with Reader(street=impatient, model=AZURE, text=text, rcvbuf=8192) as reader:
        await reader.read_until(b"w3")
        for _ in range(80):
            (entry,) = [e for e in await impatient.sandbox_log() if e["egress_id"] == reader.request_id]
            if entry["ended_at"]:
                break
            await asyncio.sleep(0.1)
        assert entry["outcome"] == "client_gone"
        async with edge_of(impatient) as edge:
            record = await edge.custody(reader.request_id)
    assert record["delivery"]["state"] == "client_gone"
