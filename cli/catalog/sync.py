"""`ni catalog sync`: asks each configured provider what this account can call, and holds it against the catalogue."""

import argparse
import importlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol, assert_never, cast

from libs.catalog.load import CatalogError, load
from libs.catalog.model import Catalog, Wire
from libs.catalog.upkeep import drafts, imported
from libs.catalog.upkeep.files import replace_text
from libs.catalog.upkeep.found import Account, Finding, Standing, chats, compare
from libs.contracts.errors import CredentialRefused, NorthernError, ProviderRefused
from services.worker.upstream.ways_out import WayOut, find, vendors

HELP = """\
Ask each provider that is set up here (by the variables its own SDK reads) for the models this account can call, and
print how they stand to the catalogue: callable and known; callable and unknown, with the family and price each would
get; known and not callable. Vertex lists what there is, not what may be called: there each model is asked to count
the tokens of a word, which costs nothing. With --write, routes for the unknown ones are appended to routes/found.toml:
processed nobody knows where, so that any residency refuses them; priced by imported.toml, by their family, or dear.

Exit code 0: every provider that is set up answered; 1: one did not, or nothing could be written; 3: none is set up.

examples:
  ni catalog sync
  ni catalog sync --egress bedrock-ca
  ni catalog sync --json | jq '.findings[] | select(.standing == "callable, unknown") | .model'
  ni catalog sync --write && ni catalog check
"""
_FAILED = 1
_NONE_SET_UP = 3
_FOUND = "routes/found.toml"
_COLUMNS = "{:<30} {:<14} {:<60} {:<20} {}"


class Lister(Protocol):
    """What each provider's discovery.py offers. It blocks, and imports the vendor's SDK when it is called."""

    def list_models(self, way: WayOut, environ: Mapping[str, str]) -> Sequence[str]:
        """The ids its list names. Raises NorthernError, its message a sentence without secrets."""

    def probe(self, way: WayOut, environ: Mapping[str, str], model: str) -> None:
        """Whether the model may be called there, at no cost: raises NorthernError where not."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--egress", metavar="NAME", help="this way out alone (default: all that are set up)")
    parser.add_argument("--write", action="store_true", help=f"append routes for what was found to {_FOUND}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")


def run(args: argparse.Namespace) -> int:
    """Ask, compare, show, write."""
    catalog, upstream = load(args.config), imported.read(args.config)
    if args.egress and args.egress not in catalog.egresses:
        _tell(f"there is no egress {args.egress!r}; there are: {', '.join(catalog.egresses)}")
        return _FAILED
    environ = vendors()
    ways = _set_up(catalog, environ, args.egress)
    if not ways:
        _tell("no provider is set up here; `ni up` without credentials uses the sandbox, which has nothing to list")
        return _NONE_SET_UP
    findings: list[Finding] = []
    silent: list[str] = []
    for account in _accounts(ways):
        models = _listed(account, environ)
        if models is None:
            silent.append(account[0].egress.name)
            continue
        asked = Account(egresses=tuple(way.egress for way in account), models=tuple(models))
        findings += [one for one in compare(catalog, upstream, asked) if args.egress in {None, one.egress}]
    _show(findings, silent, as_json=args.json)
    if args.write and not _write(args.config, catalog, upstream, findings, args.today):
        return _FAILED
    return _FAILED if silent else 0


def _set_up(catalog: Catalog, environ: Mapping[str, str], only: str | None) -> list[WayOut]:
    """The ways out that can be used here; with `only`, those of the same account, since one list answers for all."""
    ways = [find(egress, environ, None) for egress in catalog.egresses.values()]
    for way in ways:
        if way.reason and only in {None, way.egress.name}:
            _tell(f"{way.egress.name}: not asked: {way.reason}")
    usable = [way for way in ways if not way.reason]
    chosen = {_account_of(way) for way in usable if only in {None, way.egress.name}}
    return [way for way in usable if _account_of(way) in chosen]


def _account_of(way: WayOut) -> tuple[str, str, str]:
    return way.egress.wire.value, way.base_url, way.egress.region


def _accounts(ways: Iterable[WayOut]) -> list[list[WayOut]]:
    accounts: dict[tuple[str, str, str], list[WayOut]] = {}
    for way in ways:
        accounts.setdefault(_account_of(way), []).append(way)
    return list(accounts.values())


def _listed(account: Sequence[WayOut], environ: Mapping[str, str]) -> Sequence[str] | None:
    """What the provider's list names; None where it did not answer, which is told."""
    way = account[0]
    _tell(f"{', '.join(one.egress.name for one in account)}: asking {way.host} …")
    try:
        lister = _lister(way.egress.wire)
        models = lister.list_models(way, environ)
        return models if way.egress.wire is not Wire.VERTEX else _callable(lister, way, environ, models)
    except NorthernError as error:
        _tell(f"{way.egress.name}: {error.message}")
    return None


def _callable(lister: Lister, way: WayOut, environ: Mapping[str, str], models: Iterable[str]) -> list[str]:
    """Those that this place does not refuse. Raises NorthernError where it fails otherwise."""
    asked = [model for model in models if chats(model)]
    found: list[str] = []
    for n, model in enumerate(asked, 1):
        _tell(f"{way.egress.name}: {n} of {len(asked)}: {model}")
        try:
            lister.probe(way, environ, model)
        except (ProviderRefused, CredentialRefused):  # not here, or not for this project
            continue
        found.append(model)
    return found


def _lister(wire: Wire) -> Lister:
    """Imported when it is asked for: a vendor's SDK takes seconds and much memory."""
    match wire:
        case Wire.OPENAI | Wire.AZURE:
            provider = "openai"
        case Wire.ANTHROPIC:
            provider = "anthropic"
        case Wire.BEDROCK:
            provider = "bedrock"
        case Wire.VERTEX:
            provider = "vertex"
        case _:
            assert_never(wire)
    return cast(Lister, importlib.import_module(f"services.worker.providers.{provider}.discovery"))


def _show(findings: Sequence[Finding], silent: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"findings": [vars(one) for one in findings], "silent": list(silent)}, indent=2))
        return
    if findings:
        print(_COLUMNS.format("", "egress", "model", "family", "price / why not"))
    for standing in (Standing.FOUND, Standing.GONE, Standing.KNOWN):
        for one in findings:
            if one.standing is standing:
                print(_COLUMNS.format(standing, one.egress, one.model, one.family, one.note or one.price).rstrip())
    counts = {standing: sum(one.standing is standing for one in findings) for standing in Standing}
    print("; ".join(f"{standing}: {count}" for standing, count in counts.items()))


def _write(
    folder: Path, catalog: Catalog, upstream: imported.Imported, findings: Iterable[Finding], today: date
) -> bool:
    """Append what was found, once the catalogue with it has been seen to load. False: it was not written, and why."""
    text = drafts.written(catalog, upstream, findings, today)
    if not text:
        print("nothing to write")
        return True
    file = folder / _FOUND
    whole = (file.read_text() if file.exists() else drafts.HEAD) + text
    try:
        _try_out(folder, whole)
        replace_text(file, whole)
    except CatalogError as error:
        for problem in error.problems:
            _tell(problem)
        _tell("nothing was written: the catalogue would not be valid with it")
        return False
    except OSError as error:
        _tell(f"nothing was written: {error.strerror} ({error.filename})")
        return False
    print(f"{file}: {text.count('[[route]]')} routes, {text.count('[[price]]')} prices appended; read them before use")
    return True


def _try_out(folder: Path, whole: str) -> None:
    """Load a copy of the catalogue with the new routes in it. Raises CatalogError."""
    with tempfile.TemporaryDirectory() as trial:
        copy = Path(trial) / "config"
        shutil.copytree(folder, copy)
        (copy / _FOUND).parent.mkdir(exist_ok=True)
        (copy / _FOUND).write_text(whole)
        load(copy)


def _tell(sentence: str) -> None:
    """Progress and complaints, beside the result."""
    print(f"ni catalog sync: {sentence}", file=sys.stderr)
