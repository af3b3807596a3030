"""Which deployments stand for each other: pure questions to the catalogue."""

from collections.abc import Iterable

from libs.catalog.model import ANYWHERE, Catalog, Processing, Route, Scope, Tier
from libs.contracts.northern.v1.envelope_pb2 import Policy

_ORDER = {tier: place for place, tier in enumerate(Tier)}


def alike(catalog: Catalog, routes: Iterable[Route]) -> list[list[Route]]:
    """Groups of deployments between which nothing differs that a caller was promised, in the order of their firsts.

    That is the tier, where a request enters, where it is processed and what it costs: load is balanced between such,
    and never between others.
    """
    groups: dict[tuple[Tier, str, Processing, str], list[Route]] = {}
    for route in routes:
        entry = catalog.egress_of(route).jurisdiction
        groups.setdefault((route.tier, entry, route.processing, route.rate_card), []).append(route)
    return list(groups.values())


def siblings(catalog: Catalog, named: Route) -> list[Route]:
    """What may stand in for a route that was named by its exact id: the same model, nowhere the name would not allow.

    The same tier and entry, and processed in no place where the one that was named might not be.
    """
    entry = catalog.egress_of(named).jurisdiction
    found: dict[str, Route] = {}
    for native_id in named.native_ids:
        for route in catalog.by_native_id(native_id):
            if (
                route is not named
                and route.tier is named.tier
                and catalog.egress_of(route).jurisdiction == entry
                and _within(route.processing, named.processing)
            ):
                found[route.route_id] = route
    return list(found.values())


def in_other_tiers(catalog: Catalog, native_id: str, tried: Tier, policy: Policy) -> list[Route]:
    """Further deployments of a model under its maker's id: of the other tiers that the key allows, in their order."""
    others = [
        route
        for route in catalog.by_native_id(native_id)
        if route.tier is not tried and route.tier in policy.allowed_tiers and policy.tier in {"", route.tier}
    ]
    return sorted(others, key=lambda route: _ORDER[route.tier])


def _within(inner: Processing, outer: Processing) -> bool:
    """Whether one is processed only where the other may be. Unknown is anywhere."""
    if not outer.jurisdictions or outer.scope is Scope.GLOBAL or ANYWHERE in outer.jurisdictions:
        return True
    anywhere = not inner.jurisdictions or inner.scope is Scope.GLOBAL or ANYWHERE in inner.jurisdictions
    return not anywhere and set(inner.jurisdictions) <= set(outer.jurisdictions)
