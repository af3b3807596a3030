"""`ni usage`: an account's request log, as a table, as sums or as CSV."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from cli.gateway import Gateway, options, table, with_gateway

NAME = "usage"
HELP = """\
List the requests of an account, newest first, or add them up. Times are RFC 3339, dates (in the account's time zone)
or Unix seconds; --to is not included.
Exit code 0: done; 1: refused, and why; 3: no gateway.

examples:
  ni usage --limit 20
  ni usage --totals day --from 2026-11-01
  ni usage --model gpt-4.1-mini --status failed
  ni usage --csv > november.csv
"""
_FILTERS = ("request_id", "key", "model", "route", "status", "from", "to", "tenant")
_ROW = (
    "request_id",
    "model",
    "route",
    "status",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "currency",
    "latency_ms",
)
_SUMS = ("requests", "prompt_tokens", "completion_tokens", "cost", "currency")


def configure(parser: argparse.ArgumentParser) -> None:
    for name in _FILTERS:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=f"of_{name}")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--totals", choices=("day", "model", "key", "task"), help="sums instead of requests")
    instead.add_argument("--csv", action="store_true", help="all of them, as CSV")
    parser.add_argument("--limit", type=int, default=50, help="how many (default: %(default)s)")
    options(parser)


def run(args: argparse.Namespace) -> int:
    return with_gateway(args, NAME, lambda gateway: _listed(gateway, args))


async def _listed(gateway: Gateway, args: argparse.Namespace) -> int:
    narrow = {name: getattr(args, f"of_{name}") for name in _FILTERS}
    if args.csv:
        sys.stdout.buffer.write(await gateway.text("/api/usage/export", **narrow))
        return 0
    told = await gateway.get("/api/usage", **narrow, totals=args.totals, limit=args.limit)
    if args.json:
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return 0
    columns = (args.totals, *_SUMS) if args.totals else ("created", *_ROW)
    print(table(columns, [tuple(_cell(name, one[name]) for name in columns) for one in told["data"]]))
    return 0


def _cell(name: str, value: Any) -> str:
    if name == "created":
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)
