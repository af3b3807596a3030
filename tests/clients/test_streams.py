"""Streams under pressure: slow readers, many at once, large neighbours, callers who leave."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients import big_bodies
from tests.clients.asking import AZURE, HAIKU, OPENAI, QWEN, ROUTES, user
from tests.clients.reader import Reader, assert_whole
from tests.clients.upstream import street_with_two_upstreams
from tests.e2e.edge import edge_of
from tests.support.street import Street

pytestmark = pytest.mark.street

PAUSE_S = 5.0


async def read_with_a_pause(street: Street, model: str) -> tuple[bytes, dict[str, Any]]:
    """The body, and what the sandbox's log said at the end of the pause."""
    text = "[[sandbox chunks=2000 chunk_bytes=16000]]"  # more than all kernels' buffers on the way hold
    async with Reader(street=street, model=model, text=text, rcvbuf=65536) as reader:
        await reader.read_until(b"w200")
        await asyncio.sleep(PAUSE_S)
        (seen,) = [entry for entry in await street.sandbox_log() if entry["egress_id"] == reader.request_id]
        await reader.read_to_end()
        return reader.body, seen


async def test_2000_chunks_arrive_whole_through_a_reader_that_stops_for_5_s(street: Street) -> None:
    routes = (AZURE, HAIKU)
    answers = await asyncio.gather(*(read_with_a_pause(street, route) for route in routes))
    for body, _ in answers:
        assert_whole(body, 2000)
    _, seen = answers[0]
    assert (seen["outcome"], seen["chunks_sent"] < 2000) == ("running", True), "the provider was not slowed"


async def test_200_streams_at_once_are_all_whole(street: Street) -> None:
    async def read(n: int) -> bytes:
        text = "[[sandbox chunks=50 chunk_ms=20]]"
        async with Reader(street=street, model=ROUTES[n % len(ROUTES)], text=text) as reader:
            await reader.read_to_end()
            return reader.body

    async with asyncio.timeout(60):
        for body in await asyncio.gather(*map(read, range(200))):
            assert_whole(body, 50)


async def test_16_bodies_of_8_mib_beside_200_streams_are_answered_and_cut_none(tmp_path: Path) -> None:
    async with street_with_two_upstreams(tmp_path / "state") as own:
        measured = await big_bodies.measure(own, tmp_path, chunks=200)
    print(f"\n{measured}")  # noqa: T201 - a figure to look at; what judges it is a command, on a machine that does nothing else
    assert list(measured.statuses) == ["200"] * big_bodies.BODIES
    for body in measured.streams:
        assert_whole(body, 200)


async def gone(street: Street, text: str, deadline_s: float = 3.0) -> dict[str, Any]:
    """The sandbox's entry of the request that holds `text`, once it has ended."""
    deadline = time.monotonic() + deadline_s
    while True:
        found = [entry for entry in await street.sandbox_log() if text in (entry["body"] or "")]
        if found and found[-1]["ended_at"]:
            return found[-1]
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("route", [AZURE, HAIKU, QWEN])
@pytest.mark.parametrize(
    ("directive", "until"),
    [("chunks=9000 chunk_ms=20", b"w3 "), ("chunks=9 stall_after=3", b"w2 ")],
    ids=["talking", "silent"],
)
async def test_a_caller_who_hangs_up_stops_the_provider_within_a_second(
    street: Street, route: str, directive: str, until: bytes
) -> None:
    mark = f"left-{route}-{directive}"
    async with Reader(street=street, model=route, text=f"[[sandbox {directive}]]{mark}") as reader:
        await reader.read_until(until)
        reader.hang_up()
        left_ms = time.time() * 1000
        entry = await gone(street, mark)
        assert entry["outcome"] == "client_gone"
        assert entry["ended_at"]["unix_ms"] - left_ms <= 1000
        async with edge_of(street) as edge:
            record = await edge.custody(reader.request_id)
    assert (record["outcome"], record["delivery"]["state"]) == ("cancelled", "client_gone")


@pytest.mark.parametrize("route", [OPENAI, HAIKU])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_leaves_before_the_answer_stops_the_provider_too(
    street: Street, route: str, stream: bool
) -> None:
    mark = f"left-early-{route}-{stream}"
    body = {"model": route, "messages": user(f"[[sandbox hang]]{mark}"), "stream": stream}
    async with edge_of(street) as edge:
        asking = asyncio.create_task(edge.chat(body))
        while not any(mark in (entry["body"] or "") for entry in await street.sandbox_log()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        asking.cancel()
        left_ms = time.time() * 1000
        await asyncio.gather(asking, return_exceptions=True)
    entry = await gone(street, mark)
    assert entry["outcome"] == "client_gone"
    assert entry["ended_at"]["unix_ms"] - left_ms <= 1000
