"""`make bench-litellm`: the street and another gateway, the same load on the same upstream, one after the other."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import orjson
import uvloop

from libs.embedded.programs import ROOT
from libs.embedded.state import free_ports
from tests.load.client import MODEL, Target, client, percentile
from tests.load.processes import LOAD_CPU, STREET_CPU, Tree, on_cpu
from tests.load.report import Line, Row, environment, table
from tests.load.rows import Measured, measure
from tests.load.scene import Place, listening, scene

_WRITTEN = ROOT / "docs" / "measured" / "litellm.txt"
_UP_S = 300.0  # it may have to be installed first
_WARM = 300
_SECONDS = 12.0
_KEY = "sk-bench"
_ABOUT = """\
Start a street of its own, and LiteLLM's proxy with one worker, no database and no logging of its own beside it, both
on processor 0 and never under load together; send both the same requests for the same upstream, and print CPU,
latency and memory. The street keeps its custody record, its ledger and its usage meanwhile; the other keeps nothing.
"""


def main() -> int:
    """0: measured and written to docs/measured/litellm.txt; 2: it cannot be measured here."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.beside", description=_ABOUT)
    parser.add_argument("command", nargs="+", help="how LiteLLM's proxy is started, without its options")
    asked = parser.parse_args()
    if not {STREET_CPU, LOAD_CPU} <= os.sched_getaffinity(0):
        sys.stderr.write(f"it needs processors {STREET_CPU} and {LOAD_CPU}\n")
        return 2
    text = uvloop.run(_run(asked.command))
    sys.stdout.write(text)
    _WRITTEN.write_text(text)
    return 0


async def _run(command: Sequence[str]) -> str:
    os.sched_setaffinity(0, {LOAD_CPU})
    async with scene() as street, _litellm(command, street.direct.client.target.url) as other:
        both = (street.street, other)
        rows = [await _whole(both, in_flight) for in_flight in (1, 32, 128)]
        rows += [await _streams(both), _memory(both)]
    return f"{environment('make bench-litellm', 'LiteLLM')}\n{command[-2]}\n\n{table(rows, 'LiteLLM')}\n"


@asynccontextmanager
async def _litellm(command: Sequence[str], upstream: str) -> AsyncIterator[Place]:
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="ni-beside-") as folder:
        config = Path(folder) / "config.yaml"  # JSON is YAML
        served = {"model": f"openai/{MODEL}", "api_base": f"{upstream}/v1", "api_key": "bench"}
        config.write_bytes(
            orjson.dumps(
                {
                    "model_list": [{"model_name": MODEL, "litellm_params": served}],
                    "litellm_settings": {"telemetry": False, "turn_off_message_logging": True},
                    "general_settings": {"master_key": _KEY},
                }
            )
        )
        options = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        with _process([*command, *options], Path(folder) / "log") as pid:
            async with asyncio.timeout(_UP_S):
                await listening(port)
            target = Target(name="litellm", url=f"http://127.0.0.1:{port}", key=_KEY)
            async with client(target) as caller:
                await caller.closed("whole", 8, count=_WARM)
                await caller.closed("burst", 8, count=32)
                yield Place(client=caller, tree=Tree(roots={"litellm": pid}))


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[int]:
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with on_cpu(STREET_CPU), log.open("wb") as out:
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


async def _both(places: tuple[Place, Place], mode: str, in_flight: int) -> tuple[Measured, Measured]:
    street, other = [
        await measure(place, place.client.closed(mode, in_flight, count=1 << 30, most_s=_SECONDS)) for place in places
    ]
    return street, other


async def _whole(places: tuple[Place, Place], in_flight: int) -> Row:
    street, other = await _both(places, "whole", in_flight)
    return Row(
        title=f"not streamed, {in_flight} in flight",
        lines=(
            Line(what="CPU per request", measured=street.total_us, unit="µs", beside=other.total_us),
            Line(what="requests a second", measured=street.taken.rate, unit="/s", beside=other.taken.rate),
            *(
                Line(
                    what=f"latency p{share * 100:.0f}",
                    measured=street.latency_ms(share),
                    unit="ms",
                    beside=other.latency_ms(share),
                )
                for share in (0.5, 0.99)
            ),
        ),
        parts=street.each_us(),
        unit="µs a request",
        remarks=street.remarks(),
    )


async def _streams(places: tuple[Place, Place]) -> Row:
    street, other = await _both(places, "burst", 32)
    gaps = [percentile(each.taken.gaps, 0.99) * 1e3 for each in (street, other)]
    return Row(
        title="100-chunk streams in bursts of 10, 32 in flight",
        lines=(
            Line(what="CPU per stream", measured=street.total_us / 1e3, unit="ms", beside=other.total_us / 1e3),
            Line(what="streams a second", measured=street.taken.rate, unit="/s", beside=other.taken.rate),
            Line(what="p99 between chunks", measured=gaps[0], unit="ms", beside=gaps[1]),
        ),
        parts=street.each_us(),
        unit="µs a stream",
        remarks=street.remarks(),
    )


def _memory(places: tuple[Place, Place]) -> Row:
    street, other = [sum(place.tree.pss().values()) / 1024 for place in places]
    return Row(
        title="memory after the load",
        lines=(Line(what="PSS, all processes", measured=street, unit="MB", beside=other),),
    )


if __name__ == "__main__":
    sys.exit(main())
