"""`ni down`: stops the street that runs on a state folder."""

import argparse
import os
import signal
import time

from cli.status import holder_of, state_option, typed
from libs.embedded.state import State, lock_holder

NAME = "down"
HELP = """\
Stop the street that runs on a state folder, in order: the edge first, so that running requests end, the broker last.
State is kept. Nothing running is no error.

examples:
  ni down
  ni down --now        # do not wait for running requests
"""
_PATIENCE_S = 300.0


def configure(parser: argparse.ArgumentParser) -> None:
    state_option(parser)
    parser.add_argument("--now", action="store_true", help="kill instead of letting running requests end")


def run(args: argparse.Namespace) -> int:
    """0 when nothing runs any more."""
    state = State(root=args.state.resolve())
    holder = holder_of(state)
    if holder is None:
        print(f"nothing runs on {state.root}")
        return 0
    pid = int(holder.get("pid", 0))
    if not _signal(pid, args.now):
        print(f"process {pid} holds {state.lock} and cannot be stopped from here")
        return 1
    deadline = time.monotonic() + _PATIENCE_S
    while lock_holder(state) is not None:
        if time.monotonic() > deadline:
            print(f"it still runs after {_PATIENCE_S:.0f} s; try: {typed('down', '--now')}")
            return 1
        time.sleep(0.05)
    print("stopped; state is kept in", state.root)
    return 0


def _signal(pid: int, now: bool) -> bool:
    if pid <= 1:
        return False
    try:
        os.kill(pid, signal.SIGTERM)
        if now:
            time.sleep(0.2)  # two signals that arrive together are one
            os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return True  # gone in the meantime
    except PermissionError:
        return False
    return True
