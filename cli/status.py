"""`ni status`: what runs on a state folder."""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from libs.embedded.probe import OK, get
from libs.embedded.state import State, lock_holder, read_json

NAME = "status"
HELP = """\
List the processes of the street that runs on a state folder: pid, uptime, port, ready or not, memory, restarts.
Exit code 0: everything is ready; 1: something is not; 3: nothing runs.

examples:
  ni status
  NI_STATE=/var/lib/northern ni status
"""
NOT_RUNNING = 3
_COLUMNS = "{:<20} {:>8} {:>9} {:>6}  {:<10} {:>8} {:>8} {:>8}"


def configure(parser: argparse.ArgumentParser) -> None:
    state_option(parser)


def state_option(parser: argparse.ArgumentParser) -> None:
    """The folder, the same for `up`, `down` and `status`."""
    where = os.environ.get("NI_STATE") or ".state"
    parser.add_argument(
        "--state", type=Path, default=Path(where), metavar="DIR", help=f"state folder (NI_STATE; now {where})"
    )


def typed(verb: str, *options: str) -> str:
    """How to type a verb here: whoever came by make need not have `ni` on the PATH."""
    by_make = bool(os.environ.get("MAKELEVEL"))
    if by_make and not options:
        return f"make {verb}"
    return " ".join((str(Path(sys.executable).with_name("ni")) if by_make else "ni", verb, *options))


def holder_of(state: State) -> dict[str, Any] | None:
    """`{pid, url}` of what runs there; ends with 1 where one may not know."""
    try:
        return lock_holder(state)
    except PermissionError:
        raise SystemExit(f"ni: {state.root} belongs to somebody else: {state.lock} cannot be read") from None


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    state = State(root=args.state.resolve())
    holder = holder_of(state)
    if holder is None:
        print(f"nothing runs on {state.root}; start it with: {typed('up')}")
        return NOT_RUNNING
    running = read_json(state.running)
    print(f"{holder.get('url', '')}   supervisor pid {holder.get('pid', '?')}   state {state.root}")
    print(_COLUMNS.format("", "pid", "uptime", "port", "state", "RSS MB", "PSS MB", "restarts"))
    programs: dict[str, dict[str, Any]] = running.get("programs", {})
    states = asyncio.run(_states(programs))
    for name, one in programs.items():
        print(_row(name, one, states[name]))
    return 0 if programs and all(word in {"ready", "done"} for word in states.values()) else 1


async def _states(programs: dict[str, dict[str, Any]]) -> dict[str, str]:
    words = await asyncio.gather(*(_state(one) for one in programs.values()))
    return dict(zip(programs, words, strict=True))


async def _state(one: dict[str, Any]) -> str:
    if one["once"]:
        return "done" if one["up"] else "running" if one["pid"] else "waiting"
    if not one["pid"]:
        return "down" if one["started"] else "waiting"
    status, _ = await get(one["ready_url"])
    return "ready" if status == OK else "silent" if status == 0 else "not ready"


def _row(name: str, one: dict[str, Any], state: str) -> str:
    pid = int(one["pid"])
    uptime = _duration(time.time() - one["started"]) if pid else "-"
    rss, pss = memory_mb(pid)
    return _COLUMNS.format(name, pid or "-", uptime, one["port"] or "-", state, rss, pss, one["restarts"])


def memory_mb(pid: int) -> tuple[str, str]:
    """Resident and proportional memory (Linux); "-" where the kernel does not say."""
    found = {"Rss": "-", "Pss": "-"}
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = f"{int(rest.split()[0]) / 1024:.0f}"
    except OSError:
        pass
    return found["Rss"], found["Pss"]


def _duration(seconds: float) -> str:
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours} h {m:02} m" if hours else f"{m} m {s:02} s" if m else f"{s} s"
