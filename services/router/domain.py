"""Which routes may answer a request, in the order to try: pure choice over the catalogue and what the street says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from libs.catalog.egress import takes_credential_of
from libs.catalog.model import Catalog, Route
from libs.catalog.residency import may_serve, refusal
from libs.catalog.resolve import LONG_CONTEXT, resolve
from libs.contracts.errors import NorthernError, Overloaded, RouteUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Policy
from libs.contracts.northern.v1.street_pb2 import EgressState, RouteSignals
from services.router.health.deployments import alike, in_other_tiers, siblings
from services.router.health.order import Draw, in_order

StateOf = Callable[[str], EgressState | None]

LONGEST = 8  # candidates of a slip


class Filter(StrEnum):
    """What keeps a route out, in the order in which it is looked at: stable names, which refusals and dry runs say."""

    POOL = "pool"
    TIER = "tier"
    RESIDENCY = "residency"
    WORKER = "worker"  # nobody serves it now
    AVAILABILITY = "availability"  # the operator has not set it up


@dataclass(frozen=True, slots=True)
class Street:
    """What the router has heard of ways out (None: no worker serves it), and of how routes have been answering."""

    state_of: StateOf
    signals: Mapping[str, RouteSignals]


def candidates(catalog: Catalog, name: str, policy: Policy, street: Street, draw: Draw) -> list[Route]:
    """The routes that serve `name` under every rule, in the order in which they are to be tried; at most eight.

    Raises ModelNotFound, RouteNotAllowed, ResidencyRefused (with the rule and the nearest legal route),
    RouteUnavailable (no credential here), Overloaded (no worker). Breakers and limits order and never refuse: where
    all deployments are failing, the one that would be best is tried.
    """
    plain = name if catalog.route(name) is not None else name.removesuffix(LONG_CONTEXT)
    named = catalog.route(plain) is not None
    state_of = street.state_of
    open_egresses = [] if named else [n for n in catalog.egresses if _is_open(catalog, n, policy, state_of(n))]
    first = resolve(catalog, name, allowed_tiers=policy.allowed_tiers, tier=policy.tier, open_egresses=open_egresses)
    refused: NorthernError | None = None
    usable: list[Route] = []
    for route in first:
        problem = _problem(catalog, route, policy, state_of)
        if problem is None:
            usable.append(route)
        refused = refused or problem
    fallbacks = policy.allow_fallbacks
    if refused is not None and not usable and not (fallbacks and isinstance(refused, Overloaded)):
        raise refused
    groups = [usable] if named else alike(catalog, usable)
    if fallbacks:
        others = siblings(catalog, first[0]) if named else in_other_tiers(catalog, plain, first[0].tier, policy)
        groups += alike(catalog, [route for route in others if filtered(catalog, route, policy, state_of) is None])
    found = in_order(groups, street.signals, draw)
    if not found:
        raise refused or RouteUnavailable(f"{name} has no route that could be called")
    if policy.byok:
        found = of_one_issuer(catalog, found)
    return found[: LONGEST if fallbacks else 1]


def filtered(catalog: Catalog, route: Route, policy: Policy, state_of: StateOf) -> Filter | None:
    """The first rule that a route does not pass; None: it may serve, and can be called."""
    if route.tier not in policy.allowed_tiers or policy.tier not in {"", route.tier}:
        return Filter.TIER
    state = state_of(route.egress)
    if _rule(catalog, route, policy, state) is not None:
        return Filter.RESIDENCY
    if state is None:
        return Filter.WORKER
    return None if _is_open(catalog, route.egress, policy, state) else Filter.AVAILABILITY


def _problem(catalog: Catalog, route: Route, policy: Policy, state_of: StateOf) -> NorthernError | None:
    """The same in words for the caller, of a route whose tier was looked at before."""
    state = state_of(route.egress)
    rule = _rule(catalog, route, policy, state)
    if rule is not None:
        return refusal(catalog, route, rule, policy.residency, tiers=policy.allowed_tiers, tier=policy.tier)
    if state is None:
        return Overloaded(f"no worker serves {route.route_id} right now; try again in a moment", retry_after_ms=1000)
    if not _is_open(catalog, route.egress, policy, state):
        return RouteUnavailable(f"{route.route_id} is not available here: {state.reason}")
    return None


def _rule(catalog: Catalog, route: Route, policy: Policy, state: EgressState | None) -> str | None:
    # An address with slots is the account's own to fill: the worker, who knows with what, judges it.
    own = policy.byok and "{" in catalog.egress_of(route).base_url
    return may_serve(policy.residency, route.processing, custom=state is not None and state.custom and not own)


def _is_open(catalog: Catalog, egress: str, policy: Policy, state: EgressState | None) -> bool:
    """Whether it can be called; what the operator has not set up may be opened by an account's own credential."""
    if state is None:
        return False
    return state.available or (policy.byok and takes_credential_of(catalog.egresses[egress]) is not None)


def of_one_issuer(catalog: Catalog, routes: list[Route]) -> list[Route]:
    """Those that the same credential of an account opens as the first: it may well have no other."""
    issuer = takes_credential_of(catalog.egress_of(routes[0]))
    return [route for route in routes if takes_credential_of(catalog.egress_of(route)) == issuer]
