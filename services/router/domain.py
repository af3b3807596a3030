"""Which routes may answer a request: pure choice over the catalogue and what the street says is open."""

from collections.abc import Callable

from libs.catalog.model import Catalog, Route
from libs.catalog.residency import may_serve
from libs.catalog.resolve import resolve
from libs.contracts.errors import NorthernError, Overloaded, ResidencyRefused, RouteUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Policy
from libs.contracts.northern.v1.street_pb2 import EgressState

StateOf = Callable[[str], EgressState | None]


def choose(catalog: Catalog, model: str, policy: Policy, state_of: StateOf) -> Route:
    """The route that serves `model` under every rule.

    Raises ModelNotFound, RouteNotAllowed, ResidencyRefused (with the rule and the nearest legal route),
    RouteUnavailable (no credential here), Overloaded (no worker).
    """
    exact = catalog.route(model) is not None
    open_egresses = [] if exact else [n for n in catalog.egresses if (state := state_of(n)) and state.available]
    routes = resolve(catalog, model, allowed_tiers=policy.allowed_tiers, tier=policy.tier, open_egresses=open_egresses)
    refused: NorthernError | None = None
    for route in routes:
        problem = _problem(catalog, route, policy, state_of)
        if problem is None:
            return route
        refused = refused or problem
    if refused is None:
        raise RouteUnavailable(f"{model} has no route that could be called")
    raise refused


def _problem(catalog: Catalog, route: Route, policy: Policy, state_of: StateOf) -> NorthernError | None:
    state = state_of(route.egress)
    rule = may_serve(policy.residency, route.processing, custom=state is not None and state.custom)
    if rule is not None:
        return ResidencyRefused(
            f"{route.route_id} may not serve this request: {rule}. {_nearest(catalog, route, policy)}"
        )
    if state is None:
        return Overloaded(f"no worker serves {route.route_id} right now; try again in a moment", retry_after_ms=1000)
    if not state.available:
        return RouteUnavailable(f"{route.route_id} is not available here: {state.reason}")
    return None


def _nearest(catalog: Catalog, refused: Route, policy: Policy) -> str:
    """The same model elsewhere, else another of the same provider, else any."""
    provider = catalog.egress_of(refused).provider

    def distance(route: Route) -> tuple[bool, bool, str]:
        same_model = not set(refused.native_ids).isdisjoint(route.native_ids)
        return not same_model, catalog.egress_of(route).provider != provider, route.route_id

    legal = [
        route
        for route in catalog.routes.values()
        if route.tier in policy.allowed_tiers
        and (not policy.tier or route.tier == policy.tier)
        and may_serve(policy.residency, route.processing) is None
    ]
    if not legal:
        return "No route that this key can call may."
    return f"The nearest route that may: {min(legal, key=distance).route_id}."
