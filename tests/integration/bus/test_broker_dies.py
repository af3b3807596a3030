"""kill -9 of a real broker and its return on the same store: what facts and watches make of it."""

import asyncio
import secrets
import signal
import time

import orjson
import pytest

from libs.bus import nats as under_test
from libs.bus.base import Bus, Stored
from libs.bus.facts import FactPublisher
from libs.bus.nats import connect
from libs.bus.watch import Watch
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch
from libs.contracts.subjects import EVENTS, fact
from libs.telemetry.metrics import Metrics
from tests.support.broker import Broker, until

KV = "aliases"


async def facts_after(bus: Bus, after: int) -> list[int]:
    """The numbers of all facts stored after a sequence, batch by batch."""
    last, found = await bus.last_seq(EVENTS), list[Stored]()
    async for batch in bus.follow(EVENTS, after=after):
        found += batch
        if found and found[-1].seq == last:
            break
    return [int(one.request_id, 16) for m in found for one in FactBatch.FromString(m.data).facts]


async def test_no_fact_is_lost_and_none_is_doubled_when_the_broker_dies_again_and_again(nats: Broker) -> None:
    async with connect("worker", nats.settings) as bus, connect("operator", nats.settings) as reader:
        before = await bus.last_seq(EVENTS)
        publisher = FactPublisher(bus, metrics := Metrics())
        waiting = []
        for n in range(3000):
            waiting.append(publisher.publish("egress", Fact(request_id=f"{n:016x}", tenant="t")))
            if n in (500, 1700):
                nats.kill()  # with a batch on its way
            if n in (1200, 2300):
                nats.spawn()
            if n % 10 == 0:
                await asyncio.sleep(0.001)
        async with asyncio.timeout(10):
            await asyncio.gather(*waiting)
        await until(lambda: reader.connected)
        assert await facts_after(reader, before) == list(range(3000))
        messages = await reader.last_seq(EVENTS) - before
        assert messages < 1000
        assert b"ni_fact_retries_total 0.0" not in metrics.text()
        await publisher.close()


async def test_a_batch_stored_whose_answer_was_lost_in_the_crash_is_stored_once(nats: Broker) -> None:
    async with connect("worker", nats.settings) as bus:
        before = await bus.last_seq(EVENTS)
        name = secrets.token_hex(6)
        await bus.append(fact("egress", 0), b"", msg_id=name)
        nats.kill()
        nats.spawn()
        await until(lambda: bus.connects == 2)
        assert await bus.append(fact("egress", 0), b"", msg_id=name) == before + 1
        assert await bus.last_seq(EVENTS) == before + 1


async def test_a_change_made_right_after_the_broker_came_back_is_seen_within_2_s(nats: Broker) -> None:
    copy: dict[str, bytes | None] = {}
    async with connect("ingress", nats.settings) as bus, connect("accounts", nats.settings) as writer:
        watch = Watch(bus, KV, copy.__setitem__, Metrics())
        await writer.put(KV, "before", b"1")
        await watch.start()
        assert copy["before"] == b"1"
        for n in range(3):
            nats.kill()
            await until(lambda: not writer.connected)
            nats.spawn()
            await until(lambda: writer.connected)
            await _put(writer, "after", b"%d" % n)
            began = time.monotonic()
            await until(lambda n=n: copy.get("after") == b"%d" % n, 2)  # type: ignore[misc]  # bound now, not later
            assert time.monotonic() - began < 2
        assert not watch.stale
        await watch.close()


async def _put(bus: Bus, key: str, value: bytes) -> None:
    """As soon as the broker takes it."""
    async with asyncio.timeout(5):
        while True:
            try:
                await bus.put(KV, key, value)
            except Exception:  # noqa: BLE001 - JetStream is a moment behind the connection
                await asyncio.sleep(0.01)
            else:
                return


async def test_a_bucket_made_anew_is_forgotten(nats: Broker) -> None:
    copy: dict[str, bytes] = {}

    def keep(key: str, value: bytes | None) -> None:
        copy.pop(key, None) if value is None else copy.__setitem__(key, value)

    async with connect("ingress", nats.settings) as bus:
        for n in range(20):
            await bus.put(KV, f"old{n}", b"1")
        watch = Watch(bus, KV, keep, Metrics())
        await watch.start()
        assert len(copy) >= 20
        answer = orjson.loads(await bus.request(f"$JS.API.STREAM.DELETE.KV_{KV}", b"", 2))
        assert answer["success"]
        await asyncio.to_thread(nats.provision)
        await bus.put(KV, "new", b"1")
        await until(lambda: copy == {"new": b"1"}, 6)
        await watch.close()


async def test_a_broker_that_stands_still_for_longer_than_anybody_waits_is_heard_again_when_it_goes_on(
    nats: Broker,
) -> None:
    assert nats.process is not None
    async with connect("worker", nats.settings) as bus:
        nats.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(BusUnavailable):
                await bus.subscribe(f"ni.test.{secrets.token_hex(4)}", lambda _: None)
        finally:
            nats.process.send_signal(signal.SIGCONT)
        assert await bus.last_seq(EVENTS, timeout_s=2) >= 0
        assert bus.connects == 1  # the answer that came too late was read, and passed over


async def test_whoever_is_cancelled_while_it_subscribes_has_subscribed_nothing(nats: Broker) -> None:
    subject, heard = f"ni.test.{secrets.token_hex(4)}", list[bytes]()
    assert nats.process is not None
    async with connect("worker", nats.settings) as bus:
        nats.process.send_signal(signal.SIGSTOP)
        try:
            subscribing = asyncio.create_task(bus.subscribe(subject, lambda message: heard.append(message.data)))
            await asyncio.sleep(0.1)
            subscribing.cancel()
            await asyncio.gather(subscribing, return_exceptions=True)
        finally:
            nats.process.send_signal(signal.SIGCONT)
        with pytest.raises(Overloaded):
            await bus.request(subject, b"anybody?", 2)
    assert heard == []


@pytest.mark.parametrize("how", ["the broker hangs", "whoever stops it is in a hurry"])
async def test_a_subscription_that_could_not_be_stopped_in_order_is_not_there_on_the_next_connection(
    nats: Broker, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_DRAIN_S", 0.1)
    subject, heard = f"ni.test.{secrets.token_hex(4)}", list[bytes]()
    assert nats.process is not None
    async with connect("worker", nats.settings) as bus:
        sub = await bus.subscribe(subject, lambda message: heard.append(message.data), "members")
        if how == "the broker hangs":
            nats.process.send_signal(signal.SIGSTOP)
            await sub.stop()
        else:
            stopping = asyncio.create_task(sub.stop())
            await asyncio.sleep(0)
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
            with pytest.raises(Overloaded):  # nor on this one: others of its queue would miss what it is given
                await bus.request(subject, b"now", 1)
        nats.kill()
        await until(lambda: not bus.connected)
        nats.start()
        await until(lambda: bus.connects == 2)
        with pytest.raises(Overloaded):
            await bus.request(subject, b"then", 2)
    assert heard == []
