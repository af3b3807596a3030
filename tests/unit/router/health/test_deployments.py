"""Which deployments stand for each other, over the shipped catalogue and over made-up ones."""

from dataclasses import replace

from libs.catalog.model import Catalog, Processing, Route, Scope, Tier
from services.router.health.deployments import alike, siblings
from tests.unit.router.test_handlers import AZURE, CATALOG, HAIKU

HAIKU_US = "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0-us"


def with_routes(*routes: Route) -> Catalog:
    native: dict[str, tuple[Route, ...]] = {}
    for route in routes:
        for native_id in route.native_ids:
            native[native_id] = (*native.get(native_id, ()), route)
    return replace(CATALOG, routes={route.route_id: route for route in routes}, native=native)


def test_only_deployments_of_which_the_same_is_promised_are_alike() -> None:
    one = CATALOG.routes[AZURE]
    twin = replace(one, route_id="azure/other-ca")
    dearer = replace(one, route_id="azure/dearer-ca", rate_card="another")
    wider = replace(one, route_id="azure/wider-ca", processing=Processing(jurisdictions=("CA", "US")))
    abroad = replace(one, route_id="azure/abroad-us", egress="openai")
    other = replace(one, route_id="azure/other-tier", tier=Tier.PROVIDER_API)
    found = alike(CATALOG, [one, dearer, twin, wider, abroad, other])
    assert found == [[one, twin], [dearer], [wider], [abroad], [other]]


def test_a_route_named_by_its_id_is_stood_in_for_only_where_the_name_would_allow_it() -> None:
    assert [route.route_id for route in siblings(CATALOG, CATALOG.routes[HAIKU])] == [
        HAIKU_US
    ]  # anywhere, to US and CA
    assert siblings(CATALOG, CATALOG.routes[HAIKU_US]) == []  # whose place is narrower: US and CA, not anywhere
    assert siblings(CATALOG, CATALOG.routes[AZURE]) == []  # the others are of another tier


def test_no_sibling_leaves_tier_entry_or_the_places_of_the_one_that_was_named() -> None:
    for named in CATALOG.routes.values():
        for route in siblings(CATALOG, named):
            assert route.tier is named.tier
            assert CATALOG.egress_of(route).jurisdiction == CATALOG.egress_of(named).jurisdiction
            assert set(route.native_ids) & set(named.native_ids)


def test_unknown_processing_is_anywhere() -> None:
    here = replace(CATALOG.routes[AZURE], native_ids=("m",))
    unknown = replace(here, route_id="u", processing=Processing(scope=Scope.UNSTATED))
    catalog = with_routes(here, unknown)
    assert siblings(catalog, here) == []
    assert siblings(catalog, unknown) == [here]
