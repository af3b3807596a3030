"""`ni custody`: a request's record, a receipt verified with no network, a log watched; each in a file of its own."""

import argparse
import importlib
from collections.abc import Iterable
from typing import Any, Final

NAME = "custody"
HELP = """\
Fetch the custody record of a request, verify a receipt, watch the transparency log. What a receipt proves, and what it
does not, stands in docs/custody.md. `ni custody verify` opens no connection.
Exit code 0: done, verified, consistent; 2: the command cannot be carried out; 3: not reached; from 10 on: not believed,
a number for each reason (`ni custody verify --help`).

examples:
  ni custody get 0f3c9a51b2d40001
  ni custody get 0f3c9a51b2d40001 --receipt call.tlog-proof
  ni custody verify call.tlog-proof --key "$(cat log.vkey)" --request body.json --response answer.json
  ni custody monitor https://gateway.example --policy policy.txt --state seen.json --once
"""
_PARTS: Final = (
    ("get", "cli.custody.get", "the record of a request, or its receipt as a file"),
    ("verify", "cli.custody.verify", "whether a receipt is to be believed; offline"),
    ("monitor", "cli.custody.monitor", "follow a log: that it only grows, and says the same to everybody who compares"),
)


class _Late(argparse.ArgumentParser):
    """Learns its options when it is its turn, so that `verify` imports nothing of what the others need."""

    part = ""

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
        part = importlib.import_module(self.part)
        self.description = part.HELP
        part.configure(self)
        return super().parse_known_args(args, namespace)


def configure(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=_Late)
    for name, where, sentence in _PARTS:
        part = parts.add_parser(name, help=sentence, formatter_class=argparse.RawDescriptionHelpFormatter)
        part.part = where


def run(args: argparse.Namespace) -> int:
    """Hand over to the part."""
    where = {name: path for name, path, _ in _PARTS}[args.what]
    return int(importlib.import_module(where).run(args))
