"""Facts in EVENTS become leaves of TLOG, each request once, whatever is killed between any two steps."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.custody_pb2 import RecordBatch, SealedBatch
from libs.contracts.subjects import RECORDS, TLOG
from libs.tlog.checkpoint import open_checkpoint
from libs.tlog.merkle import extends
from libs.tlog.receipt import commitment
from services.custody.sealing.journal import Fenced, Journal
from tests.support.broker import until
from tests.unit.custody.log.rig import Machine, Process, delivered, egress, ended, finished, in_log, new_id, tell


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def machine(bus: MemoryBus, tmp_path: Path) -> Machine:
    return Machine(bus=bus, root=tmp_path / "log")


async def batches(bus: MemoryBus) -> list[SealedBatch]:
    return [SealedBatch.FromString(m.data) for m in bus._streams[TLOG].messages]


async def test_every_request_has_one_leaf_and_its_record_stands_where_the_batch_says(
    machine: Machine, bus: MemoryBus
) -> None:
    ids = [new_id() for _ in range(30)]
    async with machine.running() as process:
        await ended(bus, *ids)
        await process.head(30)
    assert [leaf.request_id for leaf in await in_log(bus)] == ids
    for batch in await batches(bus):
        stored = RecordBatch.FromString(bus._streams[RECORDS].messages[batch.records_seq - 1].data)
        assert [one.request_id for one in stored.records] == [leaf.request_id for leaf in batch.leaves]
        for one, leaf in zip(stored.records, batch.leaves, strict=True):
            assert commitment(one.salt, one.record) == leaf.commitment


async def test_a_backlog_is_cut_into_batches_that_a_message_can_hold(machine: Machine, bus: MemoryBus) -> None:
    await ended(bus, *(new_id() for _ in range(2500)))
    async with machine.running() as process:
        await process.head(2500, 20.0)
    sizes = [len(batch.leaves) for batch in await batches(bus)]
    assert sum(sizes) == 2500
    assert max(sizes) <= 1000
    assert max(len(m.data) for m in bus._streams[RECORDS].messages) < 1 << 20


async def test_what_found_no_room_in_a_batch_is_sealed_without_another_pause(
    machine: Machine, bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.custody.sealing.leaves._MOST_BYTES", 40_000)
    machine.every_s = 1.0
    async with machine.running() as process:
        await ended(bus, new_id())
        await process.head(1)
        await ended(bus, *(new_id() for _ in range(60)))
        await process.head(61)
    first, second, *more = [batch.at_ms for batch in await batches(bus)]
    assert more
    assert second - first >= 990
    assert more[-1] - second < 900


async def test_a_request_that_is_open_while_many_are_sealed_is_not_forgotten_by_a_restart_nor_are_they_sealed_again(
    machine: Machine, bus: MemoryBus
) -> None:
    slow, ids = new_id(), [new_id() for _ in range(90)]
    machine.every_s = 0.0
    await tell(bus, egress(slow))
    async with machine.running() as process:
        for number, request_id in enumerate(ids, 1):
            await ended(bus, request_id)
            await process.head(number)
    assert len(await batches(bus)) == 90
    async with machine.running() as process:
        await tell(bus, finished(slow), delivered(slow))
        await process.head(91)
        await ended(bus, *ids[:3])  # further copies
        await ended(bus, last := new_id())
        await process.head(92)
    assert [leaf.request_id for leaf in await in_log(bus)] == [*ids, slow, last]


async def test_without_delivery_a_request_is_sealed_once_nothing_more_stands_in_the_stream(
    machine: Machine, bus: MemoryBus
) -> None:
    request_id = new_id()
    async with machine.running() as process:
        await tell(bus, egress(request_id), finished(request_id))
        await asyncio.sleep(0.5)
        assert process.log.covering is not None
        assert not await in_log(bus)
        machine.skip_s = 11.0
        await process.head(1)
        await tell(bus, delivered(request_id))
        other = new_id()
        await ended(bus, other)
        await process.head(2)
    assert [leaf.request_id for leaf in await in_log(bus)] == [request_id, other]


async def test_clocks_that_step_make_no_leaf_earlier_than_the_one_before(machine: Machine, bus: MemoryBus) -> None:
    async with machine.running() as process:
        for number, step in enumerate((0, 600_000, -600_000, -(10**12), 0), 1):
            machine.wall_ms = step
            await ended(bus, new_id())
            await process.head(number)
    times = [batch.at_ms for batch in await batches(bus)]
    assert times == sorted(times)


async def test_a_second_sequencer_is_refused_and_the_first_then_stands_down(machine: Machine, bus: MemoryBus) -> None:
    ids = [new_id() for _ in range(60)]
    others = [machine.parts().sequencer for _ in range(3)]
    running = [asyncio.create_task(other.run()) for other in others]
    for request_id in ids:
        await ended(bus, request_id)
        await asyncio.sleep(0.002)
        for number, task in enumerate(running):
            if task.done():  # as the loop around the lease does
                task.result()
                running[number] = asyncio.create_task(others[number].run())
    async with machine.running(leader=False) as process:
        await until(lambda: process.growth.size == 60)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert sorted(leaf.request_id for leaf in await in_log(bus)) == sorted(ids)


async def test_an_append_whose_answer_was_lost_is_found_and_one_of_another_is_not_taken_for_ours(
    bus: MemoryBus,
) -> None:
    journal, other = Journal(bus), Journal(bus)
    await journal.last()
    await other.last()
    batch = SealedBatch(epoch=1, open_from=1)
    await bus.append("tlog", batch.SerializeToString(), expected=0)  # ours, of which we did not hear
    await journal.append(batch)
    assert journal.seq == 1
    with pytest.raises(Fenced):
        await other.append(SealedBatch(epoch=2, open_from=1))


async def test_a_broker_that_is_away_for_a_while_costs_no_leaf_and_doubles_none(
    machine: Machine, bus: MemoryBus
) -> None:
    ids = [new_id() for _ in range(40)]
    async with machine.running() as process:
        for number, request_id in enumerate(ids):
            await ended(bus, request_id)
            if number % 10 == 5:
                bus.fail()
                await asyncio.sleep(0.15)
                bus.heal()
        await process.head(40, 15.0)
    assert sorted(leaf.request_id for leaf in await in_log(bus)) == sorted(ids)


class Killed(BaseException):
    """The process ends here."""


class DeadlyBus(MemoryBus):
    """Kills whoever writes, at the n-th write: before it is stored, or after and before it is acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.armed, self.at, self.stored = False, 0, False
        self.killed = asyncio.Event()

    def _append(self, subject: str, data: bytes, *rest: Any, **more: Any) -> int:
        if not self.armed or subject.startswith("ev."):
            return super()._append(subject, data, *rest, **more)
        self.at -= 1
        if self.at == 0 and self.stored:
            super()._append(subject, data, *rest, **more)
        if self.at <= 0:
            self.killed.set()
            raise Killed
        return super()._append(subject, data, *rest, **more)


async def consistent(process: Process, heads: dict[int, str]) -> None:
    """Every checkpoint that anybody saw is a prefix of the one that is shown now."""
    head = process.log.head()
    assert head is not None
    assert process.log.key is not None
    for size, note in heads.items():
        seen, _ = open_checkpoint(note, process.log.key)
        path = process.log.consistency(size, head.checkpoint.size)
        assert not size or extends(size, head.checkpoint.size, path, seen.root, head.checkpoint.root)


@pytest.mark.parametrize("stored", [False, True], ids=["before it is stored", "before it is acknowledged"])
@pytest.mark.parametrize("step", range(1, 8))
async def test_killed_at_any_write_there_is_no_gap_no_double_and_no_contradiction(
    tmp_path: Path, step: int, *, stored: bool
) -> None:
    bus = DeadlyBus()
    machine = Machine(bus=bus, root=tmp_path / "log")
    ids: list[str] = []
    heads: dict[int, str] = {}

    async def more(count: int) -> None:
        for _ in range(count):
            ids.append(new_id())
            await ended(bus, ids[-1])

    await more(3)
    for _ in range(3):
        bus.killed.clear()
        bus.armed, bus.at, bus.stored = True, step, stored
        async with machine.running() as process:
            while not bus.killed.is_set():
                await more(1)
                await asyncio.sleep(0.03)
                if (head := process.log.head()) is not None:
                    heads[head.checkpoint.size] = head.note
        bus.armed = False
    async with machine.running() as process:
        await more(2)
        await process.head(len(ids))
        await consistent(process, heads)
    assert sorted(leaf.request_id for leaf in await in_log(bus)) == sorted(ids)
