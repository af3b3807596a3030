"""How messages leave: in their order, together, held back where the broker takes no more, and none lost."""

import asyncio
import signal

from libs.bus.nats import NatsBus, connect
from tests.support.broker import Broker, until


async def test_what_is_published_arrives_in_its_order_whatever_its_size_and_headers(nats: Broker) -> None:
    sizes = [0, 1, 70_000, 3, 300_000, 0, 900_000, 2] * 4
    got: list[int] = []
    async with connect("operator", nats.settings) as bus, connect("operator", nats.settings) as other:
        await other.subscribe("dlq.order", lambda message: got.append(len(message.data)))
        for size in sizes[:-1]:
            await bus.publish("dlq.order", b"x" * size)
        await bus.append("dlq.order", b"x" * sizes[-1], msg_id="last")
        await until(lambda: len(got) == len(sizes))
    assert got == sizes


async def test_more_than_may_wait_in_memory_is_held_back_and_not_lost(nats: Broker) -> None:
    got = 0

    def count(_: object) -> None:
        nonlocal got
        got += 1

    async with connect("operator", nats.settings) as bus, connect("operator", nats.settings) as other:
        await other.subscribe("t.flood", count)
        assert isinstance(bus, NatsBus)
        most = 0
        for _ in range(400):
            await bus.publish("t.flood", b"x" * 100_000)
            most = max(most, bus._nc.pending_data_size)
        await until(lambda: got == 400)
    assert most < 3 << 20


async def test_an_answer_goes_to_its_own_question(nats: Broker) -> None:
    async with connect("operator", nats.settings) as bus, connect("operator", nats.settings) as other:
        await other.subscribe("q.echo", lambda message: other.publish(message.reply, message.data))
        told = await asyncio.gather(*(bus.request("q.echo", b"%d" % n, 2) for n in range(200)))
    assert told == [b"%d" % n for n in range(200)]


async def test_what_is_published_after_a_broker_came_back_arrives(nats: Broker) -> None:
    got: list[bytes] = []
    async with connect("operator", nats.settings) as bus:
        await bus.subscribe("t.again", lambda message: got.append(message.data))
        nats.kill()
        await until(lambda: not bus.connected)
        nats.start()
        await until(lambda: bus.connects > 1)
        await bus.publish("t.again", b"x")
        await until(lambda: got == [b"x"])


async def test_what_could_not_leave_is_not_sent_when_nobody_waits_for_it_any_more(nats: Broker) -> None:
    got: list[bytes] = []
    async with connect("operator", nats.settings) as bus:
        await bus.subscribe("t.late", lambda message: got.append(message.data))
        assert isinstance(bus, NatsBus)
        assert nats.process is not None
        nats.process.send_signal(signal.SIGSTOP)
        while bus._nc.pending_data_size < 1 << 20:  # more than the socket takes
            await bus.publish("t.late", b"x" * 100_000)
            await asyncio.sleep(0.001)
        nats.kill()
        await until(lambda: not bus.connected)
        nats.start()
        await until(lambda: bus.connects > 1)
        await bus.publish("t.late", b"y")
        await until(lambda: b"y" in got)
    assert got == [b"y"]


async def test_of_a_subscription_that_was_stopped_nothing_is_kept(nats: Broker) -> None:
    async with connect("operator", nats.settings) as bus:
        assert isinstance(bus, NatsBus)
        await bus.append("dlq.kept", b"x")
        before = len(bus._nc._takers)
        for _ in range(3):
            await (await bus.subscribe("t.kept", lambda message: None)).stop()
            async with bus.inbox():
                assert len(bus._nc._takers) == before + 1
        assert len(bus._nc._takers) == before
