"""The bench measures what it says, and its client notices every answer that is not whole."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.load.client import Client, NotAnswered, Target, client, percentile
from tests.load.processes import Tree, on_cpu
from tests.load.proxy import Proxy
from tests.load.report import Line, Row, table
from tests.load.upstream import CHUNK_BYTES, CHUNKS, Upstream, content, ending


@asynccontextmanager
async def served(make: Callable[[], asyncio.Protocol]) -> AsyncIterator[str]:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    async with served(lambda: Upstream(loop)) as url:
        yield url


@pytest.fixture
async def at_upstream(upstream: str) -> AsyncIterator[Client]:
    async with client(Target(name="upstream", url=upstream)) as found:
        yield found


def test_a_content_event_is_exactly_as_long_as_the_budget_says() -> None:
    assert len(content()) == CHUNK_BYTES


@pytest.mark.parametrize("mode", ["whole", "burst", "steady"])
async def test_every_answer_of_the_upstream_is_whole(at_upstream: Client, mode: str) -> None:
    taken = await at_upstream.closed(mode, 4, count=8)
    assert taken.count == at_upstream.accepted == 8
    assert all(latency > 0 for latency in taken.latencies)


async def test_bursts_are_not_glued_together(at_upstream: Client) -> None:
    taken = await at_upstream.closed("burst", 1, count=2)
    assert len(taken.gaps) >= 2 * 8  # ten bursts have nine gaps between them, the end may come with the last


async def test_paced_load_comes_at_its_rate_whether_or_not_it_is_answered(at_upstream: Client) -> None:
    taken = await at_upstream.paced(rate=200, seconds=0.5)
    assert 60 < taken.count < 140


async def test_idle_streams_stay_open_until_they_are_left(at_upstream: Client) -> None:
    async with at_upstream.open_streams(40):
        assert at_upstream.accepted == 40


async def test_the_proxy_passes_answers_and_streams_on(upstream: str) -> None:
    async with aiohttp.ClientSession() as session:
        runner = web.ServerRunner(web.Server(Proxy(upstream, session)))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with client(Target(name="proxy", url=f"http://127.0.0.1:{port}")) as through:
            assert (await through.closed("whole", 2, count=4)).count == 4
            assert (await through.closed("burst", 2, count=4)).count == 4
        await runner.cleanup()


@pytest.mark.parametrize("body", [content() * (CHUNKS - 1) + ending(), content() * CHUNKS], ids=["a chunk", "the end"])
async def test_a_stream_that_lacks_something_ends_the_run(body: bytes) -> None:
    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, content_type="text/event-stream")

    await _refused(handler, "burst", "cut a stream")


async def test_another_status_ends_the_run() -> None:
    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=503, text="overloaded")

    await _refused(handler, "whole", "answered 503")


async def _refused(handler: Callable[[web.BaseRequest], object], mode: str, reason: str) -> None:
    server = web.Server(handler)  # type: ignore[arg-type]  # aiohttp's alias for handlers is wider than ours
    async with served(server) as url, client(Target(name="it", url=url)) as found:
        with pytest.RaisesGroup(pytest.RaisesExc(NotAnswered, match=reason)):
            await found.closed(mode, 1, count=1)
    await server.shutdown(1.0)


def test_what_a_counted_process_starts_counts_as_itself_and_stays_on_its_processor() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\ninput()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    cpu = min(os.sched_getaffinity(0))
    with on_cpu(cpu):
        process = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE)
    with process:
        tree = Tree(roots={"one": process.pid})
        while tree.cpu()["one"] < 0.2:
            assert process.poll() is None
        assert tree.strays(cpu) == []
        assert tree.strays(cpu + 1) == ["one"]
        assert tree.pss()["one"] > 1000
        process.communicate(b"\n")


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51.0, 100.0, 7.0)


def test_the_table_says_what_is_over_its_budget() -> None:
    over = Line(what="CPU", measured=400, unit="µs", budget=320, beside=200)
    within = Line(what="memory", measured=12.34, unit="kB", budget=40)
    text = table([Row(title="1  first", lines=(over, within), parts={"ingress": 300, "router": 0.001}, unit="µs")])
    lines = text.splitlines()
    assert lines[1] == "1  first"
    assert lines[2].split() == ["CPU", "320", "µs", "400", "µs", "over", "200", "µs", "2.0x"]
    assert lines[3].split() == ["memory", "40", "kB", "12.3", "kB", "ok"]
    assert lines[4].strip() == "by process, µs: ingress 300"
