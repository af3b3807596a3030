"""The two buses the contract is held against, each with what it takes to break its connection."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from libs.bus import inflow as receiving
from libs.bus import outflow as sending
from libs.bus.base import Bus
from libs.bus.inflow import Inflows
from libs.bus.memory import MemoryBus
from libs.bus.nats import connect
from libs.bus.outflow import Outflows
from libs.telemetry.metrics import Metrics
from tests.contract.bus.ends import Clock, Ends
from tests.support.broker import Broker, until


@dataclass
class Backend:
    """One bus. `leave` takes its broker away, `come_back` returns once the bus is connected again."""

    bus: Bus
    leave: Callable[[], Awaitable[None]]
    come_back: Callable[[], Awaitable[None]]


@pytest.fixture(params=["memory", "nats"])
def backend_of(request: pytest.FixtureRequest) -> Broker | None:
    """None: the fake needs no broker."""
    return request.getfixturevalue("nats") if request.param == "nats" else None


@pytest.fixture
async def backend(backend_of: Broker | None) -> AsyncIterator[Backend]:
    if backend_of is None:
        yield _in_memory()
        return
    broker = backend_of
    async with connect("operator", broker.settings) as bus:

        async def leave() -> None:
            broker.kill()
            await until(lambda: not bus.connected)

        async def come_back() -> None:
            connects = bus.connects
            broker.start()
            await until(lambda: bus.connects > connects)

        yield Backend(bus, leave, come_back)
        if not broker.runs:
            broker.start()


@pytest.fixture
def bus(backend: Backend) -> Bus:
    return backend.bus


@pytest.fixture
async def ends(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ends]:
    monkeypatch.setattr(receiving, "_TICK_S", 0.004)
    monkeypatch.setattr(sending, "_TICK_S", 0.004)
    clock, metrics, boot_id = Clock(), Metrics(), secrets.token_hex(8)
    made = Ends(
        bus,
        clock,
        metrics,
        Inflows(bus, "ingress", boot_id, metrics, clock),
        Outflows(bus, "worker", boot_id, clock),
    )
    await made.inflows.start()
    await made.outflows.start()
    yield made
    await made.inflows.close()
    await made.outflows.close()


def _in_memory() -> Backend:
    bus = MemoryBus()

    async def leave() -> None:
        bus.fail()

    async def come_back() -> None:
        bus.heal()

    return Backend(bus, leave, come_back)
