"""A power cut: broker and tiles on a disk of their own, of which only what was synced is left; then the log again."""

import argparse
import asyncio
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from libs.bus.nats import connect
from libs.contracts.subjects import EVENTS, TLOG
from tests.chaos.log import Custodies, Witnessed, ask, contradicting, leaves, request, tree
from tests.support.broker import Broker, open_to_all

_ABOUT = """\
The broker's store and custody's tiles lie on an ext4 of their own in a file (a loop device). At a random moment both
processes are stopped where they are, the file is copied as the device has it (what was written and not synced is in
memory, and not in it), and everything is killed. Broker and custody go on with the copy; clients that heard no answer
ask again, as workers do. In the end every request has one leaf, and every checkpoint ever given out is a prefix of the
last. `--without-sync` is the control: the broker's default, under which acknowledged messages are gone, and the log
must refuse to start.
"""
_IMAGE_BYTES = 1 << 30
_PATIENCE_S = 60.0


def refused() -> str:
    """Why this machine cannot do it; "" where it can."""
    for tool in ("losetup", "mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    with tempfile.TemporaryDirectory(prefix="ni-power-") as folder:
        try:
            with Disk(root=Path(folder)).mounted():
                return ""
        except subprocess.CalledProcessError as error:
            return f"{error.cmd[0]} is refused here: {(error.stderr or b'').decode().strip()[:200]}"


@dataclass(kw_only=True)
class Disk:
    """A file system in a file."""

    root: Path
    cuts: int = 0
    device: str = ""

    @property
    def image(self) -> Path:
        return self.root / f"disk-{self.cuts}.img"

    @property
    def place(self) -> Path:
        return self.root / "disk"

    def make(self) -> None:
        with self.image.open("wb") as image:
            image.truncate(_IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", str(self.image))

    def mount(self) -> None:
        self.place.mkdir(exist_ok=True)
        self.device = _run("losetup", "--find", "--show", str(self.image)).strip()
        # Nothing is written by the clock: what is on the disk is there because somebody asked for it.
        _run("mount", "-o", "commit=300,noatime", self.device, str(self.place))

    def unmount(self) -> None:
        if self.device:
            subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)
            subprocess.run(["losetup", "-d", self.device], check=False, capture_output=True)
            self.device = ""

    def cut(self) -> Path:
        """The disk as it would be found after the cut, in a file; nothing may run on it, or it must be stopped."""
        after = self.root / f"disk-{self.cuts + 1}.img"
        _run("cp", "--sparse=always", str(self.image), str(after))
        return after

    @contextmanager
    def mounted(self) -> Iterator["Disk"]:
        self.make()
        try:
            self.mount()
            yield self
        finally:
            self.unmount()


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def forgetful(port: int, monitor: int, store: Path) -> str:
    """The broker's own default: synced every two minutes."""
    return open_to_all(port, monitor, store).replace(", sync_interval: always", "")


@dataclass(kw_only=True)
class Outage:
    """Requests, and cuts of the power under them."""

    disk: Disk
    sync: bool
    seed: int
    seen: Witnessed = field(default_factory=Witnessed)
    lines: list[str] = field(default_factory=list)
    custodies: Custodies = field(init=False)

    def __post_init__(self) -> None:
        root = self.disk.place
        self.custodies = Custodies(root=root, broker=Broker(root / "nats", open_to_all if self.sync else forgetful))

    async def run(self, cuts: int) -> bool:
        """Whether all went as it must; what happened is in `lines`."""
        broker, dice = self.custodies.broker, random.Random(self.seed)
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(broker.provision)
        await asyncio.to_thread(_run, "sync", "-f", str(self.disk.place))  # what stands there is of yesterday
        self.custodies.start("one")
        async with connect("ingress", broker.settings) as bus, self._clients(dice) as over:
            asking = asyncio.create_task(ask(bus, self.custodies.key, self.seen))
            try:
                for number in range(1, cuts + 1):
                    await asyncio.sleep(dice.uniform(2.0, 10.0))  # a lease that the dead held ends after 5
                    before = await self._before()
                    await asyncio.to_thread(self._cut)
                    if not await self._after(number, before):
                        return False
                over.set()
                return await self._settled()
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def _before(self) -> dict[str, int]:
        async with connect("ingress", self.custodies.broker.settings) as bus:
            return {stream: await bus.last_seq(stream) for stream in (EVENTS, TLOG)}

    def _cut(self) -> None:
        """Stopped within microseconds of each other, copied, killed."""
        broker, custody = self.custodies.broker.process, self.custodies.processes["one"]
        assert broker is not None
        for process in (broker, custody):
            process.send_signal(signal.SIGSTOP)
        self.disk.cut()
        for process in (broker, custody):
            process.kill()
            process.wait()
        self.disk.unmount()
        self.disk.cuts += 1
        self.disk.mount()
        self.custodies.broker.start(deadline_s=30.0)

    async def _after(self, number: int, before: dict[str, int]) -> bool:
        """Acknowledged messages are there; the log goes on, or says by name why it does not."""
        found = await self._before()
        lost = {stream: max(0, before[stream] - found[stream]) for stream in before}
        told = ", ".join(f"{stream} {before[stream]} acknowledged, {lost[stream]} lost" for stream in before)
        shown = max(self.seen.notes, default=0)
        self.lines.append(f"cut {number}: {told}; {shown} leaves in the last checkpoint given out")
        self.custodies.start("one")
        if not any(lost.values()):
            return True
        code = await asyncio.to_thread(self.custodies.processes["one"].wait, 20)
        names = [line for line in self.custodies.said("one").splitlines() if "log_refused" in line]
        self.lines.append(f"custody ended with {code}: {names[-1] if names else 'without a name'}")
        return False

    async def _settled(self) -> bool:
        began = time.monotonic()
        while max(self.seen.notes, default=0) < len(self.seen.ids):
            assert time.monotonic() - began < _PATIENCE_S, f"{max(self.seen.notes)} of {len(self.seen.ids)} are sealed"
            await asyncio.sleep(0.1)
        async with connect("ingress", self.custodies.broker.settings) as bus:
            found = await leaves(bus)
        assert sorted(leaf.request_id for leaf in found) == sorted(self.seen.ids)
        folder = self.custodies.folder("one")
        tree(folder, [leaf.commitment for leaf in found])
        assert not contradicting(self.seen, self.custodies.key, folder)
        self.lines.append(
            f"{len(found)} requests, one leaf each, none missing; {len(self.seen.notes)} checkpoints given out, each a"
            f" prefix of the last; all signed {time.monotonic() - began:.1f} s after the last request"
        )
        return True

    @asynccontextmanager
    async def _clients(self, dice: random.Random) -> AsyncIterator[asyncio.Event]:
        over = asyncio.Event()

        async def client(number: int) -> None:
            own = random.Random(f"{self.seed}-{number}")
            async with connect("ingress", self.custodies.broker.settings) as bus:
                while not over.is_set():
                    await request(bus, self.seen, own)

        clients = [asyncio.create_task(client(number)) for number in range(dice.randint(4, 6))]

        async def gone() -> None:
            await over.wait()
            await asyncio.gather(*clients)

        waiting = asyncio.create_task(gone())
        try:
            yield over
        finally:
            for task in (waiting, *clients):
                task.cancel()
            await asyncio.gather(waiting, *clients, return_exceptions=True)

    def close(self) -> None:
        processes = [*self.custodies.processes.values(), self.custodies.broker.process]
        for process in processes:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def cut(cuts: int, seed: int, *, sync: bool) -> tuple[bool, list[str]]:
    """Whether all went as it must, and what happened."""
    with tempfile.TemporaryDirectory(prefix="ni-power-") as folder, Disk(root=Path(folder)).mounted() as disk:
        outage = Outage(disk=disk, sync=sync, seed=seed)
        try:
            return asyncio.run(outage.run(cuts)), outage.lines
        finally:
            outage.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-sync", action="store_true", help="the control")
    options = parser.parse_args()
    if why := refused():
        sys.stdout.write(f"skipped: {why}\n")
        return 0
    good, lines = cut(options.cuts, options.seed, sync=not options.without_sync)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
