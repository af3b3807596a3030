"""The transparency log as processes on a real broker, without a store: killed, two at once, one that must not start."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.northern.v1.query_pb2 import LogAsk, LogTold
from libs.tlog.checkpoint import open_checkpoint
from tests.chaos.log import Custodies, leaves, run, state, tree
from tests.support.broker import Broker, open_to_all
from tests.unit.custody.log.rig import delivered, egress, finished, new_id


@asynccontextmanager
async def custodies(root: Path) -> AsyncIterator[Custodies]:
    broker = Broker(root / "nats", open_to_all)
    await asyncio.to_thread(broker.start)
    await asyncio.to_thread(broker.provision)
    made = Custodies(root=root, broker=broker)
    try:
        yield made
    finally:
        for process in made.processes.values():
            process.kill()
            process.wait()
        broker.kill()


async def ended(bus: Bus, count: int) -> list[str]:
    ids = [new_id() for _ in range(count)]
    for request_id in ids:
        for kind, made in (("egress", egress), ("finished", finished), ("delivered", delivered)):
            await state(bus, kind, made(request_id))
    return ids


async def told(bus: Bus, verb: str, path: str = "") -> LogTold:
    async with asyncio.timeout(20):
        while True:
            try:
                raw = await bus.request(f"ni.query.custody.{verb}", LogAsk(path=path).SerializeToString(), 1)
                return LogTold.FromString(raw)
            except (BusUnavailable, Overloaded):
                await asyncio.sleep(0.05)


async def signed(bus: Bus, made: Custodies, size: int) -> str:
    async with asyncio.timeout(20):
        while True:
            note = (await told(bus, "checkpoint")).data.decode()
            if note and open_checkpoint(note, made.key)[0].size >= size:
                return note
            await asyncio.sleep(0.05)


async def test_without_a_store_requests_are_sealed_and_the_log_is_read_over_the_bus(tmp_path: Path) -> None:
    async with custodies(tmp_path) as made, connect("ingress", made.broker.settings) as bus:
        made.start("one")
        ids = await ended(bus, 40)
        note = await signed(bus, made, 40)
        found = await leaves(bus)
        assert [leaf.request_id for leaf in found] == ids
        assert (await told(bus, "key")).data.decode() == f"{made.key}\n"
        entries = (await told(bus, "tile", "tile/entries/000.p/40")).data
        assert entries == b"".join(b"\0\x20" + leaf.commitment for leaf in found)
        assert (await told(bus, "tile", "tile/entries/000.p/41")).failure.code == "not_found"
        assert await asyncio.to_thread(made.stop) == [0]
        assert (made.folder("one").root / "checkpoint").read_text() == note
        assert tree(made.folder("one"), [leaf.commitment for leaf in found]).size == 40


async def test_under_kill_9_of_custodies_and_broker_no_leaf_is_missing_or_double(tmp_path: Path) -> None:
    storm = await run(tmp_path, kills=6, seed=3)
    assert storm.counted.total() == 6
    assert len(storm.seen.notes) > 2


async def test_a_log_that_was_rolled_back_does_not_start_and_says_so_by_name(tmp_path: Path) -> None:
    async with custodies(tmp_path) as made:
        async with connect("ingress", made.broker.settings) as bus:
            made.start("one")
            await ended(bus, 3)
            await signed(bus, made, 3)
        made.stop()
    async with custodies(tmp_path / "new") as other:
        other.root = tmp_path  # the tiles and the key of before, on a broker that begins anew
        other.start("one")
        assert await asyncio.to_thread(other.processes["one"].wait, 20) not in (0, None)
        last = [orjson.loads(line) for line in other.said("one").splitlines() if line.startswith("{")]
        refused = [line for line in last if line["event"] == "log_refused"]
        assert [line["code"] for line in refused] == ["rolled_back"]


async def test_a_second_process_does_not_work_in_the_folder_of_the_first(tmp_path: Path) -> None:
    async with custodies(tmp_path) as made, connect("ingress", made.broker.settings) as bus:
        made.start("one")
        await told(bus, "key")
        first = made.processes.pop("one")
        made.start("one")
        assert await asyncio.to_thread(made.processes["one"].wait, 20) == 78
        assert "another process works in" in made.said("one")
        first.terminate()
        assert await asyncio.to_thread(first.wait, 20) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NI_LOG_ORIGIN", "has a space"),
        ("NI_LOG_ORIGIN", "a+b"),
        ("NI_WITNESSES", "nobody"),
        ("NI_WITNESS_QUORUM", "1"),
        ("NI_LOG_KEY_FILE", "/dev/null"),
    ],
)
async def test_a_wrong_setting_ends_the_start_with_a_sentence(
    tmp_path: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with custodies(tmp_path) as made:
        if name == "NI_LOG_KEY_FILE":
            (tmp_path / "log.key").write_bytes(b"short")
        else:
            monkeypatch.setenv(name, value)
        made.start("one")
        process: subprocess.Popen[bytes] = made.processes["one"]
        assert await asyncio.to_thread(process.wait, 20) == 78
        assert f"configuration: {name}" in made.said("one")
