"""The stream of records never fills with what the store has, and never loses what it has not."""

from hypothesis import given
from hypothesis import strategies as st

from libs.bus.memory import MemoryBus
from libs.contracts.subjects import RECORDS, records
from services.custody.receipts.trimming import MOST, Trimming

KIB = bytes(1 << 10)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


async def filled(messages: int) -> MemoryBus:
    bus = MemoryBus()
    for _ in range(messages):
        await bus.append(records(), KIB)
    return bus


async def test_of_a_stream_that_is_half_full_the_older_half_goes() -> None:
    bus = await filled(10)
    await Trimming(bus=bus, most=8 << 10).written(10)
    assert (await bus.held(RECORDS)).first == 6


async def test_a_stream_with_room_is_left_as_it_is() -> None:
    bus = await filled(8)
    await Trimming(bus=bus, most=8 << 10).written(8)
    assert (await bus.held(RECORDS)).first == 1


async def test_what_the_store_has_not_stays_however_full_the_stream_is() -> None:
    bus = await filled(10)
    await Trimming(bus=bus, most=1 << 10).written(2)
    assert (await bus.held(RECORDS)).first == 3


@given(st.integers(1, 40), st.lists(st.integers(1, 40), min_size=1, max_size=20))
async def test_nothing_is_dropped_that_was_not_written(messages: int, told: list[int]) -> None:
    bus, clock = await filled(messages), Clock()
    trimming, written = Trimming(bus=bus, most=1 << 10, now=clock), 0
    for seq in sorted(told):
        written = min(seq, messages)
        await trimming.written(written)
        clock.s += 100
    assert (await bus.held(RECORDS)).first <= written + 1


async def test_the_broker_is_asked_once_a_minute_and_again_after_it_was_away() -> None:
    bus, clock = await filled(10), Clock()
    trimming = Trimming(bus=bus, most=2 << 10, now=clock)
    bus.fail()
    await trimming.written(10)
    bus.heal()
    await trimming.written(10)
    assert (await bus.held(RECORDS)).first == 1
    clock.s = 61
    await trimming.written(10)
    assert (await bus.held(RECORDS)).first == 6


def test_half_of_the_stream_is_kept() -> None:
    assert MOST == 4 << 30
