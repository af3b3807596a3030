"""The transparency log under kill -9: two custodies and their broker, ended at random moments under requests."""

import argparse
import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from libs.bus.base import Bus, Stored
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.northern.v1.custody_pb2 import Leaf, RecordBatch, SealedBatch
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.contracts.northern.v1.query_pb2 import LogTold
from libs.contracts.subjects import RECORDS, TLOG
from libs.tlog import merkle
from libs.tlog.checkpoint import Checkpoint, open_checkpoint
from libs.tlog.note import VerifierKey
from libs.tlog.receipt import commitment
from libs.tlog.tiles import Tiles
from services.custody.log.folder import Folder
from services.custody.log.signer import FileSigner, verifier_key
from tests.support.broker import Broker, open_to_all
from tests.unit.custody.log.rig import delivered, egress, finished, new_id

_ABOUT = """\
Two custodies on one broker, each with tiles of its own. Requests begin and end all the time; somebody asks for the
checkpoint all the time and keeps each. Meanwhile a custody, or the broker, is killed with -9 or frozen for longer than
its lease. In the end: every request has one leaf, no index is missing, every record fits its leaf, both folders hold
the same tree, and every checkpoint that was ever given out is a prefix of the last.
"""
_NO_STORE = "http://127.0.0.1:1"  # the log does without
_FROZEN_S = 7.0  # a lease is of 5 s
_PATIENCE_S = 40.0


@dataclass(kw_only=True)
class Custodies:
    """Processes of `services.custody` on one broker, without a store."""

    root: Path
    broker: Broker
    every_ms: int = 100
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = self.root / "log.key"
        if not key.exists():
            key.write_bytes(secrets.token_bytes(32))

    @property
    def key(self) -> VerifierKey:
        return verifier_key(FileSigner.read(self.root / "log.key"), "")

    def folder(self, name: str) -> Folder:
        return Folder(self.root / name)

    def start(self, name: str) -> None:
        env = os.environ | {
            "NI_NATS_URL": self.broker.url,
            "NI_STORE_URL": _NO_STORE,
            "NI_STORE_PASSWORD": "none",
            "NI_LOG_KEY_FILE": str(self.root / "log.key"),
            "NI_LOG_DIR": str(self.folder(name).root),
            "NI_SEAL_EVERY_MS": str(self.every_ms),
            "NI_DRAIN_S": "2",
        }
        with (self.root / f"{name}.out").open("ab") as out:
            command = [sys.executable, "-m", "services.custody"]
            self.processes[name] = subprocess.Popen(command, env=env, stdout=out, stderr=out)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        self.processes[name].send_signal(number)
        if number == signal.SIGKILL:
            self.processes[name].wait()

    def stop(self) -> list[int]:
        """In order; the exit codes."""
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        return [process.wait(20) for process in self.processes.values()]

    def said(self, name: str) -> str:
        return (self.root / f"{name}.out").read_text()


@dataclass(kw_only=True)
class Witnessed:
    """What was asked for and what was given out."""

    ids: list[str] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)  # by size
    contradictions: list[int] = field(default_factory=list)  # sizes given out with two roots
    asked: int = 0

    def keep(self, note: str, key: VerifierKey) -> None:
        head, _ = open_checkpoint(note, key)
        before = self.notes.setdefault(head.size, note)
        if open_checkpoint(before, key)[0].root != head.root:
            self.contradictions.append(head.size)


async def state(bus: Bus, kind: str, *facts: object) -> None:
    """State facts as the street does: durably, tried again with the same message id."""
    batch = FactBatch(facts=facts).SerializeToString()  # type: ignore[arg-type]
    msg_id = secrets.token_hex(8)
    while True:
        try:
            await bus.append(f"ev.{kind}.0", batch, msg_id=msg_id, timeout_s=2)
            return
        except (BusUnavailable, Overloaded):
            await asyncio.sleep(0.05)


async def request(bus: Bus, seen: Witnessed, dice: random.Random) -> None:
    """One request as EVENTS sees it; a few are refused the order of their facts, none is without an end."""
    request_id = new_id()
    await state(bus, "egress", egress(request_id))
    seen.ids.append(request_id)
    await asyncio.sleep(dice.expovariate(20))
    for kind in dice.sample(("finished", "delivered"), 2):
        await state(bus, kind, finished(request_id) if kind == "finished" else delivered(request_id))


async def ask(bus: Bus, key: VerifierKey, seen: Witnessed, every_s: float = 0.02) -> None:
    """Ask for the checkpoint for ever, and keep what is given out."""
    while True:
        try:
            told = LogTold.FromString(await bus.request("ni.query.custody.checkpoint", b"", 0.5))
        except (BusUnavailable, Overloaded):
            await asyncio.sleep(0.05)
            continue
        seen.asked += 1
        if told.data:
            seen.keep(told.data.decode(), key)
        await asyncio.sleep(every_s)


async def messages(bus: Bus, stream: str) -> list[Stored]:
    """All of a stream."""
    last, found = await bus.last_seq(stream), list[Stored]()
    if last:
        async with aclosing(cast(AsyncGenerator[list[Stored], None], bus.follow(stream))) as batches:
            async for batch in batches:
                found += batch
                if found and found[-1].seq >= last:
                    break
    return found


async def leaves(bus: Bus) -> list[Leaf]:
    """Every leaf of the log; that none is missing and each has its record is checked on the way."""
    records = {message.seq: message.data for message in await messages(bus, RECORDS)}
    found: list[Leaf] = []
    for message in await messages(bus, TLOG):
        batch = SealedBatch.FromString(message.data)
        assert batch.first_index == len(found), f"message {message.seq}: {batch.first_index} after {len(found)} leaves"
        stored = RecordBatch.FromString(records[batch.records_seq]).records if batch.leaves else []
        for one, leaf in zip(stored, batch.leaves, strict=True):
            assert (one.request_id, one.tenant) == (leaf.request_id, leaf.tenant)
            assert commitment(one.salt, one.record) == leaf.commitment, f"the record of {leaf.request_id} is another"
        found += batch.leaves
    return found


def tree(folder: Folder, entries: Sequence[bytes]) -> Checkpoint:
    """What the tiles of a folder say, compared with a tree made of the entries alone."""
    reach = folder.reach()
    frontier = merkle.Frontier()
    for entry in entries[: reach.size]:
        frontier.append(merkle.leaf_hash(entry))
    root = merkle.root(reach.size, Tiles(reach.size, folder.read).subtree)
    assert root == frontier.root(), f"the tiles in {folder.root} are of another tree"
    return Checkpoint(origin="", size=reach.size, root=root)


def contradicting(seen: Witnessed, key: VerifierKey, folder: Folder) -> list[int]:
    """Sizes of the checkpoints given out that are no prefix of the tree in the folder."""
    wrong = list(seen.contradictions)
    for size, note in seen.notes.items():
        head, _ = open_checkpoint(note, key)
        if merkle.root(size, Tiles(size, folder.read).subtree) != head.root:
            wrong.append(size)
    return wrong


@dataclass(kw_only=True)
class Storm:
    """Requests and kills from one seed."""

    custodies: Custodies
    kills: int
    seed: int
    seen: Witnessed = field(default_factory=Witnessed)
    counted: Counter[str] = field(default_factory=Counter)
    settled_s: float = 0.0

    async def rage(self) -> None:
        broker = self.custodies.broker
        async with connect("ingress", broker.settings) as bus:
            over = asyncio.Event()
            clients = [asyncio.create_task(self._client(bus, n, over)) for n in range(4)]
            asking = asyncio.create_task(ask(bus, self.custodies.key, self.seen))
            await self._kill(random.Random(self.seed))
            over.set()
            await asyncio.gather(*clients)
            began = time.monotonic()
            while max(self.seen.notes, default=0) < len(self.seen.ids):
                assert time.monotonic() - began < _PATIENCE_S, self.summary()
                await asyncio.sleep(0.05)
            self.settled_s = time.monotonic() - began
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def judge(self) -> None:
        """AssertionError, where anything is not as it must be."""
        async with connect("ingress", self.custodies.broker.settings) as bus:
            found = await leaves(bus)
        assert sorted(leaf.request_id for leaf in found) == sorted(self.seen.ids)
        entries = [leaf.commitment for leaf in found]
        for name in self.custodies.processes:
            tree(self.custodies.folder(name), entries)
            head = self.custodies.folder(name).reach().size
            assert head == len(found), f"the tiles of {name} end at {head}"
            assert not contradicting(self.seen, self.custodies.key, self.custodies.folder(name))

    def summary(self) -> str:
        killed = ", ".join(f"{what} {count}" for what, count in sorted(self.counted.items()))
        return (
            f"seed {self.seed}: {len(self.seen.ids)} requests; {killed}; {self.seen.asked} answers with"
            f" {len(self.seen.notes)} checkpoints; all in a signed checkpoint {self.settled_s:.1f} s after the last"
        )

    async def _client(self, bus: Bus, number: int, over: asyncio.Event) -> None:
        dice = random.Random(f"{self.seed}-{number}")
        while not over.is_set():
            await request(bus, self.seen, dice)
            await asyncio.sleep(dice.expovariate(20))

    async def _kill(self, dice: random.Random) -> None:
        custodies = self.custodies
        for _ in range(self.kills):
            await asyncio.sleep(dice.uniform(0.1, 2.0))
            name = dice.choice(list(custodies.processes))
            match dice.random():
                case share if share < 0.12:
                    self.counted["broker killed"] += 1
                    custodies.broker.kill()
                    await asyncio.sleep(dice.uniform(0.0, 1.0))
                    await asyncio.to_thread(custodies.broker.start)
                case share if share < 0.2:
                    self.counted["custody frozen"] += 1
                    custodies.kill(name, signal.SIGSTOP)
                    await asyncio.sleep(_FROZEN_S)
                    custodies.kill(name, signal.SIGCONT)
                case _:
                    self.counted["custody killed"] += 1
                    await asyncio.to_thread(custodies.kill, name)
                    custodies.start(name)


async def run(root: Path, kills: int, seed: int) -> Storm:
    """Rage and judge; everything is stopped then."""
    broker = Broker(root / "nats", open_to_all)
    await asyncio.to_thread(broker.start)
    await asyncio.to_thread(broker.provision)
    custodies = Custodies(root=root, broker=broker)
    storm = Storm(custodies=custodies, kills=kills, seed=seed)
    try:
        for name in ("one", "two"):
            custodies.start(name)
        await storm.rage()
        await asyncio.sleep(0.5)  # the other one's tiles
        codes = await asyncio.to_thread(custodies.stop)
        assert codes == [0, 0], codes
        await storm.judge()
    finally:
        for process in custodies.processes.values():
            process.kill()
            process.wait()
        broker.kill()
    return storm


def main() -> None:
    parser = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ni-log-") as folder:
        storm = asyncio.run(run(Path(folder), options.kills, options.seed))
    sys.stdout.write(f"{storm.summary()}\nno leaf missing, none twice, no checkpoint contradicted\n")


if __name__ == "__main__":
    main()
