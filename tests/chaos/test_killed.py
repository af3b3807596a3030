"""One process killed, frozen or asked to stop under a running request: what its client sees, and what comes after."""

import asyncio
import math
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.chaos.books import Record, look_up, read_books
from tests.chaos.client import LIMIT_S, Ask, End, Seen, Talk
from tests.chaos.storm import FAULT_CODES
from tests.support.street import Street

pytestmark = pytest.mark.street

MODEL, WORKER = "openai/gpt-4.1-mini-us", "worker-openai"
LONG = Ask(model=MODEL, stream=True, words=70, pause_ms=100)  # 7 s
SLOW = Ask(model=MODEL, stream=False, words=3, pause_ms=6000)
SHORT = Ask(model=MODEL, stream=True, words=3)
_BACK_S = 40.0
_SEALED_S = 60.0  # 5 s lease, 15 s silence, 10 s without delivery; the rest is for a busy machine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """A street for the tests of this file: each leaves it whole."""
    async with Street(tmp_path_factory.mktemp("killed") / "state") as started:
        yield started


@asynccontextmanager
async def under_way(street: Street, ask: Ask) -> AsyncIterator["asyncio.Task[Seen]"]:
    """An exchange that has begun: its first word is here or, not streamed, the provider has the request."""
    before = len(await street.sandbox_log())
    talk = Talk(street.base_url, street.api_key, ask)
    task = asyncio.create_task(talk.run())
    if ask.stream:
        await asyncio.wait_for(talk.begun.wait(), 10)
    else:
        await until(lambda: _more(street, before), "the provider has not got the request")
    yield task
    await task


async def _more(street: Street, than: int) -> bool:
    return len(await street.sandbox_log()) > than


async def until(true: Callable[[], Awaitable[bool]], what: str, deadline_s: float = _BACK_S) -> None:
    deadline = time.monotonic() + deadline_s
    while not await true():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.2)


async def back(street: Street, name: str, old_pid: int) -> None:
    """The supervisor has said it, the program runs again and requests work."""
    await street.wait_restarted(name, old_pid, _BACK_S)
    await until(street.ready, "the street is not ready again")
    await until(lambda: _answers(street), "requests do not work again")
    console = street.tail(100_000)
    assert f"{name} was ended by SIGKILL; starting it again" in console
    await until(lambda: _says(street, f"{name} is ready again"), "its return was not said")


async def _answers(street: Street) -> bool:
    return (await Talk(street.base_url, street.api_key, SHORT).run()).end is End.WHOLE


async def _says(street: Street, text: str) -> bool:
    return text in street.tail(100_000)


async def sealed(street: Street, request_id: str) -> Record:
    """The record once it is sealed, and that exactly one Finished has its effect."""
    deadline = time.monotonic() + _SEALED_S
    while (record := (await look_up(street, [request_id]))[request_id])["status"] != "sealed":
        assert time.monotonic() < deadline, record
        await asyncio.sleep(0.5)
    books = await read_books(street)
    assert len(books.egresses[request_id]) == 1
    assert books.received.count(request_id) == 1
    assert record["outcome"] == books.outcome(request_id)
    return record


async def test_what_is_not_in_the_way_of_a_running_stream_does_not_touch_it(own: Street) -> None:
    async with under_way(own, LONG) as running:
        pids = {name: own.kill(name) for name in ("router", "custody", "clickhouse", "accounts")}
        seen = await running
    assert seen.end is End.WHOLE, seen
    for name, pid in pids.items():
        await back(own, name, pid)
    assert (await sealed(own, seen.request_id))["outcome"] == "completed"


@pytest.mark.parametrize("name", [WORKER, "nats"])
async def test_a_stream_whose_way_is_cut_ends_with_an_error(own: Street, name: str) -> None:
    async with under_way(own, LONG) as running:
        pid, killed_at = own.kill(name), time.monotonic()
        seen = await running
    assert (seen.end, seen.code) == (End.ERROR_EVENT, "stream_broken"), seen
    assert seen.ended_at - killed_at <= LIMIT_S
    await back(own, name, pid)
    await sealed(own, seen.request_id)


async def test_a_request_whose_worker_is_gone_gets_an_error_status(own: Street) -> None:
    async with under_way(own, SLOW) as running:
        pid, killed_at = own.kill(WORKER), time.monotonic()
        seen = await running
    assert (seen.end, seen.code) == (End.ERROR, "worker_lost"), seen
    assert seen.ended_at - killed_at <= LIMIT_S
    await back(own, WORKER, pid)
    assert (await sealed(own, seen.request_id))["outcome"] == "worker_lost"


async def test_a_broker_that_is_soon_back_need_not_cost_an_answer_that_is_not_streamed(own: Street) -> None:
    async with under_way(own, SLOW) as running:
        pid = own.kill("nats")
        seen = await running
    assert (seen.end, seen.code) in {(End.WHOLE, ""), (End.ERROR, "worker_lost")}, seen
    await back(own, "nats", pid)
    await sealed(own, seen.request_id)


@pytest.mark.parametrize("ask", [LONG, SLOW], ids=["stream", "whole"])
async def test_what_an_edge_had_in_its_hands_breaks_and_does_not_end(own: Street, ask: Ask) -> None:
    async with under_way(own, ask) as running:
        pid, killed_at = own.kill("ingress-0"), time.monotonic()
        seen = await running
    assert seen.end is End.BROKEN, seen
    assert seen.ended_at - killed_at <= LIMIT_S
    await back(own, "ingress-0", pid)


async def test_a_request_that_comes_while_the_edge_restarts_waits_and_is_answered(own: Street) -> None:
    await back(own, "ingress-0", own.kill("ingress-0"))
    pid = own.kill("ingress-0")
    # However long the edge takes to come back on this machine, the connection waits for it.
    asked = asyncio.create_task(Talk(own.base_url, own.api_key, SHORT, lambda: math.inf).run())
    seen = await asyncio.wait_for(asked, _BACK_S)
    assert seen.end in {End.WHOLE, End.ERROR}, seen
    assert seen.code in {"", *FAULT_CODES}
    await back(own, "ingress-0", pid)


async def test_a_request_that_dies_with_the_router_was_never_sent(own: Street) -> None:
    before = await own.sandbox_log()
    pid = own.kill("router", signal.SIGSTOP)
    asked = asyncio.create_task(Talk(own.base_url, own.api_key, LONG).run())
    await asyncio.sleep(0.3)
    own.kill("router")
    seen = await asked
    assert (seen.end, seen.code) == (End.ERROR, "worker_lost"), seen
    assert await own.sandbox_log() == before
    await back(own, "router", pid)


@pytest.mark.parametrize("name", ["custody", "clickhouse"])
async def test_a_look_up_under_way_is_answered_or_refused_in_time(own: Street, name: str) -> None:
    done = await Talk(own.base_url, own.api_key, SHORT).run()
    headers = {"Authorization": f"Bearer {own.api_key}"}
    url = f"{own.base_url}/api/usage/custody/{done.request_id}"
    pid, began = own.kill(name), time.monotonic()
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        said = await answer.json()
    assert time.monotonic() - began <= LIMIT_S
    unavailable = {"record_unavailable", "store_unavailable"}
    assert said.get("status") in {"pending", "sealed"} or said["error"]["code"] in unavailable
    await back(own, name, pid)
    assert (await sealed(own, done.request_id))["outcome"] == "completed"


async def test_a_worker_that_was_frozen_cannot_go_on_with_what_was_given_up(own: Street) -> None:
    lasting = Ask(model=MODEL, stream=True, words=200, pause_ms=100)  # longer than it is frozen
    async with under_way(own, lasting) as running:
        own.kill(WORKER, signal.SIGSTOP)
        frozen_at = time.monotonic()
        try:
            seen = await running
            await asyncio.sleep(max(0.0, frozen_at + 10 - time.monotonic()))
        finally:
            own.kill(WORKER, signal.SIGCONT)
    assert (seen.end, seen.code) == (End.ERROR_EVENT, "stream_broken"), seen
    assert seen.ended_at - frozen_at <= LIMIT_S
    await until(lambda: _answers(own), "requests do not work again")
    record = await sealed(own, seen.request_id)
    assert record["outcome"] in {"cancelled", "worker_lost"}


@pytest.mark.parametrize("name", ["ingress-0", WORKER])
async def test_what_is_asked_to_stop_lets_running_streams_end(own: Street, name: str) -> None:
    async with under_way(own, LONG) as running:
        pid = own.kill(name, signal.SIGTERM)
        seen = await running
    assert seen.end is End.WHOLE, seen
    await own.wait_restarted(name, pid, _BACK_S)
    await until(own.ready, "the street is not ready again")
    record = await sealed(own, seen.request_id)
    assert (record["outcome"], record["delivery"]["state"]) == ("completed", "complete")


async def test_two_streets_do_not_disturb_each_other(own: Street, tmp_path: Path) -> None:
    async with Street(tmp_path / "state") as other:
        mine, theirs = own.ports(), other.ports()
        kinds = ("public", "nats", "nats_monitor", "clickhouse", "sandbox")
        ports = [one[kind] for one in (mine, theirs) for kind in kinds]
        ports += [*mine["admin"].values(), *theirs["admin"].values()]
        assert len(set(ports)) == len(ports)
        received = await own.sandbox_log()
        async with under_way(other, LONG) as running:
            pids = own.pids()
            assert other.kill("nats") not in pids.values()
            here = await Talk(own.base_url, own.api_key, SHORT).run()
            there = await running
        assert here.end is End.WHOLE, here
        assert there.end is End.ERROR_EVENT, there
        assert own.pids() == pids
        assert len(await own.sandbox_log()) == len(received) + 1
        strange = await Talk(own.base_url, other.api_key, SHORT).run()
        assert (strange.end, strange.code) == (End.ERROR, "invalid_api_key")
    await until(lambda: _answers(own), "the end of one street ended the other")
