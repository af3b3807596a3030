"""`ni tenants`: the accounts of a deployment."""

import argparse
from typing import Any

import orjson

from cli.gateway import Gateway, options, table, with_gateway

NAME = "tenants"
HELP = """\
List, create, deactivate and activate accounts of a running gateway, over its public API, as whoever runs it: by default
the administrator of $NI_STATE/bootstrap.json. A new account's first key is printed once; its balance is zero.
Exit code 0: done; 1: refused, and why; 3: no gateway.

examples:
  ni tenants list
  ni tenants create "Maple Health" --residency CA --time-zone America/Toronto --budget 500
  ni tenants deactivate t_4yz…                 every key and session of it is refused at once
  ni tenants activate t_4yz…
  ni tenants list --url https://ni.example --email admin@ni.example --json       password from NI_PASSWORD
"""
_COLUMNS = ("id", "name", "status", "currency", "residency", "time zone", "a month")


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    verbs.add_parser("list", help="every account")
    create = verbs.add_parser("create", help="a new account with its first key")
    create.add_argument("name")
    create.add_argument("--currency", help="CAD, which is what the ledger counts in")
    create.add_argument("--time-zone", metavar="ZONE", help="where its day begins, such as America/Toronto")
    create.add_argument("--residency", action="append", metavar="CC", help="where all of it must be processed")
    create.add_argument("--budget", metavar="AMOUNT", help="at most so much a month")
    for name, what in (("deactivate", "refuse all its keys and sessions"), ("activate", "accept them again")):
        verbs.add_parser(name, help=what).add_argument("id")
    for one in verbs.choices.values():
        options(one)


def run(args: argparse.Namespace) -> int:
    """0, or what a refusal says."""
    verbs = {"list": _list, "create": _create, "deactivate": _set, "activate": _set}
    return with_gateway(args, NAME, lambda gateway: verbs[args.what](gateway, args))


async def _list(gateway: Gateway, args: argparse.Namespace) -> int:
    found = await gateway.every("/api/admin/tenants")
    return _told(args, found, table(_COLUMNS, [_row(tenant) for tenant in found]))


async def _create(gateway: Gateway, args: argparse.Namespace) -> int:
    made = await gateway.post("/api/admin/tenants", _body(args))
    return _told(args, made, f"{made['api_key']}\n\n{made['id']} {made['name']}: keep the key, it is not shown again")


async def _set(gateway: Gateway, args: argparse.Namespace) -> int:
    status = "deactivated" if args.what == "deactivate" else "active"
    changed = await gateway.patch(f"/api/admin/tenants/{args.id}", {"status": status})
    return _told(args, changed, f"{changed['id']} {changed['name']} is {changed['status']}")


def _told(args: argparse.Namespace, answer: Any, words: str) -> int:
    print(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() if args.json else words)
    return 0


def _body(args: argparse.Namespace) -> dict[str, Any]:
    given = {
        "name": args.name,
        "currency": args.currency,
        "time_zone": args.time_zone,
        "residency": args.residency,
        "budget_per_month": args.budget,
    }
    return {name: value for name, value in given.items() if value is not None}


def _row(tenant: dict[str, Any]) -> tuple[str, ...]:
    return (
        tenant["id"],
        tenant["name"],
        tenant["status"],
        tenant["currency"],
        ",".join(tenant["residency"]) or "anywhere",
        tenant["time_zone"],
        tenant["budget_per_month"] or "-",
    )
