"""Leases on the fake bus: one holder at a time, intervals of a slot that never overlap."""

import asyncio

import orjson
import pytest

from libs.bus.lease import BUCKET, acquire, lease_slot
from libs.bus.memory import MemoryBus
from tests.support.broker import until


class Clock:
    def __init__(self, ms: int = 1_800_000_000_000) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


async def test_a_free_lease_is_taken_and_a_held_one_is_not() -> None:
    bus, clock = MemoryBus(), Clock()
    first = await acquire(bus, "reader", "a", clock, 3000)
    assert first is not None
    assert first.until_ms == clock.ms + 3000
    assert await acquire(bus, "reader", "b", clock, 3000) is None
    await first.close()


async def test_a_lease_given_back_is_free_at_once_and_its_epoch_grows() -> None:
    bus, clock = MemoryBus(), Clock()
    first = await acquire(bus, "reader", "a", clock, 3000)
    assert first is not None
    await first.close()
    clock.ms += 1
    second = await acquire(bus, "reader", "b", clock, 3000)
    assert second is not None
    assert second.epoch == first.epoch + 1
    await second.close()


async def test_a_holder_that_died_is_followed_when_its_time_is_over() -> None:
    bus, clock = MemoryBus(), Clock()
    await bus.put(BUCKET, "reader", orjson.dumps({"owner": "dead", "epoch": 7, "expires_at_ms": clock.ms + 1}))
    assert await acquire(bus, "reader", "b", clock, 3000) is None
    clock.ms += 1
    lease = await acquire(bus, "reader", "b", clock, 3000)
    assert lease is not None
    assert lease.epoch == 8
    await lease.close()


async def test_of_two_that_ask_at_once_one_has_it() -> None:
    bus, clock = MemoryBus(), Clock()
    got = await asyncio.gather(*(acquire(bus, "reader", f"o{n}", clock, 3000) for n in range(8)))
    held = [lease for lease in got if lease is not None]
    assert len(held) == 1
    await held[0].close()


async def test_renewal_moves_the_end_on() -> None:
    bus, clock = MemoryBus(), Clock()
    lease = await acquire(bus, "reader", "a", clock, 60)
    assert lease is not None
    clock.ms += 40
    await until(lambda: lease.until_ms == clock.ms + 60)
    await lease.close()


async def test_a_holder_that_cannot_renew_ends_within_its_time_and_may_go_on_where_nobody_took_it() -> None:
    bus, clock = MemoryBus(), Clock()
    lease = await acquire(bus, "reader", "a", clock, 120)
    assert lease is not None
    granted = lease.until_ms
    bus.fail()
    await asyncio.wait_for(lease.ended(), 1)
    assert lease.until_ms == granted
    assert not lease.lost
    bus.heal()
    clock.ms += 500
    await until(lambda: lease.until_ms > granted)
    await lease.close()


async def test_a_lease_that_another_took_is_lost_and_its_end_stands_still() -> None:
    bus, clock = MemoryBus(), Clock()
    lease = await acquire(bus, "reader", "a", clock, 60)
    assert lease is not None
    granted = lease.until_ms
    await bus.put(BUCKET, "reader", orjson.dumps({"owner": "b", "epoch": 99, "expires_at_ms": clock.ms + 9999}))
    await asyncio.wait_for(lease.ended(), 1)
    assert lease.lost
    assert lease.until_ms == granted
    await lease.close()
    entry = await bus.get(BUCKET, "reader")
    assert entry is not None
    assert orjson.loads(entry.value)["owner"] == "b"


async def test_our_own_write_that_was_acknowledged_too_late_loses_nothing() -> None:
    bus, clock = MemoryBus(), Clock()
    lease = await acquire(bus, "reader", "a", clock, 60)
    assert lease is not None
    own = {"owner": "a", "epoch": lease.epoch, "expires_at_ms": clock.ms + 60}
    await bus.put(BUCKET, "reader", orjson.dumps(own))
    clock.ms += 20
    await until(lambda: lease.until_ms == clock.ms + 60)
    assert not lease.lost
    await lease.close()


async def test_slots_of_many_replicas_differ() -> None:
    bus, clock = MemoryBus(), Clock()
    leases = [await lease_slot(bus, f"r{n}", clock) for n in range(50)]
    assert len({lease.slot for lease in leases}) == 50
    assert all(lease.until_ms == clock.ms + 15_000 for lease in leases)
    for lease in leases:
        await lease.close()


@pytest.mark.parametrize("skew_ms", [-600_000, 0, 600_000])
async def test_the_times_in_which_two_holders_of_one_slot_issue_ids_never_meet_whatever_their_clocks(
    skew_ms: int,
) -> None:
    bus, clock = MemoryBus(), Clock()
    first = await lease_slot(bus, "a", clock, slots=[5])
    other = Clock(clock.ms + skew_ms)
    try:
        second = await lease_slot(bus, "b", other, slots=[5])
    except LookupError:
        assert other.ms < first.until_ms
    else:
        assert other.ms >= first.until_ms
        await second.close()
    await first.close()


async def test_a_slot_given_back_issues_nothing_any_more() -> None:
    bus, clock = MemoryBus(), Clock()
    lease = await lease_slot(bus, "a", clock)
    clock.ms += 10
    await lease.close()
    assert lease.until_ms <= clock.ms + 1


async def test_when_every_slot_is_held_that_is_said() -> None:
    bus, clock = MemoryBus(), Clock()
    held = await lease_slot(bus, "a", clock, slots=[1])
    with pytest.raises(LookupError):
        await lease_slot(bus, "b", clock, slots=[1])
    await held.close()
