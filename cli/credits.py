"""`ni credits`: an account's balance, credit given to it, its transactions."""

import argparse
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from cli.gateway import Gateway, Refused, options, table, with_gateway

NAME = "credits"
HELP = """\
Show the balance of an account, give credit to it (a negative amount takes back what stands free), list what moved it.
The account is your own unless you name one, which the platform's administrators may.
Exit code 0: done; 1: refused, and why; 3: no gateway.

examples:
  ni credits show
  ni credits show t_first
  ni credits add t_first 25.00 --note "invoice 17"
  ni credits transactions --type deduction --limit 20
"""
_NO_GATEWAY = 3


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="show|add|transactions")
    show = verbs.add_parser("show", help="balance, and what running requests hold of it")
    show.add_argument("tenant", nargs="?", help="id of an account; your own without")
    add = verbs.add_parser("add", help="give credit to an account")
    add.add_argument("tenant", help="its id")
    add.add_argument("amount", help="such as 25.00, in the account's currency")
    add.add_argument("--note", default="", help="what for; shown with the transaction")
    add.add_argument("--once", metavar="ID", help="an id of your choice: the same one again gives nothing twice")
    listed = verbs.add_parser("transactions", help="newest first")
    listed.add_argument("tenant", nargs="?", help="id of an account; your own without")
    listed.add_argument("--type", choices=("deposit", "deduction", "adjustment"))
    listed.add_argument("--limit", type=int, default=50, help="how many (default: %(default)s)")
    for one in (show, add, listed):
        options(one)


def run(args: argparse.Namespace) -> int:
    work = {"show": _show, "add": _add, "transactions": _transactions}[args.what]
    return with_gateway(args, NAME, lambda gateway: work(gateway, args))


async def _show(gateway: Gateway, args: argparse.Namespace) -> int:
    return _told(args, await gateway.get("/api/credits", tenant=args.tenant))


async def _add(gateway: Gateway, args: argparse.Namespace) -> int:
    body = {"tenant": args.tenant, "amount": args.amount, "note": args.note}
    key = secrets.token_hex(16) if args.once is None else args.once
    try:
        told = await gateway.post("/api/admin/credits", body, Idempotency_Key=key)
    except Refused as refused:
        # It may have been given all the same: the gateway went away, or says itself that it does not know.
        unsure = refused.code == _NO_GATEWAY or "with the same Idempotency-Key" in str(refused)
        if args.once or not unsure:
            raise
        raise Refused(f"{refused} (so that it counts once, say it again with --once {key})", refused.code) from None
    return _told(args, told)


async def _transactions(gateway: Gateway, args: argparse.Namespace) -> int:
    told = await gateway.get("/api/credits/transactions", tenant=args.tenant, type=args.type, limit=args.limit)
    if args.json:
        return _raw(told)
    rows = [
        (
            datetime.fromtimestamp(one["created"], UTC).isoformat().replace("+00:00", "Z"),
            one["type"],
            one["amount"],
            one["balance_after"],
            one["request_id"] or one["note"] or "",
        )
        for one in told["data"]
    ]
    print(table(("created", "type", "amount", "balance after", "request, or note"), rows))
    return 0


def _told(args: argparse.Namespace, told: dict[str, Any]) -> int:
    if args.json:
        return _raw(told)
    print(f"balance {told['balance']} {told.get('currency', '')}".rstrip() + f"   held {told['held']}")
    return 0


def _raw(told: Any) -> int:
    sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return 0
