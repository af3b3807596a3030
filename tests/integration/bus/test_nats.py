"""What only the real adapter can do wrong: brokers that are away, consumers that die, connections that end badly."""

import asyncio
import time

import orjson
import pytest

from libs.bus import nats as door
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable
from libs.embedded.state import free_ports
from libs.runtime.settings import Settings
from tests.support.broker import Broker, until


async def test_where_no_broker_answers_in_time_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(door, "_CONNECT_S", 0.5)
    began = time.monotonic()
    with pytest.raises(BusUnavailable, match="no broker answers"):
        async with connect("router", Settings(nats_url=f"nats://127.0.0.1:{free_ports(1)[0]}")):
            pass
    assert time.monotonic() - began < 3
    assert capsys.readouterr().out.count("bus_error") <= 2


async def test_a_broker_that_comes_a_moment_late_is_waited_for(nats: Broker) -> None:
    nats.kill()
    opening = asyncio.create_task(_ask_once(nats))
    await asyncio.sleep(0.3)
    nats.spawn()
    assert await asyncio.wait_for(opening, 5)


async def _ask_once(nats: Broker) -> bool:
    async with connect("operator", nats.settings) as bus:
        return bus.connected


async def test_leaving_while_the_broker_is_away_raises_nothing(nats: Broker) -> None:
    async with connect("operator", nats.settings) as bus:
        await bus.subscribe("t.leaving", lambda message: None)
        nats.kill()
        await until(lambda: not bus.connected)
    nats.start()


async def test_following_ends_when_its_consumer_was_removed(nats: Broker) -> None:
    """The server removes an ephemeral consumer nobody pulled from for 30 s: a reader whose store was away."""
    async with connect("operator", nats.settings) as bus:
        seq = await bus.append("dlq.removed", b"x")
        batches = bus.follow("DLQ", after=seq - 1)
        assert [m.seq for m in await anext(batches)] == [seq]
        named = orjson.loads(await bus.request("$JS.API.CONSUMER.NAMES.DLQ", b"", 2))["consumers"]
        for name in named:
            await bus.request(f"$JS.API.CONSUMER.DELETE.DLQ.{name}", b"", 2)
        async with asyncio.timeout(1):
            assert [batch async for batch in batches if batch] == []


async def test_following_ends_when_its_consumer_was_removed_between_two_pulls(nats: Broker) -> None:
    async with connect("operator", nats.settings) as bus:
        before = await bus.last_seq("DLQ")
        await asyncio.gather(*(bus.append("dlq.full", b"x") for _ in range(512)))  # one whole pull
        batches, count = bus.follow("DLQ", after=before), 0
        while count < 512:
            count += len(await anext(batches))
        named = orjson.loads(await bus.request("$JS.API.CONSUMER.NAMES.DLQ", b"", 2))["consumers"]
        for name in named:
            await bus.request(f"$JS.API.CONSUMER.DELETE.DLQ.{name}", b"", 2)
        async with asyncio.timeout(1):
            assert [batch async for batch in batches if batch] == []
