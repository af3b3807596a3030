"""`ni reconcile`: every book of the same money compared with the next one, from the beginning."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import orjson

from cli.gateway import table
from cli.status import state_option, typed
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable, NorthernError, Overloaded
from libs.contracts.failures import from_query_failure
from libs.contracts.northern.v1.query_pb2 import ReconcileAsk, ReconcileTold
from libs.contracts.subjects import query
from libs.embedded.keyring import seed_file
from libs.embedded.state import State, read_json
from libs.runtime.settings import Settings, read

NAME = "reconcile"
HELP = """\
Compare the ledger's journal with its copy, the transactions, the request log and the finished requests on record:
counts and sums of every account, up to the moment of asking. Billing does the work, as it does every minute for
itself; this asks it over the broker, of the running street or of NI_NATS_URL with NI_NATS_SEED_FILE (the operator's).
Exit code 0: they agree; 1: they differ; 2: a copy is behind and does not catch up; 3: billing does not answer.

examples:
  ni reconcile
  ni reconcile --json | jq .differences
"""
_DIFFER, _BEHIND, _SILENT = 1, 2, 3
_MOST_S = 60  # billing waits no longer


def configure(parser: argparse.ArgumentParser) -> None:
    state_option(parser)
    parser.add_argument(
        "--wait", type=_seconds, default=15.0, metavar="S", help=f"for copies to catch up, to {_MOST_S} (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as it is")


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= _MOST_S:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0 to {_MOST_S}")
    return found


def run(args: argparse.Namespace) -> int:
    """Ask and print."""
    try:
        settings = broker_settings(State(root=args.state.resolve()))
    except LookupError:
        return _refuse(f"no street runs here and no broker is named; start one ({typed('up')}) or set NI_NATS_URL")
    try:
        report = asyncio.run(_asked(settings, args.wait))
    except (BusUnavailable, Overloaded):
        return _refuse("billing does not answer; look at `ni status` and at its log")
    except NorthernError as error:
        return _refuse(error.message)
    if args.json:
        sys.stdout.buffer.write(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    else:
        print(shown(report))
    return _DIFFER if report["differences"] else _BEHIND if report["behind"] else 0


def shown(report: dict[str, Any]) -> str:
    """The report as text."""
    rows = [
        (
            one["pair"],
            str(one["left"]["entries"]),
            one["left"]["amount"],
            str(one["right"]["entries"]),
            one["right"]["amount"],
            str(one["differences"]),
        )
        for one in report["pairs"]
    ]
    lines = [table(("books", "entries", "amount", "entries", "amount", "differences"), rows)]
    for one in report["pairs"]:
        for each in one["first"]:
            left, right = each["left"], each["right"]
            lines.append(
                f"  {one['pair']}  {each['tenant']} {each['kind']}  "
                f"{left['entries']} ({left['amount']}) against {right['entries']} ({right['amount']})"
            )
    up_to = report["up_to"]
    lines.append(f"compared up to message {up_to['journal']} of LEDGER and {up_to['events']} of EVENTS")
    if report["behind"]:
        lines.append(f"behind, so that what came after is not in it: {', '.join(report['behind'])}")
    found = report["differences"]
    lines.append("no differences" if not found else f"{found} difference{'s' if found > 1 else ''}")
    return "\n".join(lines)


def broker_settings(state: State) -> Settings:
    """Of the broker that the environment names, else of the street's. Raises LookupError where neither is there."""
    if os.environ.get("NI_NATS_URL"):
        return read(Settings)
    port = read_json(state.running)["nats"]
    seed: Path = seed_file(state.secrets, "operator")
    return Settings(nats_url=f"nats://127.0.0.1:{port}", nats_seed_file=seed)


async def _asked(settings: Settings, wait_s: float) -> dict[str, Any]:
    ask = ReconcileAsk(wait_ms=round(wait_s * 1000)).SerializeToString()
    async with connect("operator", settings) as bus:
        answer = await bus.request(query("billing", "reconcile"), ask, wait_s + 120)
    told = ReconcileTold.FromString(answer)
    if told.HasField("failure"):
        raise from_query_failure(told.failure)
    report: dict[str, Any] = orjson.loads(told.report)
    return report


def _refuse(sentence: str) -> int:
    print(f"ni reconcile: {sentence}", file=sys.stderr)
    return _SILENT
