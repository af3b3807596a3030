"""From a name to routes: exact ids, native ids by tier, and refusals that say what to do."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.load import load
from libs.catalog.model import Catalog
from libs.catalog.resolve import closest, resolve
from libs.contracts.errors import ModelNotFound, RouteNotAllowed

ALL = ("managed_canadian_cloud", "provider_api", "self_hosted")
CATALOG = load(Path(__file__).resolve().parents[3] / "infra" / "config")  # hypothesis runs without fixtures
HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global"
HAIKU_DIRECT = "anthropic/claude-haiku-4-5-20251001-us"
HAIKU_VERTEX = "vertex_ai/claude-haiku-4-5@20251001-us"


def ids(catalog: Catalog, name: str, **given_: object) -> list[str]:
    arguments = {"allowed_tiers": ALL, **given_}
    return [route.route_id for route in resolve(catalog, name, **arguments)]  # type: ignore[arg-type] # by keyword


def test_an_exact_id_is_itself(shipped: Catalog) -> None:
    for route_id in shipped.routes:
        assert ids(shipped, route_id) == [route_id]


@pytest.mark.parametrize("name", ["claude-haiku-4-5-20251001", "claude-haiku-4-5-20251015", "claude-haiku-4-5[1m]"])
def test_a_native_id_goes_to_the_first_tier_of_the_default_order(shipped: Catalog, name: str) -> None:
    assert ids(shipped, name) == [HAIKU, HAIKU.replace("global", "us")]
    assert ids(shipped, name, tier="provider_api") == [HAIKU_DIRECT, HAIKU_VERTEX]
    assert ids(shipped, name, allowed_tiers=["provider_api"]) == [HAIKU_DIRECT, HAIKU_VERTEX]


@pytest.mark.parametrize(
    ("name", "managed", "direct"),
    [
        (
            "claude-sonnet-4-5-20250929",
            "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0-global",
            "anthropic/claude-sonnet-4-5-20250929-us",
        ),
        ("claude-opus-4-7", "bedrock/global.anthropic.claude-opus-4-7-global", "anthropic/claude-opus-4-7-us"),
        ("claude-opus-4-8", "bedrock/global.anthropic.claude-opus-4-8-global", "anthropic/claude-opus-4-8-us"),
        ("claude-haiku-4-5-20251015", HAIKU, HAIKU_DIRECT),
        ("gpt-4.1-mini", "azure/gpt-4.1-mini-ca", "openai/gpt-4.1-mini-us"),
    ],
)
def test_the_native_ids_and_dated_aliases_callers_use_resolve_by_tier(
    shipped: Catalog, name: str, managed: str, direct: str
) -> None:
    assert ids(shipped, name)[0] == ids(shipped, name, tier="managed_canadian_cloud")[0] == managed
    assert ids(shipped, name, tier="provider_api")[0] == direct


def test_the_alias_of_a_date_is_sent_as_the_date_that_exists(shipped: Catalog) -> None:
    models = {route.model for route in resolve(shipped, "claude-haiku-4-5-20251015", allowed_tiers=ALL)}
    assert all("20251001" in model for model in models)


def test_a_deployment_that_is_not_open_here_gives_way_to_one_that_is(shipped: Catalog) -> None:
    assert ids(shipped, "gpt-4.1-mini") == ["azure/gpt-4.1-mini-ca"]
    assert ids(shipped, "gpt-4.1-mini", open_egresses=["openai"]) == ["openai/gpt-4.1-mini-us"]
    assert ids(shipped, "gpt-4.1-mini", open_egresses=["openai"], tier="managed_canadian_cloud") == [
        "azure/gpt-4.1-mini-ca"
    ]
    assert ids(shipped, "gpt-4.1-mini", open_egresses=[]) == ["azure/gpt-4.1-mini-ca"]


def test_own_machines_come_before_a_providers_api(shipped: Catalog) -> None:
    own, direct = shipped.routes["Qwen/Qwen3-14B"], shipped.routes["openai/gpt-4.1-us"]
    both = replace(shipped, native={"shared": (direct, own)})
    assert resolve(both, "shared", allowed_tiers=ALL) == [own]
    assert resolve(both, "shared", allowed_tiers=ALL, tier="provider_api") == [direct]


def test_a_key_without_the_tier_is_told_so(shipped: Catalog) -> None:
    for name in (HAIKU, "mistral-large-2402"):
        with pytest.raises(RouteNotAllowed) as caught:
            resolve(shipped, name, allowed_tiers=["self_hosted"])
        assert "tier managed_canadian_cloud, which this key may not call" in caught.value.message
        assert "self_hosted" in caught.value.message
    with pytest.raises(RouteNotAllowed, match="no tier at all"):
        resolve(shipped, HAIKU, allowed_tiers=[])


def test_a_request_for_another_tier_is_told_so(shipped: Catalog) -> None:
    for name in (HAIKU, "gemini-2.5-pro"):
        with pytest.raises(RouteNotAllowed, match=r"asks for provider_api\. Leave privacy_tier out"):
            resolve(shipped, name, allowed_tiers=ALL, tier="provider_api")


def test_an_unknown_name_is_answered_with_the_closest(shipped: Catalog) -> None:
    with pytest.raises(ModelNotFound) as caught:
        resolve(shipped, "vertex/gemini-2.5-pro", allowed_tiers=ALL)
    assert "Closest: vertex_ai/gemini-2.5-pro-ca" in caught.value.message
    assert caught.value.param == "model"
    with pytest.raises(ModelNotFound) as caught:
        resolve(shipped, "zzzz", allowed_tiers=ALL)
    assert caught.value.message == '"zzzz" is not a model here. GET /v1/models lists what this key can call.'


def test_a_key_is_not_shown_what_it_may_not_call(shipped: Catalog) -> None:
    assert closest(shipped, HAIKU, ["self_hosted"], limit=50) == []
    assert closest(shipped, "Qwen/Qwen3-8B", ["self_hosted"])[0] in {"Qwen/Qwen3-14B", "Qwen/Qwen3-32B"}


@given(name=st.text(max_size=400), tiers=st.sets(st.sampled_from(ALL)), tier=st.sampled_from(["", *ALL, "x"]))
def test_any_name_resolves_within_its_tiers_or_is_refused(name: str, tiers: set[str], tier: str) -> None:
    routes, message = [], ""
    try:
        routes = resolve(CATALOG, name, allowed_tiers=tiers, tier=tier)
    except (ModelNotFound, RouteNotAllowed) as error:
        message = error.message
    assert bool(routes) is not bool(message)
    assert len(message) < 600
    assert all(route.tier in tiers and tier in {"", route.tier} for route in routes)


@given(data=st.data(), tiers=st.sets(st.sampled_from(ALL)), tier=st.sampled_from(["", *ALL, "x"]))
def test_any_known_name_resolves_within_its_tiers_or_is_refused(
    data: st.DataObject, tiers: set[str], tier: str
) -> None:
    name = data.draw(st.sampled_from([*CATALOG.routes, *CATALOG.native]))
    allowed = [
        route
        for route in ((CATALOG.routes[name],) if name in CATALOG.routes else CATALOG.native[name])
        if route.tier in tiers and tier in {"", route.tier}
    ]
    if not allowed:
        with pytest.raises(RouteNotAllowed):
            resolve(CATALOG, name, allowed_tiers=tiers, tier=tier)
        return
    routes = resolve(CATALOG, name, allowed_tiers=tiers, tier=tier)
    assert routes
    assert {route.route_id for route in routes} <= {route.route_id for route in allowed}
    assert len({route.tier for route in routes}) == 1
