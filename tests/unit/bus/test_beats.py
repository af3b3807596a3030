"""Beats as one process hears them: who is alive, which ways out are open, how routes have been answering."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from libs.bus.beats import Heard, beating
from libs.bus.memory import MemoryBus
from libs.bus.merged import merged
from libs.contracts import subjects
from libs.contracts.northern.v1.street_pb2 import Beat, Breaker, EgressState, Reach, RouteSignals
from tests.support.broker import until

ROUTE = "azure/gpt-4.1-mini-ca"


@dataclass
class Room:
    """One listener, with a clock that is moved by hand."""

    bus: MemoryBus = field(default_factory=MemoryBus)
    now: float = 100.0
    heard: Heard = field(init=False)

    def __post_init__(self) -> None:
        self.heard = Heard(self.bus, lambda: self.now)

    async def beat(self, boot_id: str, *routes: RouteSignals, egresses: tuple[EgressState, ...] = ()) -> None:
        beat = Beat(service="worker", boot_id=boot_id, egresses=egresses, routes=routes)
        await self.bus.publish(subjects.beat("worker"), beat.SerializeToString())
        await asyncio.sleep(0.01)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    await made.heard.start()
    yield made
    await made.heard.close()


async def test_what_a_worker_says_of_its_routes_is_heard(room: Room) -> None:
    await room.beat("w1", RouteSignals(route_id=ROUTE, calls=3, pending=2))
    assert room.heard.signals() == {ROUTE: RouteSignals(route_id=ROUTE, calls=3, pending=2)}
    await room.beat("w1")
    assert room.heard.signals() == {}


async def test_what_a_worker_said_before_it_fell_silent_is_forgotten(room: Room) -> None:
    await room.beat("w1", RouteSignals(route_id=ROUTE, pending=2))
    room.now += 5
    await room.beat("w2", RouteSignals(route_id=ROUTE, pending=3))
    assert room.heard.signals()[ROUTE].pending == 5
    room.now += 1.5
    assert room.heard.signals()[ROUTE].pending == 3
    room.now += 6
    assert room.heard.signals() == {}


async def test_ways_out_are_another_mapping_only_when_something_has_changed(room: Room) -> None:
    opened = (EgressState(name="openai", available=True),)
    await room.beat("w1", egresses=opened)
    before = room.heard.egresses()
    await room.beat("w1", RouteSignals(route_id=ROUTE), egresses=opened)
    assert room.heard.egresses() is before
    await room.beat("w1", egresses=(EgressState(name="openai"),))
    assert room.heard.egresses() is not before


async def test_news_are_told_at_once_and_a_flood_of_them_is_not_a_flood_of_beats() -> None:
    bus, news, beats = MemoryBus(), asyncio.Event(), list[Beat]()
    await bus.subscribe(subjects.EVERY_BEAT, lambda message: beats.append(Beat.FromString(message.data)))
    said = [RouteSignals(route_id=ROUTE, pending=1)]
    async with beating(bus, "worker", "w1", routes=lambda: said, news=news):
        await until(lambda: len(beats) == 1)
        assert list(beats[0].routes) == said
        await asyncio.sleep(0.15)
        news.set()
        await until(lambda: len(beats) == 2, 0.5)
        for _ in range(20):
            news.set()
            await asyncio.sleep(0.01)
        assert len(beats) <= 5
    await until(lambda: beats[-1].leaving)
    assert not beats[-1].routes


# --- several workers ----------------------------------------------------------------------------------------------


def one(**more: int) -> RouteSignals:
    known: dict[str, int] = {"calls": 10, "headroom_permille": 1000} | more
    return RouteSignals(route_id=ROUTE, **known)  # type: ignore[arg-type]


def together(*said: RouteSignals) -> RouteSignals:
    return merged([each] for each in said)[ROUTE]


def test_times_and_errors_count_by_the_calls_they_are_of() -> None:
    found = together(
        one(calls=30, total_p50_ms=100, error_permille=0), one(calls=10, total_p50_ms=500, error_permille=400)
    )
    assert (found.calls, found.total_p50_ms, found.error_permille) == (40, 200, 100)
    assert together(one(total_p50_ms=100), one(calls=0)).total_p50_ms == 100


def test_what_runs_is_added_up_and_the_least_that_is_left_is_left() -> None:
    found = together(one(pending=2, headroom_permille=800, last_ms=5), one(pending=3, headroom_permille=20, last_ms=9))
    assert (found.pending, found.headroom_permille, found.last_ms) == (5, 20, 9)


CLOSED, OPEN, PROBING = Breaker.BREAKER_CLOSED, Breaker.BREAKER_OPEN, Breaker.BREAKER_PROBING


@pytest.mark.parametrize(
    ("breakers", "found"),
    [
        ([OPEN], OPEN),
        ([OPEN, CLOSED], OPEN),
        ([OPEN, CLOSED, CLOSED], CLOSED),
        ([OPEN, PROBING, CLOSED], PROBING),
        ([PROBING, CLOSED], PROBING),
        ([CLOSED, CLOSED], CLOSED),
    ],
)
def test_a_worker_whose_own_network_is_broken_closes_no_route_for_all(breakers: list[Breaker], found: Breaker) -> None:
    assert together(*(one(breaker=breaker) for breaker in breakers)).breaker == found


def test_a_worker_that_has_not_called_has_no_say() -> None:
    assert together(one(breaker=OPEN), one(calls=0), one(calls=0)).breaker == OPEN


def test_what_one_worker_reaches_is_there() -> None:
    none, loading, ready = Reach.REACH_NONE, Reach.REACH_LOADING, Reach.REACH_READY
    assert together(one(reach=none), one(reach=ready)).reach == ready
    assert together(one(reach=none), one(reach=loading)).reach == loading
    assert together(one(), one(reach=none)).reach == none
