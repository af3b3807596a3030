"""Whether a model is ready: by what workers say, the freshest first; never by silence once there was time to hear."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.bus.beats import Heard
from libs.bus.memory import MemoryBus
from libs.contracts import subjects
from libs.contracts.northern.v1.street_pb2 import Beat, Breaker, EgressState, Reach, RouteSignals
from services.ingress.api.health import Health, Healths, health_of
from tests.unit.router.test_handlers import AZURE, CATALOG, OPENAI

NOW = 1_700_000_000_000
UP = EgressState(name="azure-ca", available=True)


def of(state: EgressState | None, *, settled: bool = True, **said: int) -> str:
    signals = RouteSignals(route_id=AZURE, **said) if said else None  # type: ignore[arg-type]
    return health_of(state, signals, settled=settled, now_ms=NOW)


def test_a_way_out_that_is_open_and_of_which_nothing_bad_is_known_is_ready() -> None:
    assert of(UP) == of(UP, calls=1) == of(UP, reach=Reach.REACH_READY) == "ready"


def test_silence_is_loading_at_first_and_then_means_that_nobody_is_there() -> None:
    assert of(None, settled=False) == "loading"
    assert of(None) == "unavailable"


def test_what_the_operator_has_not_set_up_is_unavailable_whatever_answered_before() -> None:
    assert of(EgressState(name="azure-ca"), last_ms=NOW) == "unavailable"


def test_a_breaker_says_more_than_an_answer_of_a_moment_ago() -> None:
    assert of(UP, breaker=Breaker.BREAKER_OPEN, last_ms=NOW) == "unavailable"
    assert of(UP, breaker=Breaker.BREAKER_PROBING, last_ms=NOW) == "loading"


def test_an_answer_says_more_than_a_connection() -> None:
    assert of(UP, reach=Reach.REACH_NONE, last_ms=NOW - 59_000) == "ready"
    assert of(UP, reach=Reach.REACH_NONE, last_ms=NOW - 61_000) == "unavailable"
    assert of(UP, reach=Reach.REACH_LOADING) == "loading"


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    bus = MemoryBus()
    made = Heard(bus)
    await made.start()
    states = (UP, EgressState(name="openai", available=True))
    down = RouteSignals(route_id=AZURE, breaker=Breaker.BREAKER_OPEN)
    beat = Beat(service="worker", boot_id="w", egresses=states, routes=[down])
    await bus.publish(subjects.beat("worker"), beat.SerializeToString())
    await asyncio.sleep(0.01)
    yield made
    await made.close()


async def test_a_makers_id_is_as_well_as_its_best_deployment(heard: Heard) -> None:
    healths = Healths(catalog=CATALOG, heard=heard)
    assert healths.of(AZURE) is Health.UNAVAILABLE
    assert healths.of(OPENAI) is Health.READY
    assert healths.of("gpt-4.1-mini") is Health.READY
    assert healths.of("gpt-4.2") is None
    assert healths.of("") is None
