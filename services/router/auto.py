"""`auto`: what may be chosen from is put before who chooses, and what was chosen is written on the envelope."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from libs.catalog.model import Route
from libs.contracts.northern.v1.envelope_pb2 import Decision, Envelope
from libs.contracts.northern.v1.street_pb2 import RouteSignals
from services.router.domain import LONGEST, Street, of_one_issuer
from services.router.legal import Legal

AUTO = "auto"

Feedback = Mapping[tuple[str, str], tuple[float, float]]  # (route id, task): how often good, how often bad


class Chooser(Protocol):
    """Who chooses among what is legal. Raises InvalidRequest, NoEligibleModel and Overloaded."""

    def decide(
        self, envelope: Envelope, legal: Sequence[Route], signals: Mapping[str, RouteSignals], feedback: Feedback
    ) -> tuple[list[Route], Decision]:
        """The best first, then what to fall back to."""

    def explain(
        self,
        envelope: Envelope,
        legal: Sequence[Route],
        signals: Mapping[str, RouteSignals],
        feedback: Feedback,
        *,
        excluded: Mapping[str, str],
    ) -> dict[str, Any]:
        """The same decision, not taken but shown, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Auto:
    """`feedback`: what an account has said of answers."""

    legal: Legal
    chooser: Chooser
    feedback: Callable[[str], Feedback] = lambda _: {}

    def choose(self, envelope: Envelope, aliases: Mapping[str, str], street: Street, version: object) -> list[Route]:
        """The slip, best first; sets `envelope.decision`."""
        legal = self.legal.of(envelope.policy, envelope.routing.model_pool, aliases, street, version)
        routes, decision = self.chooser.decide(envelope, legal, street.signals, self.feedback(envelope.tenant))
        if envelope.policy.byok:
            routes = of_one_issuer(self.legal.catalog, routes)
        routes = routes[: LONGEST if envelope.policy.allow_fallbacks else 1]
        envelope.decision.CopyFrom(decision)
        envelope.decision.fallbacks[:] = [route.route_id for route in routes[1:]]
        return routes

    def explain(self, envelope: Envelope, aliases: Mapping[str, str], street: Street) -> dict[str, Any]:
        """What `choose` would do now, and why; nothing is remembered of it."""
        legal, excluded = self.legal.shown(envelope.policy, envelope.routing.model_pool, aliases, street)
        return self.chooser.explain(envelope, legal, street.signals, self.feedback(envelope.tenant), excluded=excluded)
