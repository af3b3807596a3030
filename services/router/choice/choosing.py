"""The order of routes for one request: pure over the request and a snapshot, so that every replica says the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from libs.catalog.abilities import Optimize, Weights
from libs.contracts.northern.v1.street_pb2 import RouteSignals
from services.router.choice.asking import Asked
from services.router.choice.filters import Filter, fails
from services.router.choice.judging import Judged
from services.router.choice.known import Known
from services.router.choice.live import UNHEARD, Reports
from services.router.choice.sessions import CACHE_S, Remembered
from services.router.choice.utility import Feedback, Scored, ability, rated, score

_STAYING = 0.03  # utility; what another route must be better by before a conversation moves
NOTHING: Mapping[str, RouteSignals] = MappingProxyType({})
NO_FEEDBACK: Feedback = MappingProxyType({})


class Reason(StrEnum):
    """Why it is this one; in the order in which they are looked for. `fallback` is the worker's to say."""

    ONLY_CANDIDATE = "only_candidate"
    STICKY = "sticky"
    OVERRIDE = "override"
    UTILITY = "utility"


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """All that a choice rests on beside the request and the catalogue: equal snapshots give equal choices.

    `before` is the conversation as remembered, `now_s` only says how long ago that was. `siblings`: the route ids of
    each model, the whole catalogue's, so that ratings count the same whoever is a candidate.
    """

    weights: Mapping[Optimize, Weights]
    siblings: Mapping[str, tuple[str, ...]]
    signals: Mapping[str, RouteSignals] = field(default_factory=dict)
    feedback: Feedback = field(default_factory=dict)
    before: Remembered | None = None
    now_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """`order`: what passed, best first, with the one that a conversation stays with before all others.

    What may not answer (a breaker that waits for its probe, a machine that is not up) comes after the rest.
    """

    order: list[Scored]
    reason: Reason
    failed: dict[str, Filter] = field(default_factory=dict)


def choose(asked: Asked, judged: Judged, candidates: Iterable[Known], snapshot: Snapshot, reports: Reports) -> Chosen:
    """Filters, then utility, then what a conversation has where it is. `order` is empty where nothing passes.

    `reports` only saves work: what it has read of an equal report is equal.
    """
    weights, signals, feedback = snapshot.weights[asked.optimize], snapshot.signals, snapshot.feedback
    before = snapshot.before
    stays_at = before.route_id if before is not None else ""
    order: list[Scored] = []
    later: list[Scored] = []
    failed: dict[str, Filter] = {}
    plain: Scored | None = None
    for known in candidates:
        route_id = known.route.route_id
        live = reports.live(signals, route_id) if signals else UNHEARD
        if (filter_ := fails(known, asked, judged.output_tokens, live)) is not None:
            failed[route_id] = filter_
            continue
        able = rated(known, judged, feedback, snapshot.siblings) if feedback else ability(known, judged)
        scored = score(known, asked, judged, weights, live, able)
        if route_id == stays_at and before is not None:
            plain, (warm, advantage) = scored, _staying(asked, before, snapshot.now_s)
            scored = score(known, asked, judged, weights, live, able, warm, advantage)
        doubtful = live.away or (live.probing and not asked.probes)
        (later if doubtful else order).append(scored)
    order.sort()
    later.sort()
    if plain is not None and asked.tool_loop:
        order.sort(key=lambda scored: scored.route_id != stays_at)
    order += later
    return Chosen(order=order, reason=_reason(asked, order, plain), failed=failed)


def _staying(asked: Asked, before: Remembered, now_s: float) -> tuple[int, float]:
    """What a move would lose: the tokens of the prompt that are cached there, and steadiness, in utility."""
    warm = min(before.prefix_tokens, asked.prompt_tokens) if now_s - before.at_s < CACHE_S else 0
    return warm, _STAYING if asked.optimize is before.optimize else 0.0


def _reason(asked: Asked, order: list[Scored], plain: Scored | None) -> Reason:
    if len(order) == 1:
        return Reason.ONLY_CANDIDATE
    if order and plain is not None and order[0].route_id == plain.route_id and (asked.tool_loop or plain > order[1]):
        return Reason.STICKY
    return Reason.OVERRIDE if asked.task is not None else Reason.UTILITY
