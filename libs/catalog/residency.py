"""The residency rule: may a request that must be processed in certain jurisdictions go to a deployment?"""

from collections.abc import Collection
from enum import StrEnum

from libs.catalog.model import ANYWHERE, Catalog, Processing, Route, Scope
from libs.contracts.errors import ResidencyRefused


class Rule(StrEnum):
    """Stable names: they stand in refusals on record, and callers may act on them."""

    CUSTOM_ADDRESS = "custom_address"
    PROCESSING_UNKNOWN = "processing_unknown"
    PROCESSING_ANYWHERE = "processing_anywhere"
    PROCESSING_ELSEWHERE = "processing_elsewhere"


def may_serve(residency: Collection[str], processing: Processing, *, custom: bool = False) -> str | None:
    """None where it may; otherwise `<rule>: <sentence>`. An empty `residency` asks for nothing; doubt refuses.

    `custom` says that the address dialled is not the catalogue's, so that its claims prove nothing. A scope that lets
    the provider run a call in any of its regions counts for more than the jurisdictions beside it.
    """
    if not residency:
        return None
    asked = ", ".join(sorted(residency))
    if custom:
        return (
            f"{Rule.CUSTOM_ADDRESS}: the provider's address is overridden here, "
            f"so it is not known to process in {asked}"
        )
    if processing.scope is Scope.GLOBAL or ANYWHERE in processing.jurisdictions:
        return f"{Rule.PROCESSING_ANYWHERE}: the provider may process in any of its regions, and {asked} is required"
    if not processing.jurisdictions:
        return f"{Rule.PROCESSING_UNKNOWN}: the provider does not say where it processes, and {asked} is required"
    outside = [place for place in processing.jurisdictions if place not in residency]
    if outside:
        return f"{Rule.PROCESSING_ELSEWHERE}: the provider may process in {', '.join(outside)}, and {asked} is required"
    return None


def rule_of(refusal: str) -> Rule:
    """The stable name at the head of a refusal."""
    return Rule(refusal.partition(":")[0])


def nearest(
    catalog: Catalog, refused: Route, residency: Collection[str], *, tiers: Collection[str], tier: str = ""
) -> Route | None:
    """The route nearest to a refused one that the rule allows: the same model elsewhere, else the provider's, else any.

    `tiers` are those of the key, `tier` the one that the request asks for. None: none may.
    """
    provider = catalog.egress_of(refused).provider
    # Refused in spite of its claims: then its address is overridden, and that of every route beside it.
    closed = refused.egress if may_serve(residency, refused.processing) is None else ""

    def distance(route: Route) -> tuple[bool, bool, str]:
        same_model = not set(refused.native_ids).isdisjoint(route.native_ids)
        return not same_model, catalog.egress_of(route).provider != provider, route.route_id

    legal = [
        route
        for route in catalog.routes.values()
        if route.tier in tiers
        and tier in {"", route.tier}
        and route.egress != closed
        and may_serve(residency, route.processing) is None
    ]
    return min(legal, key=distance, default=None)


def refusal(
    catalog: Catalog, route: Route, why: str, residency: Collection[str], *, tiers: Collection[str], tier: str = ""
) -> ResidencyRefused:
    """The error for a route that `may_serve` refuses (`why` is what it said): the rule, and the nearest legal route."""
    other = nearest(catalog, route, residency, tiers=tiers, tier=tier)
    where = f"The nearest route that may: {other.route_id}." if other else "No route that this key can call may."
    return ResidencyRefused(
        f"{route.route_id} may not serve this request: {why}. {where}",
        rule=rule_of(why),
        route_id=route.route_id,
        nearest=other.route_id if other else "",
    )
