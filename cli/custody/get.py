"""`ni custody get`: the custody record of a request as the gateway shows it, or its receipt as a file."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

import orjson

from cli.custody.outcomes import printable, tell_unusable
from cli.gateway import Gateway, options, with_gateway
from libs.contracts.ids import REQUEST_ID

HELP = """\
Show the custody record of a request of your account. --receipt also fetches its receipt, the file that
`ni custody verify` and anybody else's verifier reads. It holds record and salt: keep it as you keep the call.
Exit code 0: done; 1: refused, and why; 2: that is no id, or the file cannot be written; 3: no gateway.

examples:
  ni custody get 0f3c9a51b2d40001
  ni custody get 0f3c9a51b2d40001 --receipt call.tlog-proof
"""
_VERB: Final = "custody get"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the request's id: x-ni-request-id of its answer")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="write the receipt here; - is standard output")
    options(parser)


def run(args: argparse.Namespace) -> int:
    if not REQUEST_ID.fullmatch(args.id):
        return tell_unusable(_VERB, "an id has 16 hex digits, as in x-ni-request-id of the answer")
    try:
        return with_gateway(args, _VERB, lambda gateway: _fetched(gateway, args))
    except OSError as error:
        return tell_unusable(_VERB, str(error))


async def _fetched(gateway: Gateway, args: argparse.Namespace) -> int:
    path = f"/api/usage/custody/{args.id}"
    if args.receipt:
        receipt = await gateway.text(f"{path}/receipt")
        if str(args.receipt) == "-":
            sys.stdout.buffer.write(receipt)
            return 0
        _written(args.receipt, receipt)
    record = await gateway.get(path)
    if args.json:
        sys.stdout.buffer.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    else:
        pretty = orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        print("\n".join(printable(line) for line in pretty.split("\n")))
    return 0


def _written(path: Path, receipt: bytes) -> None:
    """Whole, or not at all; readable by its owner: the salt is in it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(receipt)
    fresh.replace(path)
