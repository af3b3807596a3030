"""Who is refused without being asked for: an account known to have nothing left, and nobody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.errors import InsufficientCredits
from libs.telemetry.metrics import Metrics
from services.ingress.inference.balances import Balances
from tests.support.broker import until

NOTHING = b'{"balance_nano":0,"held_nano":0,"seq":1}'


@dataclass
class Clock:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
async def balances(bus: MemoryBus, clock: Clock) -> AsyncIterator[Balances]:
    made = Balances(bus, Metrics(), clock)
    await made.start()
    yield made
    await made.close()


async def known(bus: MemoryBus, balances: Balances, value: bytes) -> None:
    seq = await bus.put("balances", "t_one", value)
    await until(lambda: balances._watch.seq >= seq)


async def test_an_account_without_money_is_refused_here_once_the_ledger_has_said_so(
    bus: MemoryBus, balances: Balances
) -> None:
    await known(bus, balances, NOTHING)
    balances.admit("t_one")
    balances.refused("t_one")
    with pytest.raises(InsufficientCredits, match="Top up"):
        balances.admit("t_one")
    balances.admit("t_other")


async def test_once_a_second_the_ledger_is_asked_again(bus: MemoryBus, balances: Balances, clock: Clock) -> None:
    await known(bus, balances, NOTHING)
    balances.refused("t_one")
    clock.at += 0.9
    with pytest.raises(InsufficientCredits):
        balances.admit("t_one")
    clock.at += 0.2
    balances.admit("t_one")


async def test_who_has_just_paid_is_let_on_before_the_copy_knows(bus: MemoryBus, balances: Balances) -> None:
    await known(bus, balances, NOTHING)
    balances.refused("t_one")
    balances.credited()
    balances.admit("t_one")


async def test_a_request_that_is_too_dear_says_nothing_of_the_next_one(bus: MemoryBus, balances: Balances) -> None:
    await known(bus, balances, b'{"balance_nano":5,"held_nano":0,"seq":2}')
    balances.refused("t_one")
    balances.admit("t_one")


@pytest.mark.parametrize(
    "value",
    [
        b'{"balance_nano":1,"held_nano":0,"seq":1}',
        b'{"balance_nano":-5,"held_nano":7,"seq":1}',  # a running request may yet give some back
        b"{}",
        b"nonsense",
        b'{"balance_nano":null,"held_nano":0}',
        b"[]",
    ],
)
async def test_whoever_is_not_known_to_have_nothing_goes_on(bus: MemoryBus, balances: Balances, value: bytes) -> None:
    await known(bus, balances, NOTHING)
    balances.refused("t_one")
    await known(bus, balances, value)
    balances.admit("t_one")
    balances.refused("t_one")
    balances.admit("t_one")


async def test_a_copy_that_may_be_old_refuses_nobody(bus: MemoryBus, balances: Balances) -> None:
    await known(bus, balances, NOTHING)
    balances.refused("t_one")
    now = balances._watch._now
    balances._watch._now = lambda: now() + 6.0
    balances.admit("t_one")
    balances._watch._now = now
