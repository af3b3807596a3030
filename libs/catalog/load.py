"""Reads the catalogue from its TOML files and refuses it with every problem named."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from libs.catalog import build
from libs.catalog.billing.terms import Terms
from libs.catalog.checks import (
    capability_problems,
    egress_problems,
    exchange_problems,
    markup_problems,
    missing_terms,
    price_problems,
    route_problems,
    scope_of,
)
from libs.catalog.entries import (
    CapabilitiesEntry,
    EgressEntry,
    Entry,
    ExchangeRateEntry,
    MarkupEntry,
    ModelEntry,
    PriceEntry,
    RouteEntry,
    RoutingFeeEntry,
)
from libs.catalog.model import Catalog, Route

E = TypeVar("E", bound=Entry)
_SINGLE_FILES = ("egresses.toml", "models.toml", "prices.toml", "billing.toml", "exchange.toml")


class CatalogError(ValueError):
    """The catalogue may not be used: `problems` says why, a sentence each, with file and entry."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load(folder: Path) -> Catalog:
    """The catalogue in `folder`: one file each of egresses, models, prices, billing and exchange; models/*, routes/*.

    A file of routes may hold prices too, those of its own routes. Raises CatalogError and nothing else, whatever the
    files hold.
    """
    problems: list[str] = []
    texts = _read(folder, problems)
    documents = {name: _parse(name, text, problems) for name, text in texts.items()}
    problems += _unknown(documents)
    egresses = _table(documents, "egress", "name", EgressEntry, problems)
    models = _table(documents, "model", "family", ModelEntry, problems)
    prices = _table(documents, "price", "id", PriceEntry, problems)
    routes = _table(documents, "route", "id", RouteEntry, problems)
    for where, egress in egresses.values():
        problems += _located(where, egress_problems(egress) if egress else ())
    families = {name: (where, build.family(model)) for name, (where, model) in models.items() if model}
    for where, family in families.values():
        problems += _located(where, capability_problems(family.capabilities))
    for where, price in prices.values():
        cards = {id_: card for id_, (_, card) in prices.items()}
        problems += _located(where, price_problems(price, cards) if price else ())
    terms = _terms(documents, prices, routes, problems)
    built = {id_: _route(where, entry, egresses, models, prices, problems) for id_, (where, entry) in routes.items()}
    problems += [
        f"{routes[route.route_id][0]}: its native id {native!r} is the id of a route"
        for route in built.values()
        if route
        for native in route.native_ids
        if native in routes and native != route.route_id
    ]
    if problems:
        raise CatalogError(problems)
    ready = {id_: route for id_, route in built.items() if route}
    return Catalog(
        families=MappingProxyType({name: family for name, (_, family) in families.items()}),
        routes=MappingProxyType(ready),
        egresses=MappingProxyType({name: build.egress(entry) for name, (_, entry) in egresses.items() if entry}),
        rate_cards=MappingProxyType({id_: build.rate_card(entry) for id_, (_, entry) in prices.items() if entry}),
        native=MappingProxyType(build.by_native_id(ready)),
        terms=terms,
        digest=_digest(texts),
    )


# --- files --------------------------------------------------------------------------------------------------------


def files(folder: Path) -> list[Path]:
    """What there is to read, some of which need not be there."""
    models, routes = sorted(folder.glob("models/*.toml")), sorted(folder.glob("routes/*.toml"))
    return [*(folder / name for name in _SINGLE_FILES), *models, *folder.glob("routes.toml"), *routes]


def _read(folder: Path, problems: list[str]) -> dict[str, bytes]:
    """Bytes by file name; a file that is needed and cannot be read is a problem."""
    texts: dict[str, bytes] = {}
    paths = files(folder)
    if not any(path.parent.name == "routes" or path.name == "routes.toml" for path in paths):
        problems.append("routes.toml: there is neither this file nor one in routes/")
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            texts[name] = path.read_bytes()
        except OSError as error:
            problems.append(f"{name}: it cannot be read ({error.strerror})")
    return texts


def _parse(name: str, text: bytes, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, a number of 5,000 digits, 10,000 brackets
        problems.append(f"{name}: it is not TOML ({error})")
        return {}


def _held(file: str) -> tuple[str, ...]:
    """The kinds of entries a file may hold, the one it is for first."""
    match file.partition("/")[0].removesuffix(".toml"):
        case "egresses":
            return ("egress",)
        case "models":
            return ("model",)
        case "prices":
            return ("price",)
        case "billing":
            return ("markup", "byok")
        case "exchange":
            return ("rate",)
        case _:
            return ("route", "price")


def _unknown(documents: Mapping[str, dict[str, Any]]) -> list[str]:
    """What a file holds beside that."""
    return [
        f"{file}: nobody knows {key[:80]!r} there"
        for file, document in documents.items()
        for key in document
        if key not in _held(file)
    ]


def _digest(texts: Mapping[str, bytes]) -> str:
    """One hash over names and contents, each with its length before it so that no two sets of files share it."""
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        digest.update(b"%d:%s%d:%s" % (len(name), name.encode(), len(text), text))
    return digest.hexdigest()


# --- entries ------------------------------------------------------------------------------------------------------

Table = dict[str, tuple[str, E | None]]  # id -> (file and entry for messages, the entry; None where it is faulty)


def _table(
    documents: Mapping[str, dict[str, Any]],
    key: str,
    id_field: str,
    kind: type[E],
    problems: list[str],
) -> Table[E]:
    """Every `[[key]]` of the files by its id. A faulty one keeps its place, so that who names it is not blamed too."""
    table: Table[E] = {}
    for file, document in documents.items():
        raw = document.get(key, []) if key in _held(file) else []
        if not isinstance(raw, list):
            problems.append(f"{file}: {key} is not a list of tables; write [[{key}]]")
            continue
        for n, fields in enumerate(raw, 1):
            id_ = fields.get(id_field) if isinstance(fields, dict) else None
            where = f"{file}: {key} {id_[:120]}" if isinstance(id_, str) else f"{file}: {key} number {n}"
            label = id_ if isinstance(id_, str) else where
            if label in table:
                problems.append(f"{where}: there is another one of this {id_field}")
                continue
            table[label] = (where, _entry(where, fields, kind, problems))
    return table


def _entry(where: str, fields: object, kind: type[E], problems: list[str]) -> E | None:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            place = ".".join(str(part)[:80] for part in fault["loc"])
            problems.append(f"{where}: {place or 'the entry'}: {fault['msg']}")
        return None


def _located(where: str, sentences: Iterable[str]) -> list[str]:
    return [f"{where}: {sentence}" for sentence in sentences]


def _route(
    where: str,
    entry: RouteEntry | None,
    egresses: Table[EgressEntry],
    models: Table[ModelEntry],
    prices: Table[PriceEntry],
    problems: list[str],
) -> Route | None:
    """The route, or None where it or something it names is at fault; new problems are told."""
    if entry is None:
        return None
    for name, known, what in (
        (entry.egress, egresses.keys(), "egress"),
        (entry.family, models.keys(), "model family"),
        (entry.rate_card, prices.keys(), "rate card"),
    ):
        if name not in known:
            problems.append(f"{where}: there is no {what} {name!r}")
    egress = egresses.get(entry.egress, ("", None))[1]
    model = models.get(entry.family, ("", None))[1]
    if egress is not None:
        problems += _located(where, route_problems(entry, egress))
    if egress is None or model is None:
        return None
    route = build.route(entry, egress, model)
    if entry.capabilities != CapabilitiesEntry():  # the family's own are told once, where they stand
        problems += _located(where, capability_problems(route.capabilities))
    return route


def _terms(
    documents: Mapping[str, dict[str, Any]], prices: Table[PriceEntry], routes: Table[RouteEntry], problems: list[str]
) -> Terms:
    """The dated terms of billing; worth something only where no problem was told."""
    markups = _table(documents, "markup", "", MarkupEntry, problems)
    fees = _table(documents, "byok", "", RoutingFeeEntry, problems)
    rates = _table(documents, "rate", "", ExchangeRateEntry, problems)
    _dated({where: (scope_of(entry), entry.effective) for where, entry in markups.values() if entry}, problems)
    _dated({where: ("byok", entry.effective) for where, entry in fees.values() if entry}, problems)
    _dated({where: (entry.base, entry.day) for where, entry in rates.values() if entry}, problems)
    for where, markup in markups.values():
        problems += _located(where, markup_problems(markup, routes) if markup else ())
    for where, rate in rates.values():
        problems += _located(where, exchange_problems(rate) if rate else ())
    entries = _valid(markups), _valid(fees), _valid(rates)
    tables = (*markups.values(), *fees.values(), *rates.values())
    if {"billing.toml", "exchange.toml"} <= documents.keys() and all(entry for _, entry in tables):
        problems += missing_terms(*entries, [price.currency for price in _valid(prices)])
    return build.terms(*entries)


def _valid(table: Table[E]) -> list[E]:
    return [entry for _, entry in table.values() if entry is not None]


def _dated(entries: Mapping[str, tuple[str, date]], problems: list[str]) -> None:
    """Of one thing there is one a day."""
    seen: set[tuple[str, date]] = set()
    for where, entry in entries.items():
        if entry in seen:
            problems.append(f"{where}: there is another one for {entry[0]} from {entry[1]}")
        seen.add(entry)
