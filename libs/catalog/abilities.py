"""What models are good at and how much cost and latency count: reads abilities.toml, or refuses it."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from libs.catalog.entries import Entry, Id, Words
from libs.catalog.families import UNKNOWN, plain
from libs.catalog.load import CatalogError
from libs.catalog.model import Route

FILE = "abilities.toml"


class Group(StrEnum):
    """Kinds of work that models are told apart by; a request's task belongs to one (but for `long_context`)."""

    CODE = "code"
    MATH = "math"
    REASONING = "reasoning"
    QUESTIONS = "questions"
    WRITING = "writing"
    TRANSFORMING = "transforming"  # a text that is there into another: extract, classify, translate, shorten
    CHAT = "chat"
    LONG_CONTEXT = "long_context"


class Optimize(StrEnum):
    """What a choice is to be best at."""

    BALANCED = "balanced"
    QUALITY = "quality"
    COST = "cost"
    LATENCY = "latency"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What is taken off a fit (0..1) for a cost and for a latency, both on a scale from 0 to 1."""

    cost: float
    latency: float


@dataclass(frozen=True, kw_only=True)
class Ability:
    """How often a model does each kind of work well, 0..1, as if it had been judged `worth` times (a Beta's counts).

    The last three are what is taken for its speed until it has been called, and how much more it writes than others.
    """

    model: str
    scores: Mapping[Group, float]
    worth: float
    first_byte_ms: float
    tokens_per_s: float
    verbosity: float
    source: str
    checked: date
    verified: bool  # False: judged from memory, or from a neighbour in the same line of models


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """All of them by the model's name; `digest` is the SHA-256 of the file, in hex."""

    by_model: Mapping[str, Ability]
    weights: Mapping[Optimize, Weights]
    digest: str

    def of(self, route: Route) -> Ability:
        """By its model's plain name, one of its native ids, its family; for what nobody judged there is `unknown`."""
        for name in (plain(route.model), *route.native_ids, route.family):
            if (found := self.by_model.get(name)) is not None:
                return found
        return self.by_model[UNKNOWN]


Share = Annotated[float, Field(gt=0, lt=1)]


class ScoresEntry(Entry):
    """`scores`, one for each group."""

    code: Share
    math: Share
    reasoning: Share
    questions: Share
    writing: Share
    transforming: Share
    chat: Share
    long_context: Share


class AbilityEntry(Entry):
    """`[[ability]]`."""

    model: Id
    scores: ScoresEntry
    worth: Annotated[float, Field(ge=1, le=10_000)] = 50.0
    first_byte_ms: Annotated[float, Field(ge=1, le=600_000)]
    tokens_per_s: Annotated[float, Field(ge=0.1, le=100_000)]
    verbosity: Annotated[float, Field(ge=0.1, le=20)] = 1.0
    source: Words
    checked: date
    verified: bool = True


class WeightsEntry(Entry):
    """`[[weights]]`."""

    optimize: Annotated[Optimize, Field(strict=False)]
    cost: Annotated[float, Field(ge=0, le=10)]
    latency: Annotated[float, Field(ge=0, le=10)]


E = TypeVar("E", bound=Entry)
_KINDS = {"ability": AbilityEntry, "weights": WeightsEntry}


def load_abilities(folder: Path) -> Abilities:
    """Those of a configuration folder. Raises CatalogError and nothing else."""
    return read_abilities(folder / FILE)


def read_abilities(path: Path) -> Abilities:
    """Those of one file. Raises CatalogError and nothing else."""
    try:
        text = path.read_bytes()
        document = tomllib.loads(text.decode())
    except OSError as error:
        raise CatalogError([f"{path.name}: it cannot be read ({error.strerror})"]) from None
    except (ValueError, RecursionError) as error:
        raise CatalogError([f"{path.name}: it is not TOML ({error})"]) from None
    problems = [f"{path.name}: nobody knows {key[:80]!r} there" for key in document if key not in _KINDS]
    abilities = list(_entries(path.name, document, "ability", AbilityEntry, problems))
    weights = list(_entries(path.name, document, "weights", WeightsEntry, problems))
    problems += _missing(path.name, abilities, weights) if not problems else ()
    if problems:
        raise CatalogError(problems)
    return Abilities(
        by_model=MappingProxyType({entry.model: _ability(entry) for entry in abilities}),
        weights=MappingProxyType({one.optimize: Weights(cost=one.cost, latency=one.latency) for one in weights}),
        digest=hashlib.sha256(text).hexdigest(),
    )


def _entries(file: str, document: dict[str, Any], key: str, kind: type[E], problems: list[str]) -> Iterator[E]:
    raw = document.get(key, [])
    if not isinstance(raw, list):
        problems.append(f"{file}: {key} is not a list of tables; write [[{key}]]")
        return
    for n, fields in enumerate(raw, 1):
        name = fields.get("model", fields.get("optimize")) if isinstance(fields, dict) else None
        try:
            yield kind.model_validate(fields)
        except ValidationError as error:
            for fault in error.errors(include_input=False, include_url=False):
                place = ".".join(str(part)[:80] for part in fault["loc"])
                where = f"{key} {name[:120]}" if isinstance(name, str) else f"{key} number {n}"
                problems.append(f"{file}: {where}: {place or 'the entry'}: {fault['msg']}")


def _missing(file: str, abilities: list[AbilityEntry], weights: list[WeightsEntry]) -> Iterator[str]:
    """What there must be, once."""
    models, modes = [entry.model for entry in abilities], [entry.optimize for entry in weights]
    for twice in sorted({name for name in (*models, *modes) if (models + modes).count(name) > 1}):
        yield f"{file}: there is another entry for {twice}"
    if UNKNOWN not in models:
        yield f"{file}: there is no ability for {UNKNOWN!r}, which stands for every model that nobody judged"
    for mode in Optimize:
        if mode not in modes:
            yield f"{file}: there are no weights for {mode}"


def _ability(entry: AbilityEntry) -> Ability:
    scores = entry.scores.model_dump()
    return Ability(
        **entry.model_dump(exclude={"scores"}), scores=MappingProxyType({group: scores[group] for group in Group})
    )
