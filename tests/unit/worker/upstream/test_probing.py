"""The operator's own machines, asked without a call: there, starting, or not there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from libs.contracts.northern.v1.street_pb2 import Reach
from services.worker.upstream.probing import Probing, takes_connections
from services.worker.upstream.signals import Ending, Signals
from services.worker.upstream.ways_out import WayOut, find
from tests.unit.router.test_handlers import CATALOG

QWEN = "Qwen/Qwen3-14B"
EGRESS = CATALOG.egresses["self-hosted"]


@dataclass
class Machine:
    """A port that can be opened and closed; `heard` is what was sent to it."""

    port: int
    server: asyncio.Server | None = None
    heard: list[bytes] = field(default_factory=list)

    async def up(self) -> None:
        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.heard.append(await reader.read())
            writer.close()

        self.server = await asyncio.start_server(listen, "127.0.0.1", self.port)

    async def down(self) -> None:
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()
            self.server = None


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Machine(port)
    yield made
    await made.down()


@dataclass
class Desk:
    way: WayOut
    now: float = 1_000_000.0
    proxied: bool = False

    def __post_init__(self) -> None:
        self.signals = Signals(now=lambda: self.now, wall=lambda: self.now)
        self.probing = Probing(
            catalog=CATALOG,
            ways={"self-hosted": self.way},
            signals=self.signals,
            proxied=lambda _: self.proxied,
            now=lambda: self.now,
        )

    async def found(self) -> dict[str, int]:
        await self.probing.once()
        return {said.route_id: said.reach for said in self.signals.states()}


def way_to(port: int) -> WayOut:
    return find(EGRESS, {"NI_SELF_HOSTED_BASE_URL": f"http://127.0.0.1:{port}/v1"}, None)


async def test_a_machine_that_takes_connections_is_ready_and_hears_not_a_byte(machine: Machine) -> None:
    await machine.up()
    found = await Desk(way_to(machine.port)).found()
    assert set(found.values()) == {Reach.REACH_READY}
    assert QWEN in found
    await asyncio.sleep(0.05)
    assert set(machine.heard) == {b""}
    assert len(machine.heard) == 1  # one for the way out, however many routes lead over it


async def test_what_does_not_answer_may_be_starting_for_ten_minutes(machine: Machine) -> None:
    desk = Desk(way_to(machine.port))
    assert (await desk.found())[QWEN] == Reach.REACH_LOADING
    desk.now += 599
    assert (await desk.found())[QWEN] == Reach.REACH_LOADING
    desk.now += 2
    assert (await desk.found())[QWEN] == Reach.REACH_NONE
    await machine.up()
    assert (await desk.found())[QWEN] == Reach.REACH_READY
    await machine.down()
    desk.now += 30
    assert (await desk.found())[QWEN] == Reach.REACH_LOADING  # it may be starting anew


async def test_what_answered_within_a_minute_is_not_asked(machine: Machine) -> None:
    desk = Desk(way_to(machine.port))
    desk.signals.started(QWEN)
    desk.signals.ended(QWEN, Ending.OK, 10)
    assert (await desk.found())[QWEN] == Reach.REACH_READY
    desk.now += 61
    assert (await desk.found())[QWEN] == Reach.REACH_LOADING


async def test_what_is_not_set_up_or_stands_behind_a_proxy_is_not_asked(machine: Machine) -> None:
    await machine.up()
    assert await Desk(find(EGRESS, {}, None)).found() == {}
    assert await Desk(way_to(machine.port), proxied=True).found() == {}


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/v1", "https://127.0.0.1:1", "http://127.0.0.1:99999", "", "x"])
async def test_an_address_where_nobody_answers_takes_no_connections(address: str) -> None:
    assert not await takes_connections(address)


async def test_who_cannot_prove_a_name_takes_no_connections(machine: Machine) -> None:
    await machine.up()
    assert not await takes_connections(f"https://127.0.0.1:{machine.port}/v1")
