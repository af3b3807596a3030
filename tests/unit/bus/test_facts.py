"""Group commit: many facts in one message, each durable before its future is done, none lost and none in two minds."""

import asyncio

import pytest

from libs.bus import facts as under_test
from libs.bus.facts import FactPublisher
from libs.bus.memory import MemoryBus
from libs.contracts.errors import BusUnavailable, RecordUnavailable
from libs.contracts.northern.v1.facts_pb2 import Egress, Fact, FactBatch
from libs.contracts.subjects import EVENTS
from libs.telemetry.metrics import Metrics
from tests.support.broker import until


class Held(MemoryBus):
    """Stores what it is given when `go` is set; keeps what was sent; loses the answer of the next `deaf` appends."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()
        self.sent: list[tuple[str, bytes]] = []
        self.deaf = 0

    async def append(
        self, subject: str, data: bytes, *, msg_id: str = "", expected: int | None = None, timeout_s: float = 5.0
    ) -> int:
        self.sent.append((msg_id, data))
        await self.go.wait()
        seq = await super().append(subject, data, msg_id=msg_id, expected=expected)
        if self.deaf:
            self.deaf -= 1
            raise BusUnavailable("the answer was lost")
        return seq


def fact(n: int, size: int = 0) -> Fact:
    return Fact(request_id=f"{n:016x}", tenant="t", egress=Egress(host="x" * size))


async def stored(bus: MemoryBus) -> list[int]:
    messages = await anext(bus.follow(EVENTS))
    return [int(one.request_id, 16) for m in messages for one in FactBatch.FromString(m.data).facts]


async def test_facts_that_come_while_one_batch_is_on_its_way_ride_in_the_next() -> None:
    bus = Held()
    publisher = FactPublisher(bus, Metrics())
    bus.go.clear()
    first = publisher.publish("egress", fact(0))
    await until(lambda: len(bus.sent) == 1)
    rest = [publisher.publish("egress", fact(n)) for n in range(1, 500)]
    assert publisher.waiting == 500
    assert not first.done()
    bus.go.set()
    await asyncio.gather(first, *rest)
    assert len(bus.sent) == 2
    assert await stored(bus) == list(range(500))
    assert publisher.waiting == 0
    await publisher.close()


async def test_facts_of_one_turn_of_the_loop_are_one_message() -> None:
    bus, metrics = Held(), Metrics()
    publisher = FactPublisher(bus, metrics)
    await asyncio.gather(*(publisher.publish("egress", fact(n)) for n in range(100)))
    assert len(bus.sent) == 1
    assert b'ni_facts_published_total{kind="egress"} 100.0' in metrics.text()
    assert b'ni_fact_batches_total{kind="egress"} 1.0' in metrics.text()
    await publisher.close()


async def test_a_batch_ends_at_500_facts_and_at_512_kib() -> None:
    bus = Held()
    publisher = FactPublisher(bus, Metrics())
    await asyncio.gather(*(publisher.publish("egress", fact(n)) for n in range(1200)))
    assert [len(FactBatch.FromString(data).facts) for _, data in bus.sent] == [500, 500, 200]
    bus.sent.clear()
    await asyncio.gather(*(publisher.publish("egress", fact(n, 100 << 10)) for n in range(12)))
    assert all(len(data) <= 512 << 10 for _, data in bus.sent)
    assert len(bus.sent) == 3
    await publisher.close()


async def test_the_future_is_not_done_before_the_broker_has_it() -> None:
    bus = Held()
    publisher = FactPublisher(bus, Metrics())
    bus.go.clear()
    durable = publisher.publish("egress", fact(1))
    await asyncio.sleep(0.02)
    assert not durable.done()
    bus.go.set()
    await durable
    assert await stored(bus) == [1]
    await publisher.close()


async def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_bytes_and_id() -> None:
    bus, metrics = Held(), Metrics()
    publisher = FactPublisher(bus, metrics)
    bus.deaf = 2
    await publisher.publish("egress", fact(1))
    assert len(bus.sent) == 3
    assert len(set(bus.sent)) == 1
    assert await stored(bus) == [1]
    assert b"ni_fact_retries_total 2.0" in metrics.text()
    await publisher.publish("egress", fact(2))
    assert len(set(bus.sent)) == 2  # another batch, another id
    await publisher.close()


async def test_while_the_broker_is_away_facts_wait_and_then_all_arrive_in_order() -> None:
    bus = MemoryBus()
    publisher = FactPublisher(bus, Metrics())
    bus.fail()
    waiting = [publisher.publish("egress", fact(n)) for n in range(5)]
    await asyncio.sleep(0.1)
    waiting += [publisher.publish("egress", fact(n)) for n in range(5, 1000)]
    bus.heal()
    await asyncio.gather(*waiting)
    assert await stored(bus) == list(range(1000))
    await publisher.close()


async def test_how_many_facts_wait_while_the_broker_is_away_is_a_metric() -> None:
    bus, metrics = MemoryBus(), Metrics()
    bus.fail()
    publisher = FactPublisher(bus, metrics)
    waiting = [publisher.publish("egress", Fact(request_id=f"{n:016x}", tenant="t")) for n in range(3)]
    await asyncio.sleep(0.02)
    assert b'ni_fact_queue{kind="egress"} 3.0' in metrics.text()
    bus.heal()
    await asyncio.gather(*waiting)
    await publisher.close()
    assert b'ni_fact_queue{kind="egress"} 0.0' in metrics.text()


async def test_beyond_its_bound_it_refuses_instead_of_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_MAX_WAITING", 3)
    bus = MemoryBus()
    publisher = FactPublisher(bus, Metrics())
    bus.fail()
    waiting = [publisher.publish("egress", fact(n)) for n in range(3)]
    with pytest.raises(RecordUnavailable) as refused:
        publisher.publish("egress", fact(3))
    assert refused.value.retry_after_ms
    publisher.publish("finished", fact(3))  # another kind has a bound of its own
    bus.heal()
    await asyncio.gather(*waiting)
    await publisher.publish("egress", fact(3))
    await publisher.close()


async def test_a_fact_too_large_for_any_message_is_refused_and_holds_up_no_other() -> None:
    bus = MemoryBus()
    publisher = FactPublisher(bus, Metrics())
    with pytest.raises(RecordUnavailable):
        publisher.publish("egress", fact(1, 2 << 20))
    await asyncio.wait_for(publisher.publish("egress", fact(2)), 1)
    assert await stored(bus) == [2]
    await publisher.close()


async def test_a_caller_that_gave_up_waiting_takes_nothing_back() -> None:
    bus = Held()
    publisher = FactPublisher(bus, Metrics())
    bus.go.clear()
    impatient, patient = publisher.publish("egress", fact(1)), publisher.publish("egress", fact(2))
    await asyncio.sleep(0)
    impatient.cancel()
    bus.go.set()
    await patient
    assert await stored(bus) == [1, 2]
    await publisher.close()


async def test_closing_waits_for_every_fact() -> None:
    bus = Held()
    publisher = FactPublisher(bus, Metrics())
    bus.go.clear()
    for n in range(700):
        publisher.publish("egress", fact(n))
    asyncio.get_running_loop().call_later(0.03, bus.go.set)
    await publisher.close()
    assert publisher.waiting == 0
    assert await stored(bus) == list(range(700))


async def test_closing_without_a_broker_ends_in_time_and_says_what_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    bus = MemoryBus()
    publisher = FactPublisher(bus, Metrics())
    bus.fail()
    for n in range(7):
        publisher.publish("egress", fact(n))
    await asyncio.wait_for(publisher.close(0.05), 1)
    said = capsys.readouterr().out
    assert "facts_not_stored" in said
    assert "count=7" in said


async def test_closing_what_was_never_used_is_nothing() -> None:
    await FactPublisher(MemoryBus(), Metrics()).close()
