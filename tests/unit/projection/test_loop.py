"""The loop on the fake bus with a sink that remembers: blocks, positions, poison, a store that is away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson
import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.errors import StoreUnavailable
from libs.contracts.northern.v1.facts_pb2 import Delivered, Egress, Fact, FactBatch, Finished
from libs.projection.base import Placed
from libs.projection.leased import while_leased
from libs.projection.loop import Projection
from libs.projection.tasks import stopped
from libs.telemetry.metrics import Metrics
from tests.support.broker import until


class Remembering:
    """A sink as a table with tokens is one: a token seen before stores nothing, the position is what was stored."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, list[Placed]]] = []
        self.tokens: set[str] = set()
        self.up = True
        self.lies = 0  # writes that are stored and said to have failed
        self.tries = 0

    @property
    def facts(self) -> list[Placed]:
        return [placed for _, block in self.blocks for placed in block]

    async def resume(self) -> int:
        if not self.up:
            raise StoreUnavailable("away")
        return max((placed.seq for placed in self.facts), default=0)

    async def write(self, block: Sequence[Placed], token: str) -> int:
        self.tries += 1
        if not self.up:
            raise StoreUnavailable("away")
        if token not in self.tokens:
            self.tokens.add(token)
            self.blocks.append((token, list(block)))
        if self.lies:
            self.lies -= 1
            raise StoreUnavailable("the answer was lost")
        return len(block)


def fact(n: int, kind: str = "egress") -> Fact:
    made = Fact(request_id=f"{n:016x}", tenant="t_one", at_ms=1_800_000_000_000)
    match kind:
        case "egress":
            made.egress.CopyFrom(Egress(boot_id="b"))
        case "finished":
            made.finished.CopyFrom(Finished(boot_id="b"))
        case _:
            made.delivered.CopyFrom(Delivered(status=200))
    return made


async def tell(bus: MemoryBus, *numbers: int, kind: str = "egress") -> int:
    batch = FactBatch(facts=[fact(n, kind) for n in numbers])
    return await bus.append(f"ev.{kind}.0", batch.SerializeToString())


def projection(bus: MemoryBus, sink: Remembering, *, rows: int = 1000, linger_s: float = 0.01) -> Projection:
    return Projection(bus=bus, sink=sink, metrics=Metrics(), purpose="custody", rows=rows, linger_s=linger_s)


@asynccontextmanager
async def running(loop: Projection) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        await stopped(task)


def places(sink: Remembering) -> list[tuple[int, int]]:
    return [(placed.seq, placed.idx) for placed in sink.facts]


async def test_facts_arrive_in_order_with_their_places() -> None:
    bus, sink = MemoryBus(), Remembering()
    await tell(bus, 1, 2)
    async with running(projection(bus, sink)):
        await until(lambda: len(sink.facts) == 2)
        await tell(bus, 3, kind="finished")
        await until(lambda: len(sink.facts) == 3)
    assert places(sink) == [(1, 0), (1, 1), (2, 0)]
    assert [placed.kind for placed in sink.facts] == ["egress", "egress", "finished"]


async def test_a_block_is_full_at_its_rows_and_never_splits_a_message() -> None:
    bus, sink = MemoryBus(), Remembering()
    for _ in range(5):
        await tell(bus, 1, 2, 3)
    async with running(projection(bus, sink, rows=4, linger_s=60)):
        await until(lambda: len(sink.blocks) == 2)
        await asyncio.sleep(0.05)
    assert [token for token, _ in sink.blocks] == ["EVENTS:1-2", "EVENTS:3-4"]
    assert [len(block) for _, block in sink.blocks] == [6, 6]


async def test_where_many_come_a_block_lingers_longer_and_one_that_comes_alone_does_not() -> None:
    bus, sink = MemoryBus(), Remembering()
    loop = projection(bus, sink)
    loop.busy_linger_s = 0.4
    await tell(bus, 1)
    async with running(loop):
        await until(lambda: len(sink.blocks) == 1, 0.3)
        await tell(bus, *range(2, 120))
        await asyncio.sleep(0.1)
        await tell(bus, 120)
        await until(lambda: len(sink.blocks) == 2)
    assert [len(block) for _, block in sink.blocks] == [1, 119]


async def test_a_block_is_full_by_what_its_items_weigh() -> None:
    bus, sink = MemoryBus(), Remembering()
    for n in range(4):
        await tell(bus, n)
    loop = projection(bus, sink, rows=20, linger_s=60)
    loop.weigh = lambda placed: 5 * placed.seq
    async with running(loop):
        await until(lambda: len(sink.blocks) == 2)
    assert [token for token, _ in sink.blocks] == ["EVENTS:1-3", "EVENTS:4-4"]


async def test_a_second_start_goes_on_where_the_sink_is() -> None:
    bus, sink = MemoryBus(), Remembering()
    await tell(bus, 1)
    async with running(projection(bus, sink)):
        await until(lambda: len(sink.facts) == 1)
    await tell(bus, 2)
    async with running(projection(bus, sink)):
        await until(lambda: len(sink.facts) == 2)
        await asyncio.sleep(0.05)
    assert places(sink) == [(1, 0), (2, 0)]


async def test_a_store_that_is_down_loses_nothing_and_doubles_nothing() -> None:
    bus, sink = MemoryBus(), Remembering()
    await tell(bus, 1)
    loop = projection(bus, sink)
    async with running(loop):
        await until(lambda: len(sink.facts) == 1)
        sink.up = False
        await tell(bus, 2)
        await until(lambda: sink.tries >= 3)
        sink.lies = 1
        sink.up = True
        await until(lambda: loop.done == 2)
    assert places(sink) == [(1, 0), (2, 0)]


async def test_a_store_that_is_down_at_the_start_is_waited_for() -> None:
    bus, sink = MemoryBus(), Remembering()
    sink.up = False
    await tell(bus, 1)
    async with running(projection(bus, sink)):
        await asyncio.sleep(0.05)
        sink.up = True
        await until(lambda: len(sink.facts) == 1)


async def test_while_the_store_is_away_no_more_than_two_blocks_are_kept() -> None:
    bus, sink = MemoryBus(), Remembering()
    loop = projection(bus, sink, rows=10)
    sink.lies = 1000
    for n in range(100):
        await tell(bus, n)
    async with running(loop):
        await until(lambda: sink.tries >= 2)
        assert loop._read <= 20
        sink.lies = 0
        await until(lambda: loop.done == 100)
    assert len(sink.facts) == 100


@pytest.mark.parametrize(
    ("subject", "data", "why"),
    [
        ("ev.egress.0", b"\xff not protobuf", "decode"),
        ("ev.egress.0", b"", "empty"),
        ("ev.delivered.0", FactBatch(facts=[fact(1, "finished")]).SerializeToString(), "kind"),
        ("ev.egress.0", FactBatch(facts=[fact(1), Fact()]).SerializeToString(), "kind"),
        (
            "ev.egress.0",
            FactBatch(facts=[Fact(request_id="1" * 16, tenant="t", at_ms=-1, egress=Egress())]).SerializeToString(),
            "value",
        ),
        ("ev.egress.0", b"\xff" * 1_000_000, "decode"),
    ],
)
async def test_a_poison_message_is_put_aside_alone_and_the_rest_goes_on(subject: str, data: bytes, why: str) -> None:
    bus, sink = MemoryBus(), Remembering()
    await tell(bus, 1)
    await bus.append(subject, data)
    await tell(bus, 3)
    async with running(projection(bus, sink)):
        await until(lambda: len(sink.facts) == 2)
    assert places(sink) == [(1, 0), (3, 0)]
    assert await bus.last_seq("DLQ") == 1
    async for letters in bus.follow("DLQ"):
        letter = orjson.loads(letters[0].data)
        assert letters[0].subject == "dlq.custody"
        assert (letter["subject"], letter["seq"], letter["error_type"]) == (subject, 2, why)
        assert len(letters[0].data) < 1_000_000
        break


async def test_read_again_a_poison_message_is_one_dead_letter() -> None:
    bus, sink = MemoryBus(), Remembering()
    await bus.append("ev.egress.0", b"\xff")
    loop = projection(bus, sink)
    for _ in range(2):
        async with running(loop):
            await until(lambda: loop.done == 1)
        assert not loop._running
    assert await bus.last_seq("DLQ") == 1


async def test_other_subjects_of_the_stream_are_passed_over_and_count_as_done() -> None:
    bus, sink = MemoryBus(), Remembering()
    await bus.append("ev.pii.0", b"not for us")
    await bus.append("ev.admin.keys", b"nor this")
    loop = projection(bus, sink)
    async with running(loop):
        await until(lambda: loop.done == 2)
        await until(lambda: loop.lag == 0)
    assert sink.blocks == []


async def test_a_broker_that_goes_away_is_followed_again_from_the_last_message_read() -> None:
    bus, sink = MemoryBus(), Remembering()
    await tell(bus, 1)
    async with running(projection(bus, sink)):
        await until(lambda: len(sink.facts) == 1)
        bus.fail()
        await asyncio.sleep(0.02)
        bus.heal()
        await tell(bus, 2)
        await until(lambda: len(sink.facts) == 2)
    assert places(sink) == [(1, 0), (2, 0)]


async def test_a_fault_of_our_own_is_raised() -> None:
    class Broken(Remembering):
        async def write(self, block: Sequence[Placed], token: str) -> int:
            raise ZeroDivisionError

    bus = MemoryBus()
    await tell(bus, 1)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(projection(bus, Broken()).run(), 2)


async def test_a_reader_with_a_lost_lease_stops_and_another_goes_on_without_doubles() -> None:
    bus, sink = MemoryBus(), Remembering()
    clock = [1_800_000_000_000]
    loops = [projection(bus, sink), projection(bus, sink)]
    tasks = [
        asyncio.create_task(while_leased(bus, "reader.custody", owner, lambda: clock[0], loop.run))
        for owner, loop in zip("ab", loops, strict=True)
    ]
    await tell(bus, 1)
    await until(lambda: len(sink.facts) == 1)
    assert sum(loop._running for loop in loops) == 1
    active = 0 if loops[0]._running else 1
    await stopped(tasks[active])
    clock[0] += 1
    await tell(bus, 2)
    await until(lambda: len(sink.facts) == 2)
    assert loops[1 - active]._running
    await stopped(tasks[1 - active])
    assert places(sink) == [(1, 0), (2, 0)]


async def test_what_leased_work_raises_is_raised() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await while_leased(MemoryBus(), "reader", "a", lambda: 1_800_000_000_000, broken)
