"""`make bench`: starts a street, measures CPU, latency and memory, and prints them as a table beside their budgets."""

import argparse
import asyncio
import os
import resource
import signal
import sys
from collections.abc import Sequence

import aiohttp
import uvloop

from libs.contracts.errors import StoreUnavailable
from libs.embedded.programs import ROOT
from libs.store.base import StoreRefused
from tests.load.client import NotAnswered
from tests.load.processes import LOAD_CPU, STREET_CPU
from tests.load.report import Line, Row, environment, table
from tests.load.rows import QUICK, ROWS, Sizes
from tests.load.scene import Scene, recorded, scene

_WRITTEN = ROOT / "docs" / "measured" / "bench.txt"
_FILES = 16_384  # 2,000 idle streams are 4,000 sockets in one process
_ABOUT = """\
Start a street of its own (a fresh state folder, free ports) with a fixed-answer upstream behind its `openai` egress,
load it, and print CPU per request and per process, latency and memory beside their budgets and beside a one-process
aiohttp reverse proxy in the same run. Everything of the street is pinned to processor 0, load and upstream to
processor 1; run it on a machine that does nothing else. It prints and does not judge: the exit code is 0 unless a
request failed or was lost.
"""
_ROWS = """\
rows:
  1  not streamed, 32 in flight; added latency, also at half load
  2  100-chunk streams, upstream writing bursts of 10, 32 in flight
  3  100-chunk streams, one chunk each 20 ms, 200 in flight
  4  CPU per request at 1, 8, 32, 128 and 512 in flight
  5  memory of 2,000 idle open streams
  6  memory of the street at rest, and of the largest worker
  7  what translating from one dialect to another costs more than passing through
  then, always: every request that was accepted is on record exactly once

examples:
  make bench                                      all rows, ~3 minutes; also writes docs/measured/bench.txt
  python -m tests.load.bench --quick              fewer requests, under a minute; writes nothing
  python -m tests.load.bench --rows 1,2           only these; writes nothing
"""


def main() -> int:
    """0: measured; 1: a request failed or was lost; 2: it cannot be measured here."""
    asked = _arguments()
    if not {STREET_CPU, LOAD_CPU} <= os.sched_getaffinity(0):
        _say(f"the bench needs processors {STREET_CPU} and {LOAD_CPU}")
        return 2
    _allow_files()
    rows, failed = uvloop.run(_run(asked.rows, QUICK if asked.quick else Sizes()))
    command = "make bench --quick" if asked.quick else "make bench"
    text = f"{environment(command)}\n\n{table(rows)}\n"
    sys.stdout.write(text)
    if not failed and not asked.quick and len(asked.rows) == len(ROWS):
        _WRITTEN.parent.mkdir(exist_ok=True)
        _WRITTEN.write_text(text)
    return int(failed)


async def _run(chosen: Sequence[str], sizes: Sizes) -> tuple[list[Row], bool]:
    """The rows, and whether anything failed."""
    rows, failed = [], False
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # the street is stopped, not left
    _say("starting the street and warming up")
    os.sched_setaffinity(0, {LOAD_CPU})
    async with scene() as street:
        for name in (name for name in ROWS if name in chosen):
            _say(f"row {name}")
            try:
                rows.append(await ROWS[name](street, sizes))
            except* (NotAnswered, aiohttp.ClientError, TimeoutError) as errors:
                failed = True
                first = _first(errors)
                rows.append(Row(title=f"{name}  FAILED: {type(first).__name__}: {first}"))
        rows.sort(key=lambda row: row.title)
        try:
            reckoning, lost = await _reckon(street)
        except (StoreUnavailable, StoreRefused) as error:
            reckoning, lost = Row(title=f"nothing lost?  FAILED: {error}"), True
        rows.append(reckoning)
    return rows, failed or lost


async def _reckon(street: Scene) -> tuple[Row, bool]:
    """Whether every accepted request has its facts, and each Finished once."""
    found, accepted = await recorded(street.street), street.street.client.accepted
    missing = max(0, accepted - min(found.finished, found.delivered)) + found.unfinished
    fallen = street.street.fallen()
    lines = (
        Line(what="accepted requests that are not on record, or not closed there", measured=missing, unit="", budget=0),
        Line(what="Finished facts beyond a request's first", measured=found.ignored, unit=""),
        Line(what=f"programs that fell {', '.join(fallen)}".rstrip(), measured=len(fallen), unit="", budget=0),
    )
    counts = f"egress {found.egress:,} · finished {found.finished:,} · delivered {found.delivered:,} in ClickHouse"
    mb = sum(street.street.tree.pss().values()) / 1024
    remarks = (counts, f"PSS of the whole street after the load: {mb:,.0f} MB")
    row = Row(title=f"nothing lost: {accepted:,} requests accepted", lines=lines, remarks=remarks)
    return row, bool(missing or fallen)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load.bench",
        description=_ABOUT,
        epilog=_ROWS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer requests: a first look, under a minute")
    parser.add_argument("--rows", type=_chosen, default=tuple(sorted(ROWS)), metavar="1,4", help="only these rows")
    return parser.parse_args()


def _chosen(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in names if name not in ROWS]:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(sorted(ROWS))}")
    return names


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
