"""The choice for `auto`, as the handlers call it: an envelope and its legal routes in, an order and its reasons out."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from libs.catalog.abilities import Abilities, Weights
from libs.catalog.model import Catalog, Route
from libs.contracts.errors import NorthernError
from libs.contracts.money import NANO, decimal_text
from libs.contracts.northern.v1.envelope_pb2 import Decision, Envelope
from libs.contracts.northern.v1.street_pb2 import RouteSignals
from services.router.choice.asking import Asked, asked
from services.router.choice.choosing import NO_FEEDBACK, NOTHING, Chosen, Snapshot, choose
from services.router.choice.filters import none_left
from services.router.choice.judging import Judged, judge
from services.router.choice.known import Known, knowledge
from services.router.choice.live import Reports
from services.router.choice.sessions import Remembered, Sessions
from services.router.choice.utility import Feedback, Scored
from services.router.classifier.classify import Classifier
from services.router.classifier.tasks import TASKS

MOST = 8  # routes on a slip


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What is worked out of a catalogue once, for all choices under it."""

    abilities: Abilities
    known: Mapping[str, Known]
    siblings: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, catalog: Catalog, abilities: Abilities) -> Self:
        known = knowledge(catalog, abilities)
        return cls(abilities=abilities, known=known, siblings=_siblings(known))


class Chooser:
    """Chooses by a classifier and a catalogue. All it keeps is `sessions`, the memory of conversations.

    Everything a choice rests on is a value: see `Snapshot`. Two replicas that hold the same memory, signals and ratings
    decide the same, to the last bit.
    """

    def __init__(
        self,
        classifier: Classifier,
        catalog: Catalog,
        abilities: Abilities,
        *,
        sessions: Sessions | None = None,
        clock: Callable[[], float] = time.time,
        stopwatch: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._classifier = classifier
        self.sessions = Sessions() if sessions is None else sessions
        self._clock, self._stopwatch = clock, stopwatch
        self.learn(Learnt.of(catalog, abilities))

    def learn(self, learnt: "Learnt") -> None:
        """From now on choose by this; conversations are remembered as before."""
        self._abilities, self._known, self._siblings = learnt.abilities, learnt.known, learnt.siblings
        named = f"{self._classifier.version} {learnt.abilities.digest}"
        self.version = hashlib.sha256(named.encode()).hexdigest()[:12]
        self._reports = Reports()  # of routes that there are

    def decide(
        self,
        envelope: Envelope,
        legal: Sequence[Route],
        signals: Mapping[str, RouteSignals] = NOTHING,
        feedback: Feedback = NO_FEEDBACK,
    ) -> tuple[list[Route], Decision]:
        """Routes in the order in which they are to be tried, at most eight, all of them of `legal`; and why.

        `feedback` is the account's own. Raises InvalidRequest for an unknown task or mode, NoEligibleModel naming the
        filters that left nothing, Overloaded where all that is left is failing right now.
        """
        started = self._stopwatch()
        request, judged, chosen, now_s = self._chosen(envelope, legal, signals, feedback)
        if not chosen.order:
            raise none_left(chosen.failed.values(), pooled=request.pooled)
        order = chosen.order[: MOST if envelope.policy.allow_fallbacks else 1]
        best = order[0]
        if request.session is not None:
            self.sessions.put(request.session, _remembered(request, judged, best.route_id, now_s))
        decision = Decision(
            task=judged.task.value,
            complexity=judged.complexity.value,
            confidence=judged.confidence,
            model=best.route_id,
            optimize=request.optimize.value,
            fit=best.fit,
            expected_nano=round(best.usd * NANO),
            reason=chosen.reason.value,
            fallbacks=[each.route_id for each in order[1:]],
            considered=len(chosen.order),
            version=self.version,
            propensity=1.0,
            time_ns=self._stopwatch() - started,
        )
        return [each.known.route for each in order], decision

    def explain(
        self,
        envelope: Envelope,
        legal: Sequence[Route],
        signals: Mapping[str, RouteSignals] = NOTHING,
        feedback: Feedback = NO_FEEDBACK,
        *,
        excluded: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The same decision laid open, for the dry run; nothing is remembered. JSON's own types alone.

        `excluded`: routes that are not in `legal`, with the name of the rule (pool, tier, residency, availability).
        Where nothing is left `model` is None and `refusal` says why. Raises InvalidRequest as `decide` does.
        """
        started = self._stopwatch()
        request, judged, chosen, _ = self._chosen(envelope, legal, signals, feedback)
        took_ns = self._stopwatch() - started
        refused = None if chosen.order else none_left(chosen.failed.values(), pooled=request.pooled)
        most = MOST if envelope.policy.allow_fallbacks else 1
        told = _explanation(request, judged, chosen, self._abilities.weights[request.optimize], most, refused)
        told["excluded"] += [{"model": name, "filter": rule} for name, rule in (excluded or {}).items()]
        return told | {"router_version": self.version, "routing_time_ms": round(took_ns / 1e6, 3)}

    def _chosen(
        self, envelope: Envelope, legal: Sequence[Route], signals: Mapping[str, RouteSignals], feedback: Feedback
    ) -> tuple[Asked, Judged, Chosen, float]:
        request, now_s = asked(envelope), self._clock()
        before = self.sessions.get(request.session, now_s)
        judged = judge(self._classifier, request, before, now_s)
        snapshot = Snapshot(
            weights=self._abilities.weights,
            siblings=self._siblings,
            signals=signals,
            feedback=feedback,
            before=before,
            now_s=now_s,
        )
        candidates = map(self._known.__getitem__, [route.route_id for route in legal])
        return request, judged, choose(request, judged, candidates, snapshot, self._reports), now_s


def _siblings(known: Mapping[str, Known]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for route_id, one in known.items():
        found[one.model] = (*found.get(one.model, ()), route_id)
    return found


def _remembered(request: Asked, judged: Judged, route_id: str, now_s: float) -> Remembered:
    return Remembered(
        route_id=route_id,
        prefix_tokens=request.prompt_tokens,
        at_s=now_s,
        optimize=request.optimize,
        meant=judged.meant,
        hardest=judged.hardest,
        easier=judged.easier,
    )


def _explanation(
    asked: Asked, judged: Judged, chosen: Chosen, weights: Weights, most: int, refused: NorthernError | None
) -> dict[str, Any]:
    """`candidates` in the order in which they would be tried, all of them; `excluded` with the filter's name."""
    order = chosen.order
    told: dict[str, Any] = {
        "object": "routing.explanation",
        "task": judged.task.value,
        "complexity": judged.complexity.value,
        "confidence": round(judged.confidence, 4),
        "task_probabilities": {TASKS[at].value: round(share, 4) for at, share in judged.shares},
        "difficulty": round(judged.hardest.difficulty, 4),
        "model": order[0].route_id if order else None,
        "reason": chosen.reason.value if order else "none",
        "optimize": asked.optimize.value,
        "weights": {"cost": weights.cost, "latency": weights.latency},
        "prompt_tokens": asked.prompt_tokens,
        "expected_completion_tokens": round(judged.output_tokens),
        "fallbacks": [each.route_id for each in order[1:most]],
        "candidates_considered": len(order),
        "candidates": [_candidate(each) for each in order],
        "excluded": [{"model": name, "filter": filter_.value} for name, filter_ in chosen.failed.items()],
    }
    if refused is not None:
        told["refusal"] = {"code": refused.code, "message": refused.message, "param": refused.param or None}
    return told


def _candidate(scored: Scored) -> dict[str, Any]:
    return {
        "model": scored.route_id,
        "fit": round(scored.fit, 4),
        "expected_cost_usd": decimal_text(round(scored.usd * NANO)),
        "expected_latency_ms": round(scored.ms, 1),
        "utility": round(-scored.loss, 4),
    }
