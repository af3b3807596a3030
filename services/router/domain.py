"""Which routes may answer a request: pure choice over the catalogue and what the street says is open."""

from collections.abc import Callable

from libs.catalog.egress import takes_credential_of
from libs.catalog.model import Catalog, Route
from libs.catalog.residency import may_serve, refusal
from libs.catalog.resolve import resolve
from libs.contracts.errors import NorthernError, Overloaded, RouteUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Policy
from libs.contracts.northern.v1.street_pb2 import EgressState

StateOf = Callable[[str], EgressState | None]


def choose(catalog: Catalog, model: str, policy: Policy, state_of: StateOf) -> Route:
    """The route that serves `model` under every rule.

    Raises ModelNotFound, RouteNotAllowed, ResidencyRefused (with the rule and the nearest legal route),
    RouteUnavailable (no credential here), Overloaded (no worker).
    """
    exact = catalog.route(model) is not None
    open_egresses = [] if exact else [n for n in catalog.egresses if _is_open(catalog, n, policy, state_of(n))]
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
    # An address with slots is the account's own to fill: the worker, who knows with what, judges it.
    own = policy.byok and "{" in catalog.egress_of(route).base_url
    custom = state is not None and state.custom and not own
    rule = may_serve(policy.residency, route.processing, custom=custom)
    if rule is not None:
        return refusal(catalog, route, rule, policy.residency, tiers=policy.allowed_tiers, tier=policy.tier)
    if state is None:
        return Overloaded(f"no worker serves {route.route_id} right now; try again in a moment", retry_after_ms=1000)
    if not _is_open(catalog, route.egress, policy, state):
        return RouteUnavailable(f"{route.route_id} is not available here: {state.reason}")
    return None


def _is_open(catalog: Catalog, egress: str, policy: Policy, state: EgressState | None) -> bool:
    """Whether it can be called; what the operator has not set up may be opened by an account's own credential."""
    if state is None:
        return False
    return state.available or (policy.byok and takes_credential_of(catalog.egresses[egress]) is not None)
