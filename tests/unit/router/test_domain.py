"""Names become routes under every rule, over the shipped catalogue; every refusal says what would do."""

from pathlib import Path

import pytest

from libs.catalog.load import load
from libs.catalog.model import Catalog, Route
from libs.catalog.residency import may_serve
from libs.contracts.errors import (
    ModelNotFound,
    NorthernError,
    Overloaded,
    ResidencyRefused,
    RouteNotAllowed,
    RouteUnavailable,
)
from libs.contracts.northern.v1.envelope_pb2 import Policy
from libs.contracts.northern.v1.street_pb2 import Breaker, EgressState, RouteSignals
from services.router.domain import StateOf, Street, candidates
from services.router.health.order import Draw

TIERS = ("managed_canadian_cloud", "provider_api", "self_hosted")
AZURE, OPENAI, QWEN = "azure/gpt-4.1-mini-ca", "openai/gpt-4.1-mini-us", "Qwen/Qwen3-14B"
HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(Path("infra/config"))


def states(**named: EgressState | None) -> StateOf:
    """Every way out open, but for those that are named (`-` is written `_`)."""

    def state(name: str) -> EgressState | None:
        return named.get(name.replace("-", "_"), EgressState(name=name, available=True))

    return state


ALL_OPEN = states()


def choose(catalog: Catalog, name: str, allowed: Policy, state_of: StateOf) -> Route:
    """The first that is tried."""
    return candidates(catalog, name, allowed, Street(state_of, {}), Draw("t_one s1", "0" * 16))[0]


def policy(*residency: str, tiers: tuple[str, ...] = TIERS, tier: str = "") -> Policy:
    return Policy(allowed_tiers=tiers, tier=tier, residency=residency)


def test_every_route_of_the_catalogue_is_found_under_its_exact_id(catalog: Catalog) -> None:
    for route_id in catalog.routes:
        assert choose(catalog, route_id, policy(), ALL_OPEN).route_id == route_id


@pytest.mark.parametrize(
    ("tier", "tiers", "route_id"),
    [
        ("", TIERS, AZURE),
        ("provider_api", TIERS, OPENAI),
        ("managed_canadian_cloud", TIERS, AZURE),
        ("", ("provider_api",), OPENAI),
    ],
)
def test_a_native_id_becomes_a_deployment_of_the_tier(
    catalog: Catalog, tier: str, tiers: tuple[str, ...], route_id: str
) -> None:
    assert choose(catalog, "gpt-4.1-mini", policy(tiers=tiers, tier=tier), ALL_OPEN).route_id == route_id


@pytest.mark.parametrize("name", ["", "gpt-5000", AZURE.upper(), AZURE + " ", " " + AZURE, "*", "azure/"])
def test_what_is_nearly_an_id_is_not_one(catalog: Catalog, name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        choose(catalog, name, policy(), ALL_OPEN)
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("name", "tiers", "tier"),
    [
        (OPENAI, ("self_hosted",), ""),
        (OPENAI, (), ""),
        (OPENAI, TIERS, "self_hosted"),
        ("gpt-4.1-mini", ("self_hosted",), ""),
        ("gpt-4.1-mini", TIERS, "self_hosted"),
    ],
)
def test_a_tier_that_does_not_fit_is_refused(catalog: Catalog, name: str, tiers: tuple[str, ...], tier: str) -> None:
    with pytest.raises(RouteNotAllowed):
        choose(catalog, name, policy(tiers=tiers, tier=tier), ALL_OPEN)


def test_i4_a_global_route_is_refused_under_residency_with_the_rule_and_the_nearest_legal_route(
    catalog: Catalog,
) -> None:
    with pytest.raises(ResidencyRefused) as caught:
        choose(catalog, HAIKU, policy("CA"), ALL_OPEN)
    said = caught.value.message
    assert HAIKU in said
    assert "processing_anywhere" in said
    named = [route for route in catalog.routes.values() if f" {route.route_id}." in said]
    assert len(named) == 1
    assert may_serve(("CA",), named[0].processing) is None
    assert named[0].tier in TIERS


def test_the_nearest_route_is_one_this_key_may_call_and_of_the_same_house_where_there_is_one(catalog: Catalog) -> None:
    with pytest.raises(ResidencyRefused, match=r"The nearest route that may: bedrock/"):
        choose(catalog, HAIKU, policy("CA"), ALL_OPEN)
    with pytest.raises(ResidencyRefused, match=r"The nearest route that may: azure/gpt-4\.1-mini-ca"):
        choose(catalog, OPENAI, policy("CA"), ALL_OPEN)
    with pytest.raises(ResidencyRefused, match="No route that this key can call may"):
        choose(catalog, OPENAI, policy("CA", tiers=("provider_api",)), ALL_OPEN)


def test_i4_unknown_processing_is_refused_wherever_a_residency_is_required(catalog: Catalog) -> None:
    with pytest.raises(ResidencyRefused, match="processing_unknown"):
        choose(catalog, OPENAI, policy("CA", "US"), ALL_OPEN)


def test_i4_an_overridden_address_is_refused_under_residency_and_served_without(catalog: Catalog) -> None:
    custom = states(azure_ca=EgressState(name="azure-ca", available=True, custom=True))
    with pytest.raises(ResidencyRefused, match="custom_address"):
        choose(catalog, AZURE, policy("CA"), custom)
    assert choose(catalog, AZURE, policy(), custom).route_id == AZURE
    assert choose(catalog, AZURE, policy("CA"), ALL_OPEN).route_id == AZURE


def test_a_rule_that_nothing_can_meet_refuses_every_route(catalog: Catalog) -> None:
    for route_id in catalog.routes:
        with pytest.raises(ResidencyRefused, match="No route"):
            choose(catalog, route_id, policy("none"), ALL_OPEN)


def test_a_way_out_without_credential_says_why(catalog: Catalog) -> None:
    closed = states(self_hosted=EgressState(name="self-hosted", available=False, reason="set NI_SELF_HOSTED_BASE_URL"))
    with pytest.raises(RouteUnavailable, match="set NI_SELF_HOSTED_BASE_URL"):
        choose(catalog, QWEN, policy(), closed)


def test_a_way_out_without_worker_is_a_matter_of_time(catalog: Catalog) -> None:
    with pytest.raises(Overloaded) as caught:
        choose(catalog, QWEN, policy(), states(self_hosted=None))
    assert caught.value.retryable
    assert caught.value.retry_after_ms > 0


def test_residency_is_refused_even_where_no_worker_is_there_to_ask(catalog: Catalog) -> None:
    with pytest.raises(ResidencyRefused):
        choose(catalog, HAIKU, policy("CA"), states(bedrock_global=None))


def test_a_closed_way_out_leaves_a_native_id_to_the_next_tier(catalog: Catalog) -> None:
    closed = states(azure_ca=EgressState(name="azure-ca", available=False, reason="no key"))
    assert choose(catalog, "gpt-4.1-mini", policy(), closed).route_id == OPENAI


def test_i4_no_combination_of_rules_lets_a_route_through_that_breaks_one(catalog: Catalog) -> None:
    for residency in ((), ("CA",), ("US",), ("CA", "US"), ("none",)):
        for tier in ("", *TIERS):
            for name in [*catalog.routes, *catalog.native]:
                try:
                    route = choose(catalog, name, policy(*residency, tier=tier), ALL_OPEN)
                except NorthernError:
                    continue
                assert may_serve(residency, route.processing) is None
                assert tier in {"", route.tier}


def own(*residency: str) -> Policy:
    return Policy(allowed_tiers=TIERS, residency=residency, byok=True)


def test_what_the_operator_has_not_set_up_may_be_opened_by_an_accounts_own_credential(catalog: Catalog) -> None:
    closed = states(openai=EgressState(name="openai", reason="no key"), self_hosted=EgressState(name="self-hosted"))
    with pytest.raises(RouteUnavailable):
        choose(catalog, OPENAI, policy(), closed)
    assert choose(catalog, OPENAI, own(), closed).route_id == OPENAI
    with pytest.raises(RouteUnavailable):
        choose(catalog, QWEN, own(), closed)
    with pytest.raises(Overloaded):
        choose(catalog, OPENAI, own(), states(openai=None))


def test_an_address_that_the_account_fills_is_judged_by_who_knows_it(catalog: Catalog) -> None:
    custom = states(
        azure_ca=EgressState(name="azure-ca", available=True, custom=True),
        bedrock_ca=EgressState(name="bedrock-ca", available=True, custom=True),
    )
    assert choose(catalog, AZURE, own("CA"), custom).route_id == AZURE
    with pytest.raises(ResidencyRefused):
        choose(catalog, AZURE, policy("CA"), custom)
    with pytest.raises(ResidencyRefused):
        choose(catalog, "bedrock/mistral.mistral-large-2402-v1:0-ca", own("CA"), custom)


HAIKU_DIRECT, HAIKU_US = (
    "anthropic/claude-haiku-4-5-20251001-us",
    "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0-us",
)
VERTEX = "vertex_ai/claude-haiku-4-5@20251001-us"


def slip(
    catalog: Catalog, name: str, *residency: str, tier: str = "", state_of: StateOf = ALL_OPEN, **failing: Breaker
) -> list[str]:
    """The whole order, fallbacks allowed. `failing`: `haiku_us=BREAKER_OPEN` and so on."""
    allowed = Policy(allowed_tiers=TIERS, tier=tier, residency=residency, allow_fallbacks=True)
    names = {"haiku": HAIKU, "haiku_us": HAIKU_US, "azure": AZURE, "openai": OPENAI}
    signals = {
        names[name]: RouteSignals(route_id=names[name], breaker=breaker, headroom_permille=1000)
        for name, breaker in failing.items()
    }
    found = candidates(catalog, name, allowed, Street(state_of, signals), Draw("t_one s1", "0" * 16))
    return [route.route_id for route in found]


def test_a_native_id_falls_back_within_its_tier_first_and_then_to_the_next_that_the_key_allows(
    catalog: Catalog,
) -> None:
    assert slip(catalog, "claude-haiku-4-5") == [HAIKU, HAIKU_US, HAIKU_DIRECT, VERTEX]
    assert slip(catalog, "claude-haiku-4-5[1m]") == [HAIKU, HAIKU_US, HAIKU_DIRECT, VERTEX]
    assert slip(catalog, "claude-haiku-4-5", tier="managed_canadian_cloud") == [HAIKU, HAIKU_US]
    assert slip(catalog, "claude-haiku-4-5", "US", "CA") == [HAIKU_US, VERTEX]


def test_an_exact_id_falls_back_to_its_siblings_and_to_nothing_else(catalog: Catalog) -> None:
    assert slip(catalog, HAIKU) == slip(catalog, f"{HAIKU}[1m]") == [HAIKU, HAIKU_US]
    assert slip(catalog, HAIKU_US) == [HAIKU_US]
    assert slip(catalog, AZURE) == [AZURE]
    assert slip(catalog, HAIKU, haiku=Breaker.BREAKER_OPEN) == [HAIKU_US, HAIKU]


def test_where_every_candidate_fails_the_one_that_would_be_best_is_tried(catalog: Catalog) -> None:
    down = Breaker.BREAKER_OPEN
    assert slip(catalog, "gpt-4.1-mini", azure=down, openai=down) == [AZURE, OPENAI]
    assert slip(catalog, AZURE, azure=Breaker.BREAKER_OPEN) == [AZURE]


def test_a_refused_name_is_refused_whatever_else_would_do(catalog: Catalog) -> None:
    with pytest.raises(ResidencyRefused):
        slip(catalog, HAIKU, "US", "CA")
    closed = states(bedrock_global=EgressState(name="bedrock-global", available=False, reason="no key"))
    with pytest.raises(RouteUnavailable):
        slip(catalog, HAIKU, state_of=closed)


def test_a_name_whose_worker_is_gone_is_answered_by_its_sibling(catalog: Catalog) -> None:
    assert slip(catalog, HAIKU, state_of=states(bedrock_global=None)) == [HAIKU_US]
    with pytest.raises(Overloaded):
        slip(catalog, HAIKU, state_of=states(bedrock_global=None, bedrock_us=None))


def test_an_accounts_own_credential_falls_back_only_to_what_it_opens(catalog: Catalog) -> None:
    allowed = Policy(allowed_tiers=TIERS, byok=True, allow_fallbacks=True)
    found = candidates(catalog, "claude-haiku-4-5", allowed, Street(ALL_OPEN, {}), Draw("", "1"))
    assert [route.route_id for route in found] == [HAIKU, HAIKU_US]


def test_i4_no_candidate_of_any_slip_breaks_a_rule(catalog: Catalog) -> None:
    for residency in ((), ("CA",), ("US",), ("CA", "US")):
        for tier in ("", *TIERS):
            for name in [*catalog.routes, *catalog.native]:
                try:
                    found = slip(catalog, name, *residency, tier=tier)
                except NorthernError:
                    continue
                routes = [catalog.routes[route_id] for route_id in found]
                assert 1 <= len(routes) <= 8
                assert len(set(found)) == len(found)
                assert all(may_serve(residency, route.processing) is None for route in routes)
                assert all(tier in {"", route.tier} for route in routes)


def test_two_routers_that_heard_the_same_give_the_same_order(catalog: Catalog) -> None:
    other = load(Path("infra/config"))
    for name in [*catalog.routes, *catalog.native]:
        assert slip(catalog, name, haiku=Breaker.BREAKER_PROBING) == slip(other, name, haiku=Breaker.BREAKER_PROBING)
