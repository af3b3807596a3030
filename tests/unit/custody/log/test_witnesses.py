"""Witnesses over HTTP: who cosigns is believed by signature, who does not is not waited for."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from libs.bus.memory import MemoryBus
from libs.tlog.checkpoint import Checkpoint, open_checkpoint
from libs.tlog.note import Algorithm, VerifierKey
from libs.tlog.refusals import Refused
from libs.tlog.witnessing import PATH, SIZE_TYPE, AddCheckpoint, consistent
from services.custody.log.witnesses import Witness
from tests.support.broker import until
from tests.unit.custody.log.rig import Machine, ended, new_id
from tests.unit.tlog.logs import Key


@dataclass
class Stand:
    """A witness of one log, as https://c2sp.org/tlog-witness has it."""

    log: VerifierKey
    key: Key = field(default_factory=lambda: Key("witness.example/w", Algorithm.COSIGNATURE))
    seen: Checkpoint | None = None
    asked: int = 0
    delay_s: float = 0.0
    age_s: int = 0
    status: int = 200
    liar: Key | None = None
    url: str = ""

    @property
    def witness(self) -> Witness:
        return Witness.read(f"{self.key.public} {self.url}")

    async def add(self, request: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        asked = AddCheckpoint.read((await request.read()).decode())
        head, _ = open_checkpoint(asked.note, self.log)
        if self.status != 200:
            return web.Response(status=self.status)
        if asked.old != (self.seen.size if self.seen else 0):
            return web.Response(status=409, text=f"{self.seen.size if self.seen else 0}\n", content_type=SIZE_TYPE)
        try:
            consistent(self.seen, asked, head)
        except Refused as refused:
            return web.Response(status=422, text=refused.message)
        self.seen = head
        return web.Response(text=(self.liar or self.key).line(head.text, int(time.time()) - self.age_s))


@asynccontextmanager
async def standing(stand: Stand) -> AsyncIterator[Stand]:
    app = web.Application()
    app.router.add_post(f"/{PATH}", stand.add)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    stand.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield stand
    finally:
        await runner.cleanup()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(bus=MemoryBus(), root=tmp_path / "log")


def stand_for(machine: Machine) -> Stand:
    key = machine.parts().log.key
    assert key is not None
    return Stand(key)


async def test_a_checkpoint_is_shown_with_the_cosignature_and_the_witness_follows_the_log(machine: Machine) -> None:
    async with standing(stand_for(machine)) as stand:
        machine.witnesses, machine.quorum = [stand.witness], 1
        async with machine.running() as process:
            for size in (1, 2, 3):
                await ended(machine.bus, new_id())
                head = await process.head(size)
                _, opened = open_checkpoint(head.note, stand.log, [stand.key.public])
                assert abs(opened.signers[stand.key.name] - time.time()) < 60
        async with machine.running() as process:  # what the witness saw last is not kept: it says so
            await ended(machine.bus, new_id())
            head = await process.head(4)
            assert stand.key.name in open_checkpoint(head.note, stand.log, [stand.key.public])[1].signers


async def test_a_witness_that_is_new_cosigns_what_was_signed_without_it_though_the_log_does_not_grow(
    machine: Machine,
) -> None:
    async with machine.running() as process:
        await ended(machine.bus, new_id())
        await process.head(1)
    async with standing(stand_for(machine)) as stand:
        machine.witnesses, machine.quorum = [stand.witness], 1
        async with machine.running() as process:
            await until(lambda: stand.key.name in (head.note if (head := process.log.head()) else ""))
            head = process.log.head()
            assert head is not None
            assert head.checkpoint.size == 1
        async with machine.running() as process:
            await ended(machine.bus, new_id())
            await process.head(2)
        assert stand.asked == 3  # once by the first; the other learns what was seen, then asks


@pytest.mark.parametrize("fault", ["slow", "status", "liar", "old", "away"])
async def test_without_a_quorum_a_witness_that_fails_costs_no_more_than_its_deadline(
    machine: Machine, fault: str
) -> None:
    async with standing(stand_for(machine)) as stand:
        match fault:
            case "slow":
                stand.delay_s = 60.0
            case "status":
                stand.status = 503
            case "liar":
                stand.liar = Key(stand.key.name, Algorithm.COSIGNATURE)
            case "old":
                stand.age_s = 3600
            case "away":
                stand.url = "http://127.0.0.1:1"
        machine.witnesses = [stand.witness]
        async with machine.running() as process:
            await ended(machine.bus, new_id())
            began = time.monotonic()
            head = await process.head(1)
            assert time.monotonic() - began < 4.0
            assert stand.key.name not in head.note


async def test_with_a_quorum_nothing_is_shown_before_it_is_reached(machine: Machine) -> None:
    async with standing(stand_for(machine)) as stand:
        stand.status = 503
        machine.witnesses, machine.quorum = [stand.witness], 1
        async with machine.running() as process:
            await ended(machine.bus, new_id())
            await until(lambda: stand.asked > 1)
            assert process.log.head() is None
            stand.status = 200
            assert stand.key.name in (await process.head(1)).note


async def test_a_witness_that_has_seen_more_than_there_is_does_not_sign(machine: Machine) -> None:
    async with standing(stand_for(machine)) as stand:
        stand.seen = Checkpoint(origin=stand.log.name, size=99, root=b"r" * 32)
        machine.witnesses = [stand.witness]
        async with machine.running() as process:
            await ended(machine.bus, new_id())
            assert stand.key.name not in (await process.head(1)).note


@pytest.mark.parametrize("text", ["", "not a key https://w", "https://w.example", "a+b+c https://w"])
def test_a_witness_that_cannot_be_read_ends_the_start_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="NI_WITNESSES"):
        Witness.read(text)


def test_a_log_s_key_is_no_witness_s(machine: Machine) -> None:
    with pytest.raises(ValueError, match="NI_WITNESSES"):
        Witness.read(f"{Key('log.example/custody').public} https://w.example")
    assert Witness.read(f"{stand_for(machine).key.public} https://w.example")


def test_a_witness_is_asked_by_http_alone(machine: Machine) -> None:
    with pytest.raises(ValueError, match="NI_WITNESSES"):
        Witness.read(f"{stand_for(machine).key.public} file:///etc/passwd")
