"""`ni catalog`: keeps models, prices and routes true: what upstream says, what accounts can call, what stands out."""

import argparse
import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from cli.catalog import sync as catalog_sync
from libs.catalog.egress import LOOPBACK
from libs.catalog.load import CatalogError, load
from libs.catalog.upkeep import imported, upstream
from libs.catalog.upkeep.changes import changes
from libs.catalog.upkeep.files import replace_text
from libs.catalog.upkeep.review import remarks

NAME = "catalog"
HELP = """\
Keep the catalogue true. `import` reads what an upstream catalogue says of models and prices, `sync` asks the providers
what this account can call, `check` validates the files and says what stands out. What was entered by hand stays so.

examples:
  ni catalog check
  ni catalog import
  ni catalog sync
  ni catalog sync --help
"""
_IMPORT = """\
Read an upstream model catalogue, LiteLLM's price map or models.dev's api.json, into imported.toml: capabilities and
prices with source and date, unverified. Lines with verified = true stay as they are, and so does every other file.
Absurd entries are refused, each in a sentence. Exit code 0: written; 1: nothing could be read or written.

examples:
  ni catalog import
  ni catalog import --from https://models.dev/api.json
  ni catalog import --from prices.json --source "our reseller's list" --date 2026-11-01
"""
_CHECK = """\
Validate every file of the catalogue as the services do at their start and at every edit, and say what stands out:
models that retire, prices that nobody verified or knows, entries last checked more than 180 days ago. With --against,
also what it would change of the catalogue in another folder: look at an edited copy before it replaces what runs.
Exit code 0: valid; 1: not valid, and why; 3 with --strict: valid, but something stands out.

examples:
  ni catalog check
  ni catalog check --config /etc/northern/config --strict
  ni catalog check --json
  ni catalog check --config edited --against /etc/northern/config
"""
_SHIPPED = Path(__file__).parents[2] / "infra" / "config"
_UPSTREAM = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
_TIMEOUT_S = 60.0
_FAILED = 1
_STANDS_OUT = 3


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="import | sync | check")
    _verb(verbs, "import", _IMPORT, _configure_import, _import)
    _verb(verbs, "sync", catalog_sync.HELP, catalog_sync.configure, catalog_sync.run)
    _verb(verbs, "check", _CHECK, _configure_check, _check)


def run(args: argparse.Namespace) -> int:
    """Hand over to the verb's own part."""
    part: Callable[[argparse.Namespace], int] = args.part
    args.today = datetime.now(UTC).date()  # as every date in the files
    try:
        return part(args)
    except CatalogError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        print(f"ni catalog {args.what}: the catalogue in {args.config} is not valid", file=sys.stderr)
        return _FAILED


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
    options: Callable[[argparse.ArgumentParser], None],
    part: Callable[[argparse.Namespace], int],
) -> None:
    parser = verbs.add_parser(name, description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = Path(os.environ.get("NI_CONFIG_DIR") or _SHIPPED)
    parser.add_argument(
        "--config", type=Path, default=where, metavar="DIR", help=f"the catalogue's folder (NI_CONFIG_DIR; now {where})"
    )
    parser.set_defaults(part=part)
    options(parser)


# --- import -------------------------------------------------------------------------------------------------------


def _configure_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="origin", default=_UPSTREAM, metavar="URL|FILE", help="default: %(default)s")
    parser.add_argument("--source", metavar="NAME", help="what the entries name as their source (default: --from)")
    parser.add_argument(
        "--date", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day it is of (default: today, UTC)"
    )


def _import(args: argparse.Namespace) -> int:
    load(args.config)  # nothing is added to what is not valid
    old = imported.read(args.config)
    try:
        text = _read(args.origin)
        harvest = upstream.read(text, source=args.source or args.origin, checked=args.date or args.today)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _refuse("import", f"{args.origin}: {_reason(error)}")
    for sentence in harvest.refused:
        print(f"refused {sentence}", file=sys.stderr)
    if not harvest.entries:
        return _refuse("import", f"{args.origin}: no model of a provider that is dialled here could be read")
    entries = imported.merged(old, harvest.entries)
    new = sum(key not in old for key in entries)
    changed = sum(key in old and entries[key] != old[key] for key in entries)
    try:
        replace_text(args.config / imported.FILE, imported.render(entries))
    except OSError as error:
        return _refuse("import", f"{args.config / imported.FILE} cannot be written: {error.strerror}")
    print(f"{args.config / imported.FILE}: {len(entries)} models, {new} new, {changed} changed")
    print(f"refused: {len(harvest.refused)}; of other providers or kinds: {harvest.other}")
    return 0


def _read(origin: str) -> bytes:
    """The bytes of a file, or of an address: https, or plain HTTP on this machine. Raises OSError."""
    if "://" not in origin:
        with Path(origin).open("rb") as file:
            return _limited(file)
    _check_address(origin)
    request = urllib.request.Request(origin, headers={"User-Agent": "northern-inference/0.1"})  # noqa: S310 - checked
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the same
        _check_address(answer.geturl())  # where it was sent on to
        return _limited(answer)


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise OSError("only files, https addresses and this machine are read")


def _limited(source: IO[bytes]) -> bytes:
    """One byte more than may be, so that what is too much is seen to be."""
    return source.read(upstream.LARGEST + 1)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return f"it cannot be reached ({error.reason})"
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"what answers there is not HTTP ({said})" if isinstance(error, http.client.BadStatusLine) else said


# --- check --------------------------------------------------------------------------------------------------------


def _configure_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    parser.add_argument("--against", type=Path, metavar="DIR", help="say what changes of the catalogue in this folder")
    parser.add_argument("--strict", action="store_true", help="exit code 3 where anything stands out")


def _check(args: argparse.Namespace) -> int:
    catalog, entries = load(args.config), imported.read(args.config)
    found = remarks(catalog, entries, args.today)
    try:
        edits = list(changes(load(args.against), catalog)) if args.against else []
    except CatalogError as error:
        return _refuse("check", f"the catalogue in {args.against} is not valid: {error.problems[0]}")
    counts: Mapping[str, int] = {
        "routes": len(catalog.routes),
        "egresses": len(catalog.egresses),
        "families": len(catalog.families),
        "prices": len(catalog.rate_cards),
        "imported": len(entries),
    }
    if args.json:
        told = {**counts, "digest": catalog.digest, "remarks": [vars(remark) for remark in found]}
        print(json.dumps(told | ({"changes": edits} if args.against else {}), indent=2))
    else:
        for remark in found:
            print(f"{remark.about}: {remark.sentence}")
        for sentence in edits:
            print(f"change: {sentence}")
        if args.against:
            print(f"{len(edits)} changes; catalogue {catalog.digest}")
        print(f"valid: {', '.join(f'{count} {name}' for name, count in counts.items())}; {len(found)} stand out")
    return _STANDS_OUT if found and args.strict else 0


def _refuse(verb: str, sentence: str) -> int:
    print(f"ni catalog {verb}: {sentence}", file=sys.stderr)
    return _FAILED
