"""The transparency log, measured: a restart with a million leaves, and how long an ended request takes to be signed."""

import argparse
import asyncio
import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.bus.provision import provision
from libs.contracts.northern.v1.custody_pb2 import Leaf, SealedBatch
from libs.contracts.northern.v1.query_pb2 import LogTold
from libs.contracts.subjects import TLOG
from libs.projection.tasks import stopped
from libs.tlog.checkpoint import open_checkpoint
from tests.chaos.log import Custodies, messages, state
from tests.support.broker import STORE_BYTES, Broker, open_to_all
from tests.unit.custody.log.rig import delivered, egress, finished, new_id

_BATCH = 1000


async def fill(bus: Bus, count: int) -> None:
    """So many leaves, as batches of a thousand."""
    for first in range(0, count, _BATCH):
        leaves = [
            Leaf(request_id=f"{n:016x}", tenant="t_first", commitment=hashlib.sha256(b"%d" % n).digest())
            for n in range(first, min(count, first + _BATCH))
        ]
        await bus.append("tlog", SealedBatch(first_index=first, leaves=leaves, open_from=1).SerializeToString())


async def size(bus: Bus, custodies: Custodies) -> int:
    """Leaves of the checkpoint that is given out now; -1: none is."""
    try:
        told = LogTold.FromString(await bus.request("ni.query.custody.checkpoint", b"", 0.5))
    except Exception:  # noqa: BLE001 - nobody is there yet
        return -1
    return open_checkpoint(told.data.decode(), custodies.key)[0].size if told.data else -1


async def shown(bus: Bus, custodies: Custodies, count: int) -> float:
    """Seconds until a checkpoint of so many leaves is given out."""
    began = time.perf_counter()
    while await size(bus, custodies) < count:  # noqa: ASYNC110 - another process is asked
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


async def restarts(bus: Bus, custodies: Custodies, count: int) -> None:
    began = time.perf_counter()
    await fill(bus, count)
    say(f"{count} leaves in TLOG, written in {time.perf_counter() - began:.1f} s")
    custodies.start("one")
    say(f"a replica without tiles shows them after {await shown(bus, custodies, count):.2f} s")
    for number in range(1, 4):
        custodies.kill("one")
        custodies.start("one")
        say(f"restart {number} after kill -9, tiles there: {await shown(bus, custodies, count):.2f} s")


async def latencies(
    bus: Bus, custodies: Custodies, base: int, rate: float, seconds: float, *, quietly: bool = False
) -> None:
    """From a request's last fact being durable to a signed checkpoint that has it, as somebody sees who asks for it."""
    ended: dict[str, float] = {}
    signed: list[tuple[float, int]] = []

    async def watch() -> None:
        while True:
            signed.append((await size(bus, custodies), time.perf_counter()))  # type: ignore[arg-type]
            await asyncio.sleep(0.005)

    async def one() -> None:
        request_id = new_id()
        for kind, fact in (("egress", egress(request_id)), ("finished", finished(request_id))):
            await state(bus, kind, fact)
        await state(bus, "delivered", delivered(request_id))
        ended[request_id] = time.perf_counter()

    watching = asyncio.create_task(watch())
    cpu = cpu_of(custodies)
    began, running = time.perf_counter(), set[asyncio.Task[None]]()
    while time.perf_counter() - began < seconds:
        running.add(asyncio.create_task(one()))
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*running)
    while signed[-1][0] < base + len(ended):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    await stopped(watching)
    used = cpu_of(custodies) - cpu
    if quietly:
        return
    index = await places(bus)
    waits = sorted(next(at for held, at in signed if held > index[rid]) - at for rid, at in ended.items())
    cut = statistics.quantiles(waits, n=100)
    say(
        f"{len(ended)} requests at {len(ended) / seconds:.0f}/s: signed after p50 {cut[49]:.2f} s, p99 {cut[98]:.2f} s,"
        f" most {waits[-1]:.2f} s; {used / len(ended) * 1e6:.0f} µs of CPU a request in all of the process"
    )


async def places(bus: Bus) -> dict[str, int]:
    found: dict[str, int] = {}
    for message in await messages(bus, TLOG):
        batch = SealedBatch.FromString(message.data)
        found |= {leaf.request_id: batch.first_index + n for n, leaf in enumerate(batch.leaves)}
    return found


def cpu_of(custodies: Custodies) -> float:
    """Seconds that the one process has used."""
    fields = Path(f"/proc/{custodies.processes['one'].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def roomy(port: int, monitor: int, store: Path) -> str:
    """A broker whose streams have their full sizes."""
    return open_to_all(port, monitor, store).replace(str(STORE_BYTES), str(100 << 30))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def measure(root: Path, count: int, rate: float, seconds: float) -> None:
    broker = Broker(root / "nats", roomy)
    await asyncio.to_thread(broker.start)
    await provision(broker.url, None)
    custodies = Custodies(root=root, broker=broker, every_ms=1000)
    try:
        async with connect("ingress", broker.settings) as bus:
            await restarts(bus, custodies, count)
            await latencies(bus, custodies, count, 5.0, 8.0, quietly=True)  # until the lease of the killed one is ours
            for each in (1.0, 20.0, rate):
                await latencies(bus, custodies, await size(bus, custodies), each, seconds)
    finally:
        custodies.stop()
        broker.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ni-log-") as folder:
        asyncio.run(measure(Path(folder), options.leaves, options.rate, options.seconds))


if __name__ == "__main__":
    main()
