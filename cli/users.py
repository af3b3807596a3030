"""`ni users`: the people of an account."""

import argparse
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from cli.gateway import Gateway, Refused, options, table, with_gateway

NAME = "users"
HELP = """\
List users of a running gateway and invite them, over its public API, as an owner or as whoever runs the deployment: by
default the administrator of $NI_STATE/bootstrap.json. An invitation sets a password, once, within three days, by a link
to the portal or, while there is none, by a command; whoever has it is that user, so send it as you would send a
password. Inviting a user who exists voids the invitation before.
Exit code 0: done; 1: refused, and why; 3: no gateway.

examples:
  ni users list
  ni users invite ann@maple.example --role member --tenant t_4yz…
  ni users invite ann@maple.example             she forgot her password: a new one
  ni users deactivate u_7ab…                    her sessions end at once
"""
_CHOSEN: Final = "NEW-PASSWORD"
_COLUMNS = ("id", "e-mail", "name", "role", "account", "status")


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    verbs.add_parser("list", help="every user one may see")
    invite = verbs.add_parser("invite", help="a user, new or not, and what sets their password")
    invite.add_argument("address", metavar="EMAIL")
    invite.add_argument("--name", dest="full_name", metavar="NAME")
    invite.add_argument("--role", help="owner, admin, member, auditor or platform_admin (a new one's: member)")
    invite.add_argument("--tenant", metavar="ID", help="the account, where it is not one's own")
    for name, what in (("deactivate", "end their sessions and let them in no more"), ("activate", "let them in again")):
        verbs.add_parser(name, help=what).add_argument("id")
    for one in verbs.choices.values():
        options(one)


def run(args: argparse.Namespace) -> int:
    """0, or what a refusal says."""
    verbs = {"list": _list, "invite": _invite, "deactivate": _set, "activate": _set}
    return with_gateway(args, NAME, lambda gateway: verbs[args.what](gateway, args))


async def _list(gateway: Gateway, args: argparse.Namespace) -> int:
    found = await gateway.every("/api/admin/users")
    return _told(args, found, table(_COLUMNS, [_row(user) for user in found]))


async def _invite(gateway: Gateway, args: argparse.Namespace) -> int:
    invite = await _link(gateway, args)
    way = invite["url"] if await _has_portal(gateway) else _by_command(invite)
    return _told(args, invite, f"{way}\n\ngood once, until {invite['expires_at']}")


async def _set(gateway: Gateway, args: argparse.Namespace) -> int:
    status = "deactivated" if args.what == "deactivate" else "active"
    changed = await gateway.patch(f"/api/admin/users/{args.id}", {"status": status})
    return _told(args, changed, f"{changed['id']} {changed['email']} is {changed['status']}")


def _told(args: argparse.Namespace, answer: Any, words: str) -> int:
    print(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() if args.json else words)
    return 0


async def _link(gateway: Gateway, args: argparse.Namespace) -> dict[str, Any]:
    wanted = args.address.strip().lower()
    asked = {"name": args.full_name, "role": args.role, "tenant": args.tenant}
    for user in await gateway.every("/api/admin/users"):
        if user["email"] == wanted:
            if other := [name for name, value in asked.items() if value not in (None, user[name])]:
                raise Refused(f"{wanted} exists, with another {other[0]}, which an invitation does not change")
            again: dict[str, Any] = await gateway.post(f"/api/admin/users/{user['id']}/invite", {})
            return again
    given = {"email": wanted, "role": "member"} | {name: value for name, value in asked.items() if value}
    made = await gateway.post("/api/admin/users", given)
    invite: dict[str, Any] = made["invite"]
    return invite


async def _has_portal(gateway: Gateway) -> bool:
    try:
        await gateway.text("/portal/")
    except Refused:
        return False
    return True


def _by_command(invite: dict[str, Any]) -> str:
    """What the link would do, where nothing answers at it."""
    parts = urlsplit(invite["url"])
    body = orjson.dumps({"token": invite["token"], "password": _CHOSEN}).decode()
    return (
        f"There is no portal yet. In place of {_CHOSEN} put what it shall be, 12 characters at least:\n\n"
        f"curl {parts.scheme}://{parts.netloc}/api/session/password -H 'Content-Type: application/json' -d '{body}'"
    )


def _row(user: dict[str, Any]) -> tuple[str, ...]:
    return (user["id"], user["email"], user["name"] or "-", user["role"], user["tenant"], user["status"])
