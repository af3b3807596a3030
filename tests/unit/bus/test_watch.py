"""A watched copy is whole, knows how old it is, and is never wrong about it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.bus import watch as under_test
from libs.bus.base import Stored
from libs.bus.memory import MemoryBus
from libs.bus.watch import BLIND_S, STALE_S, Watch
from libs.contracts.errors import BusUnavailable
from libs.telemetry.metrics import Metrics
from tests.support.broker import until

KV = "tenants"


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


class Copy:
    """What the watch told, as a copy and as the order it was told in."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.told: list[tuple[str, bytes | None]] = []

    def __call__(self, key: str, value: bytes | None) -> None:
        self.told.append((key, value))
        if value is None:
            self.keys.pop(key, None)
        else:
            self.keys[key] = value


@pytest.fixture(autouse=True)
def compare_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_COMPARE_S", 0.01)


async def test_the_first_copy_holds_the_last_of_each_key_and_none_that_was_deleted() -> None:
    bus, copy = MemoryBus(), Copy()
    for key, value in (("a", b"1"), ("b", b"1"), ("a", b"2"), ("c.d", b"3")):
        await bus.put(KV, key, value)
    await bus.delete(KV, "b")
    watch = Watch(bus, KV, copy, Metrics())
    await watch.start()
    assert copy.keys == {"a": b"2", "c.d": b"3"}
    assert not watch.stale
    await watch.close()


async def test_an_empty_bucket_is_a_whole_copy() -> None:
    watch = Watch(MemoryBus(), KV, Copy(), Metrics())
    await watch.start(1)
    assert not watch.stale
    await watch.close()


async def test_changes_and_deletions_are_told_in_order() -> None:
    bus, copy = MemoryBus(), Copy()
    watch = Watch(bus, KV, copy, Metrics())
    await watch.start()
    await bus.put(KV, "a", b"1")
    await bus.put(KV, "a", b"2")
    await bus.delete(KV, "a")
    await bus.put(KV, "b", b"3")
    await until(lambda: len(copy.told) == 4)
    assert copy.told == [("a", b"1"), ("a", b"2"), ("a", None), ("b", b"3")]
    await watch.close()


async def test_a_bucket_that_cannot_be_read_in_time_is_said_at_the_start() -> None:
    bus = MemoryBus()
    bus.fail()
    watch = Watch(bus, KV, Copy(), Metrics())
    with pytest.raises(BusUnavailable):
        await watch.start(0.1)
    assert watch.blind
    await watch.close()


async def test_without_a_broker_it_is_stale_after_5_s_and_blind_after_30_and_neither_once_it_is_back() -> None:
    bus, clock, copy, metrics = MemoryBus(), Clock(), Copy(), Metrics()
    watch = Watch(bus, KV, copy, metrics, clock)
    await watch.start()
    bus.fail()
    await asyncio.sleep(0.03)
    clock.s += STALE_S
    assert not watch.stale
    clock.s += 0.1
    assert watch.stale
    assert not watch.blind
    clock.s = 1000 + BLIND_S + 0.1
    assert watch.blind
    await until(lambda: b'ni_watch_stale_seconds{bucket="tenants"} 30.' in metrics.text())
    bus.heal()
    await bus.put(KV, "a", b"1")
    await until(lambda: not watch.stale)
    assert copy.keys == {"a": b"1"}
    await watch.close()


async def test_a_change_made_while_it_could_not_hear_is_heard_and_nothing_is_told_twice() -> None:
    bus, copy = MemoryBus(), Copy()
    await bus.put(KV, "a", b"1")
    watch = Watch(bus, KV, copy, Metrics())
    await watch.start()
    bus.fail()
    bus.heal()
    await bus.put(KV, "a", b"2")
    await until(lambda: copy.keys == {"a": b"2"}, 1)
    assert copy.told == [("a", b"1"), ("a", b"2")]
    await watch.close()


async def test_a_bucket_made_anew_is_forgotten_and_read_again() -> None:
    bus, copy = MemoryBus(), Copy()
    for n in range(5):
        await bus.put(KV, f"old{n}", b"1")
    watch = Watch(bus, KV, copy, Metrics())
    await watch.start()
    bus._streams[f"KV_{KV}"] = type(bus._streams[f"KV_{KV}"])((f"$KV.{KV}.>",))
    await bus.put(KV, "new", b"1")
    await until(lambda: copy.keys == {"new": b"1"})
    await watch.close()


class Racing(MemoryBus):
    """A change is stored and heard between the answer to `last_seq` and its arrival."""

    async def last_seq(self, stream: str, timeout_s: float = 2.0) -> int:
        last = await super().last_seq(stream, timeout_s)
        await self.put(KV, "busy", b"%d" % last)
        await asyncio.sleep(0.005)
        return last


async def test_a_change_that_overtakes_the_comparison_is_neither_a_new_bucket_nor_staleness() -> None:
    bus, copy, clock = Racing(), Copy(), Clock()
    await bus.put(KV, "key", b"1")
    watch = Watch(bus, KV, copy, Metrics(), clock)
    await watch.start(1)
    for _ in range(10):
        await asyncio.sleep(0.02)
        clock.s += 1
    assert not watch.stale
    assert all(value is not None for _, value in copy.told)
    await watch.close()


class Trailing(MemoryBus):
    """Its readers hear everything a moment late."""

    async def follow(
        self, stream: str, *, after: int = 0, latest: bool = False, gather_s: float = 0.0
    ) -> AsyncIterator[list[Stored]]:
        async for batch in super().follow(stream, after=after, latest=latest):
            await asyncio.sleep(0.01)
            yield batch


async def test_a_bucket_that_is_always_being_written_to_is_not_stale() -> None:
    bus, copy, clock = Trailing(), Copy(), Clock()
    watch = Watch(bus, KV, copy, Metrics(), clock)
    await watch.start()
    for n in range(100):
        await bus.put(KV, "busy", b"%d" % n)
        await asyncio.sleep(0.002)
        clock.s += 0.1
    assert not watch.stale
    assert copy.told
    await watch.close()


class Hanging(MemoryBus):
    """The first reader hears nothing, for ever: a consumer that died without a word."""

    opened = 0

    async def follow(
        self, stream: str, *, after: int = 0, latest: bool = False, gather_s: float = 0.0
    ) -> AsyncIterator[list[Stored]]:
        self.opened += 1
        if self.opened == 2:
            await asyncio.Event().wait()
        async for batch in super().follow(stream, after=after, latest=latest):
            yield batch


async def test_a_reader_that_hangs_is_opened_again_once_the_copy_is_stale() -> None:
    bus, copy, clock = Hanging(), Copy(), Clock()
    watch = Watch(bus, KV, copy, Metrics(), clock)
    await watch.start()
    bus.fail()
    bus.heal()
    await until(lambda: bus.opened == 2)
    await bus.put(KV, "a", b"1")
    clock.s += STALE_S + 1
    await until(lambda: copy.keys == {"a": b"1"})
    await until(lambda: not watch.stale)
    await watch.close()


async def test_a_closed_watch_tells_nothing_more() -> None:
    bus, copy = MemoryBus(), Copy()
    watch = Watch(bus, KV, copy, Metrics())
    await watch.start()
    await watch.close()
    await bus.put(KV, "a", b"1")
    await asyncio.sleep(0.02)
    assert copy.told == []


async def test_a_change_that_cannot_be_taken_in_is_logged_without_its_text_and_ends_in_blindness(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def falls(key: str, value: bytes | None) -> None:
        raise ValueError("hunter2")

    bus, clock = MemoryBus(), Clock()
    watch = Watch(bus, KV, falls, Metrics(), clock)
    await watch.start()
    await bus.put(KV, "a", b"1")
    await until(lambda: "watch_failed" in (told := capsys.readouterr().out) and "hunter2" not in told)
    clock.s += BLIND_S + 1
    await asyncio.sleep(0.03)
    assert watch.blind
    await watch.close()
