"""The edge's own ids: a slot that another took is followed by a new one, and no id comes twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import pytest

from libs.bus import lease
from libs.bus.memory import MemoryBus
from services.ingress.inference.ids import Ids


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SLOT_TTL_MS", 150)


@asynccontextmanager
async def issuing(bus: MemoryBus) -> AsyncIterator[Ids]:
    ids = await Ids.leased(bus, "edge", now_ms)
    try:
        yield ids
    finally:
        await ids.close()


def slot_of(request_id: str) -> int:
    return int(request_id, 16) >> 13 & 1023


async def take_away(bus: MemoryBus, slot: int) -> None:
    claim = {"owner": "another", "epoch": 99, "expires_at_ms": now_ms() + 60_000}
    await bus.put(lease.BUCKET, f"slot.{slot}", orjson.dumps(claim))


async def issued_elsewhere(ids: Ids, slot: int) -> list[str]:
    """The ids issued until one has another slot."""
    found: list[str] = []
    async with asyncio.timeout(5):
        while not found or slot_of(found[-1]) == slot:
            with suppress(LookupError):
                found.append(ids())
            await asyncio.sleep(0.005)
    return found


async def test_a_slot_that_another_took_is_followed_by_a_new_one_and_ids_go_on_in_order() -> None:
    bus = MemoryBus()
    async with issuing(bus) as ids:
        issued = [ids() for _ in range(3)]
        for _ in range(3):
            slot = slot_of(issued[-1])
            await take_away(bus, slot)
            issued += await issued_elsewhere(ids, slot)
            assert ids.held
    assert issued == sorted(set(issued))


async def test_after_a_broker_that_was_away_for_longer_than_the_lease_it_goes_on_by_itself() -> None:
    bus = MemoryBus()
    async with issuing(bus) as ids:
        before = ids()
        bus.fail()
        await asyncio.sleep(0.2)
        assert not ids.held  # and so the edge is not ready
        with pytest.raises(LookupError):
            ids()
        bus.heal()
        await take_away(bus, slot_of(before))  # another replica was quicker
        after = await issued_elsewhere(ids, slot_of(before))
        assert after[0] > before


async def test_a_clock_that_is_an_hour_ahead_for_a_moment_costs_no_more_than_that_moment() -> None:
    ahead_ms = 0
    ids = await Ids.leased(MemoryBus(), "edge", lambda: now_ms() + ahead_ms)
    before = ids()
    ahead_ms = 3_600_000
    with pytest.raises(LookupError):
        ids()
    ahead_ms = 0
    assert ids() > before
    await ids.close()


async def test_a_slot_is_given_back() -> None:
    bus = MemoryBus()
    async with issuing(bus) as ids:
        slot = slot_of(ids())
    entry = await bus.get(lease.BUCKET, f"slot.{slot}")
    assert entry is not None
    assert orjson.loads(entry.value)["expires_at_ms"] <= now_ms() + 1
