"""`ni keys`: API keys of an account, and the key that accounts' own credentials are sealed under."""

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

import orjson

from cli.gateway import Gateway, Refused, options, table, with_gateway
from libs.auth.envelopes import KeyRing, read_ring, retired, turned, write_ring

NAME = "keys"
HELP = """\
List, create, rotate and revoke API keys of a running gateway, over its public API. Unless told otherwise it asks the
street on this machine, signed in as its first administrator; with NI_API_KEY or --key-file, as that key. A new key is
printed once, and never again. rotate-kek makes a new key-encryption key for accounts' own provider credentials and
wraps them all anew.
Exit code 0: done; 1: refused, and why; 3: no gateway.

examples:
  ni keys list
  ni keys create "Build server" --tier self_hosted --residency CA --max-spend 5.00 --rpm 60
  ni keys create Cursor --inference --model Qwen/Qwen3-14B --optimize cost --expires 2027-01-01T00:00:00Z
  ni keys rotate k_3xq… --overlap 3600        both secrets are good for an hour
  ni keys revoke k_3xq…                        at once, and for good
  NI_API_KEY=ni_live_… ni keys list --url https://ni.example --json
  ni keys rotate-kek                           then, once the workers have it: ni keys rotate-kek --retire
"""
_COLUMNS = ("id", "key", "name", "status", "tiers", "residency", "a day", "expires")


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listing = verbs.add_parser("list", help="the account's keys")
    listing.add_argument("--all", action="store_true", help="also those that are revoked")
    create = verbs.add_parser("create", help="a new key")
    create.add_argument("name")
    create.add_argument("--inference", action="store_true", help="an inf_ key")
    create.add_argument("--tier", action="append", metavar="TIER", help="a tier it may use; repeat it for more")
    create.add_argument("--residency", action="append", metavar="CC", help="where it must be processed, such as CA")
    create.add_argument("--model", action="append", metavar="ID", help="what `auto` chooses from")
    create.add_argument("--optimize", metavar="MODE", help="balanced, quality, cost or latency")
    create.add_argument("--byok", action="store_true", help="use the account's own provider credentials")
    create.add_argument("--max-spend", metavar="AMOUNT", help="at most so much a day")
    create.add_argument("--rpm", type=int, help="requests a minute")
    create.add_argument("--tpm", type=int, help="tokens a minute")
    create.add_argument("--concurrency", type=int, help="requests at once")
    create.add_argument("--expires", metavar="TIME", help="when it ends, RFC 3339")
    rotate = verbs.add_parser("rotate", help="a new secret for a key")
    rotate.add_argument("id")
    rotate.add_argument("--overlap", type=int, metavar="SECONDS", help="how long the old secret is good (a day)")
    verbs.add_parser("revoke", help="end a key at once").add_argument("id")
    kek = verbs.add_parser("rotate-kek", help="a new key-encryption key for BYOK credentials")
    kek.add_argument("--kek-file", type=Path, metavar="FILE", help="the keys' file (default: secrets/kek in the state)")
    kek.add_argument("--retire", action="store_true", help="make none, but drop the keys before the present one")
    for one in verbs.choices.values():
        options(one)


def run(args: argparse.Namespace) -> int:
    """0, or what a refusal says."""
    verbs = {"list": _list, "create": _create, "rotate": _rotate, "revoke": _revoke, "rotate-kek": _rotate_kek}
    return with_gateway(args, NAME, lambda gateway: verbs[args.what](gateway, args))


async def _list(gateway: Gateway, args: argparse.Namespace) -> int:
    found = await gateway.every("/api/keys", status="all" if args.all else None)
    return _told(args, found, table(_COLUMNS, [_row(key) for key in found]))


async def _create(gateway: Gateway, args: argparse.Namespace) -> int:
    where = "/api/v1/inference/keys" if args.inference else "/api/keys"
    key = await gateway.post(where, _body(args))
    return _told(args, key, _made(key))


async def _rotate(gateway: Gateway, args: argparse.Namespace) -> int:
    body = {} if args.overlap is None else {"overlap_s": args.overlap}
    key = await gateway.post(f"/api/keys/{args.id}/rotate", body)
    return _told(args, key, _made(key))


async def _revoke(gateway: Gateway, args: argparse.Namespace) -> int:
    key = await gateway.delete(f"/api/keys/{args.id}")
    return _told(args, key, f"{key['id']} ({key['prefix']}…{key['last4']}) is revoked, for good")


def _told(args: argparse.Namespace, answer: Any, words: str) -> int:
    print(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() if args.json else words)
    return 0


def _body(args: argparse.Namespace) -> dict[str, Any]:
    given = {
        "name": args.name,
        "allowed_tiers": args.tier,
        "residency": args.residency,
        "model_pool": args.model,
        "optimize_mode": args.optimize,
        "byok": args.byok or None,
        "max_spend_per_day": args.max_spend,
        "expires_at": args.expires,
    }
    limits = {name: getattr(args, name) for name in ("rpm", "tpm", "concurrency")}
    limits = {name: value for name, value in limits.items() if value is not None}
    body = {name: value for name, value in given.items() if value is not None}
    return body | ({"rate_limits": limits} if limits else {})


def _made(key: dict[str, Any]) -> str:
    lines = [key["key"], "", f"{key['id']} {key['name']}: keep the key, it is not shown again"]
    lines += [f"the one that ends in {one['last4']} is good until {one['expires_at']}" for one in key["previous"]]
    return "\n".join(lines)


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    return (
        key["id"],
        f"{key['prefix']}…{key['last4']}",
        key["name"],
        key["status"],
        ",".join(key["allowed_tiers"]),
        ",".join(key["residency"]) or "anywhere",
        key["max_spend_per_day"] or "-",
        key["expires_at"] or "never",
    )


async def _rotate_kek(gateway: Gateway, args: argparse.Namespace) -> int:
    """The file first, so that accounts and workers find the new key; then every credential's own key under it."""
    path: Path = args.kek_file or args.state / "secrets" / "kek"
    ring = await asyncio.to_thread(_read, path)
    if not args.retire:
        try:
            ring = turned(ring, os.urandom)
        except ValueError as error:
            raise Refused(str(error)) from None
        await asyncio.to_thread(_replace, path, ring)
    done = await gateway.post("/api/admin/byok/rewrap", {})
    if done["current"] != ring.current:
        raise Refused(f"accounts reads another file than {path}: nothing was wrapped under its key; give --kek-file")
    if args.retire:
        if done["unopened"]:
            raise Refused(f"{done['unopened']} credentials do not open; no key was dropped")
        await asyncio.to_thread(_replace, path, retired(ring))
    words = f"{done['rewrapped']} credentials were wrapped anew under {done['current']}"
    return _told(args, done, f"{words}, {done['unopened']} do not open")


def _read(path: Path) -> KeyRing:
    try:
        return read_ring(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"{path} cannot be read as key-encryption keys ({type(error).__name__})") from None


def _replace(path: Path, ring: KeyRing) -> None:
    """Whole or not at all, for its owner's eyes alone."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(number, "wb") as file:
        file.write(write_ring(ring))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
