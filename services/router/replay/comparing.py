"""What another table of abilities or weights would have chosen for logged decisions, and what is known of that; pure.

Only where both choose the same was anything measured. There the log's rows count by 1/propensity, normalised by the sum
of those weights (Swaminathan and Joachims, 2015); without exploration every propensity is 1. The rest is an estimate by
the tables themselves, which is no evidence.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.catalog.abilities import Abilities
from libs.catalog.model import Catalog
from services.router.choice.choosing import Snapshot, choose
from services.router.choice.known import Known, knowledge
from services.router.choice.live import UNHEARD, Reports
from services.router.choice.utility import Scored, ability, score
from services.router.replay.logged import Logged


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A table of abilities over some routes of a catalogue."""

    abilities: Abilities
    pool: Mapping[str, Known]
    siblings: Mapping[str, tuple[str, ...]]


def policy(catalog: Catalog, abilities: Abilities, names: Sequence[str]) -> Policy:
    """Raises ValueError for a name that is no route."""
    known = knowledge(catalog, abilities)
    if missing := [name for name in names if name not in known]:
        raise ValueError(f"no route of the catalogue: {', '.join(sorted(missing)[:5])}")
    return Policy(abilities=abilities, pool={name: known[name] for name in sorted(names)}, siblings={})


def chosen(by: Policy, logged: Logged) -> str:
    """What it chooses; "" where no route passes the filters. No signals, ratings or memory: they are not on the log."""
    snapshot = Snapshot(weights=by.abilities.weights, siblings=by.siblings)
    order = choose(logged.asked, logged.judged, by.pool.values(), snapshot, Reports()).order
    return order[0].route_id if order else ""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of the rows where both chose the same: weighted means. `rows` with their `effective` number."""

    rows: int
    effective: float
    completed: float
    cost: float
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """Of the other rows, per request by one table: fit and dollars of the present choice, and of the candidate's."""

    rows: int
    fit: tuple[float, float]
    usd: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """`faithful`: how often the present table, replayed, chooses what the log says was chosen.

    `moved`: the commonest changes, from the log's choice to the candidate's. Both tables estimate, each by itself.
    """

    rows: int
    faithful: float
    measured: Measured
    by_present: Estimated
    by_candidate: Estimated
    moved: tuple[tuple[str, str, int], ...]


def compare(rows: Sequence[Logged], present: Policy, candidate: Policy) -> Compared:
    """`rows` must not be empty."""
    replayed = [chosen(present, row) for row in rows]
    wanted = [chosen(candidate, row) for row in rows]
    same = [row for row, name in zip(rows, wanted, strict=True) if name == row.chosen]
    other = [(row, name) for row, name in zip(rows, wanted, strict=True) if name not in {row.chosen, ""}]
    moved = Counter((row.chosen, name) for row, name in other)
    return Compared(
        rows=len(rows),
        faithful=sum(name == row.chosen for row, name in zip(rows, replayed, strict=True)) / len(rows),
        measured=measured(same),
        by_present=_estimated(other, present),
        by_candidate=_estimated(other, candidate),
        moved=tuple((*pair, count) for pair, count in moved.most_common(10)),
    )


def measured(rows: Sequence[Logged]) -> Measured:
    """Self-normalised by inverse propensity."""
    weights = [1 / row.propensity for row in rows]
    timed = [(row.latency_ms, weight) for row, weight in zip(rows, weights, strict=True) if row.latency_ms is not None]
    squares = sum(weight * weight for weight in weights)
    return Measured(
        rows=len(rows),
        effective=sum(weights) ** 2 / squares if squares else 0.0,
        completed=_mean([(float(row.completed), weight) for row, weight in zip(rows, weights, strict=True)]),
        cost=_mean([(row.cost, weight) for row, weight in zip(rows, weights, strict=True)]),
        latency_ms=_mean(timed),
    )


def _mean(values: Sequence[tuple[float, float]]) -> float:
    weights = sum(weight for _, weight in values)
    return sum(value * weight for value, weight in values) / weights if weights else 0.0


def _estimated(rows: Sequence[tuple[Logged, str]], by: Policy) -> Estimated:
    known = [(row, name) for row, name in rows if row.chosen in by.pool]
    pairs = [(_scored(by, row, row.chosen), _scored(by, row, name)) for row, name in known]
    most = max(len(pairs), 1)
    return Estimated(
        rows=len(pairs),
        fit=(sum(was.fit for was, _ in pairs) / most, sum(now.fit for _, now in pairs) / most),
        usd=(sum(was.usd for was, _ in pairs) / most, sum(now.usd for _, now in pairs) / most),
    )


def _scored(by: Policy, row: Logged, name: str) -> Scored:
    known = by.pool[name]
    weights = by.abilities.weights[row.asked.optimize]
    return score(known, row.asked, row.judged, weights, UNHEARD, ability(known, row.judged))
