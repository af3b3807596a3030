"""`ni custody verify`: whether a receipt is to be believed, and is of these very files; opens no connection."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli.custody.outcomes import Unusable, printable, table, tell_json, tell_refused, tell_unusable
from cli.custody.trust import options, promise_key, trusted, worker_keys
from libs.tlog.note import encoded
from libs.tlog.policy import Policy
from libs.tlog.promise import Promise
from libs.tlog.receipt import Believed, Receipt
from libs.tlog.refusals import Refused
from libs.tlog.statements import Stated, by_workers, kept, stated

HELP = f"""\
Verify a receipt: the log's signature, the witnesses' where the policy asks for them, that the log holds this very
record, that its workers' statements are what they signed; with --request and --response, that your files are what the
record is of, to the byte; with --promise, that it is the record that was promised to you. No network is used.
The response is compared as it came over the wire: `curl -o answer.json`, for a stream all of its bytes. Whose keys the
workers sign with is only compared where it is said: --worker-key, or a street on this machine that is believed.

exit codes, where it is not believed:
{table()}

examples:
  ni custody verify call.tlog-proof --key "$(cat log.vkey)"
  ni custody verify call.tlog-proof --policy policy.txt --request body.json --response out.sse --json
  ni custody verify call.tlog-proof --key "$(cat log.vkey)" --promise "$PROMISE" --promise-key "$(cat promise.vkey)"
"""
_VERB: Final = "custody verify"
_LARGEST: Final = 1 << 30
_SHOWN: Final = (
    "outcome",
    "route",
    "custody_path",
    "resolved_region",
    "processing_jurisdiction",
    "residency_evidence",
    "finished_at",
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("receipt", type=Path, metavar="RECEIPT", help="a .tlog-proof file; - is standard input")
    options(parser)
    parser.add_argument("--id", metavar="ID", help="the request that the receipt has to be of")
    parser.add_argument("--request", type=Path, metavar="FILE", help="the body you sent")
    parser.add_argument("--response", type=Path, metavar="FILE", help="the body you got")
    parser.add_argument("--promise", metavar="TEXT", help="the x-ni-custody-promise that you got with the answer")
    parser.add_argument(
        "--promise-key",
        metavar="VKEY",
        help="the key that promises are signed with, the second line of /api/custody/key (NI_PROMISE_KEY)",
    )
    parser.add_argument(
        "--worker-key",
        action="append",
        metavar="HEX",
        help="a key that workers sign with, 64 hex digits; may be said again (NI_WORKER_KEYS, spaces between)",
    )
    parser.add_argument("--json", action="store_true", help="say it in JSON, the record included")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was found. `known`: the workers' keys were compared with trusted ones."""

    receipt: Receipt
    believed: Believed
    statements: Sequence[Stated]
    known: bool


def run(args: argparse.Namespace) -> int:
    """Verify and tell."""
    try:
        if [str(each) for each in (args.receipt, args.request, args.response)].count("-") > 1:
            raise Unusable("standard input can be read once: give the other files by name")  # noqa: TRY301
        policy, source = trusted(args)
        checked = _checked(args, policy)
    except Refused as refused:
        return tell_refused(_VERB, refused, as_json=args.json)
    except (OSError, Unusable) as error:
        return tell_unusable(_VERB, str(error))
    if args.json:
        tell_json(_said(args, checked))
    else:
        print("\n".join(_lines(args, checked, source)))
    return 0


def _checked(args: argparse.Namespace, policy: Policy) -> Checked:
    receipt = Receipt.read(_read(args.receipt))
    believed, statements, keys = receipt.verify(policy), stated(receipt.record), worker_keys(args)
    if keys and (statements or args.worker_key):  # a request that was refused before any call has none
        by_workers(statements, keys)
    if args.id is not None:  # an empty one is a shell's variable that nobody set: it must not pass for "not asked"
        receipt.is_of(args.id)
    if args.promise is not None:
        kept(receipt.record, Promise.read(args.promise), promise_key(args))
    if args.request:
        receipt.has_request(_read(args.request))
    if args.response:
        receipt.has_response(_read(args.response))
    return Checked(receipt=receipt, believed=believed, statements=statements, known=bool(keys))


def _read(path: Path) -> bytes:
    if str(path) == "-":
        found = sys.stdin.buffer.read(_LARGEST + 1)
    else:
        with path.open("rb") as file:
            found = file.read(_LARGEST + 1)
    if len(found) > _LARGEST:
        raise Unusable(f"{path}: larger than {_LARGEST >> 20} MiB")
    return found


def _said(args: argparse.Namespace, checked: Checked) -> dict[str, Any]:
    receipt, believed = checked.receipt, checked.believed
    return {
        "ok": True,
        "request_id": receipt.request_id,
        "origin": believed.origin,
        "index": believed.index,
        "size": believed.size,
        "root": encoded(believed.root),
        "witnesses": dict(believed.witnesses),
        "request": "same" if args.request else None,
        "response": "same" if args.response else None,
        "promise": "kept" if args.promise else None,
        "workers": [{"public_key": each.key.hex(), "known": checked.known} for each in checked.statements],
        "record": receipt.record,
    }


def _lines(args: argparse.Namespace, checked: Checked, source: str) -> list[str]:
    receipt, believed = checked.receipt, checked.believed
    seen = ", ".join(f"{name} at {_at(at)}" for name, at in believed.witnesses.items())
    workers = [f"{each}{'' if checked.known else ', a key nobody vouched for'}" for each in checked.statements]
    told = [
        ("verified", f"the record of request {receipt.request_id or '(without an id)'}"),
        ("log", f"{believed.origin}, entry {believed.index} of {believed.size}"),
        ("root", encoded(believed.root)),
        ("trusted", f"by {source}"),
        ("witnesses", seen or "none"),
        ("request", "the file is what the gateway received" if args.request else "not compared"),
        ("response", "the file is what was delivered" if args.response else "not compared"),
        ("promise", "kept: this is the record that was promised" if args.promise else "not compared"),
        *(("worker", each) for each in workers or ["none: the record carries no statement that a worker signed"]),
        *((name, _plain(receipt.record[name])) for name in _SHOWN if receipt.record.get(name) is not None),
    ]
    last = "This proves what was put on record and that it stays; not that what was stated is true: docs/custody.md"
    return [*(f"{name:<24}{printable(text)}" for name, text in told), last]


def _plain(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)


def _at(at: int) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(at)
