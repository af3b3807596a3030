"""The residency table: doubt refuses."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.load import load
from libs.catalog.model import Catalog, Processing, Scope, Tier
from libs.catalog.observed import entered_at, processed_in
from libs.catalog.residency import may_serve, nearest, refusal, rule_of

CA = Processing(jurisdictions=("CA",))
GLOBAL = Processing(jurisdictions=("*",))
UNKNOWN = Processing()
US_PROFILE = Processing(jurisdictions=("CA", "US"))
GLOBAL_BY_MISTAKE = Processing(jurisdictions=("CA",), scope=Scope.GLOBAL)


@pytest.mark.parametrize(
    ("residency", "processing", "custom", "rule"),
    [
        ([], CA, False, None),
        ([], GLOBAL, False, None),
        ([], UNKNOWN, False, None),
        ([], CA, True, None),
        (["CA"], CA, False, None),
        (["CA", "US"], US_PROFILE, False, None),
        (["CA"], GLOBAL, False, "processing_anywhere"),
        (["CA"], UNKNOWN, False, "processing_unknown"),
        (["CA"], US_PROFILE, False, "processing_elsewhere"),
        (["CA"], CA, True, "custom_address"),
        (["US"], CA, False, "processing_elsewhere"),
        (["ca"], CA, False, "processing_elsewhere"),
        (["*"], GLOBAL, False, "processing_anywhere"),
        (["CA"], GLOBAL_BY_MISTAKE, False, "processing_anywhere"),
        ([], GLOBAL_BY_MISTAKE, False, None),
        (["CA"], Processing(scope=Scope.GLOBAL), False, "processing_anywhere"),
        (["CA"], Processing(scope=Scope.REGIONAL), False, "processing_unknown"),
    ],
)
def test_the_table(residency: list[str], processing: Processing, custom: bool, rule: str | None) -> None:
    refusal = may_serve(residency, processing, custom=custom)
    assert (refusal and rule_of(refusal)) == rule
    assert refusal is None or len(refusal.split(": ", 1)[1]) > 20


PLACES = st.lists(st.sampled_from(["CA", "US", "FR", "*"]), max_size=4)


@given(residency=PLACES, places=PLACES, custom=st.booleans())
def test_what_is_allowed_is_known_to_stay_inside(residency: list[str], places: list[str], custom: bool) -> None:
    allowed = may_serve(residency, Processing(jurisdictions=tuple(places)), custom=custom) is None
    proven = not custom and bool(places) and "*" not in places and set(places) <= set(residency)
    assert allowed == (not residency or proven)


def test_no_global_profile_and_no_direct_api_of_the_catalogue_passes_for_canada(shipped: Catalog) -> None:
    passing = {route_id for route_id, route in shipped.routes.items() if may_serve(["CA"], route.processing) is None}
    assert passing == {
        "vertex_ai/gemini-2.5-pro-ca",
        "vertex_ai/gemini-2.5-flash-ca",
        "azure/gpt-4.1-mini-ca",
        "azure/gpt-4o-ca",
        "bedrock/mistral.mistral-large-2402-v1:0-ca",
        "bedrock/meta.llama3-70b-instruct-v1:0-ca",
        "Qwen/Qwen3-14B",
        "Qwen/Qwen3-32B",
    }


def test_every_route_of_the_catalogue_says_its_scope_and_where_the_claim_is_from(shipped: Catalog) -> None:
    for route in shipped.routes.values():
        wide = route.processing.scope is Scope.GLOBAL
        assert wide == (route.processing.jurisdictions == ("*",)), route.route_id
        assert wide <= route.model.startswith("global.")
        assert route.source
        assert route.checked
        if route.processing.jurisdictions == ("CA",):
            assert route.processing.scope in (Scope.REGIONAL, Scope.OWN), route.route_id


def test_a_refusal_names_the_rule_and_the_nearest_route_that_may(shipped: Catalog) -> None:
    azure, openai = shipped.routes["azure/gpt-4.1-mini-ca"], shipped.routes["openai/gpt-4.1-mini-us"]
    tiers = tuple(Tier)
    why = may_serve(["CA"], openai.processing)
    assert why is not None
    error = refusal(shipped, openai, why, ["CA"], tiers=tiers)
    assert (error.rule, error.route_id, error.nearest) == ("processing_unknown", openai.route_id, azure.route_id)
    assert error.rule in error.message
    assert error.nearest in error.message
    assert nearest(shipped, openai, ["CA"], tiers=tiers, tier="self_hosted") is shipped.routes["Qwen/Qwen3-14B"]
    assert nearest(shipped, openai, ["none"], tiers=tiers) is None
    assert nearest(shipped, openai, ["CA"], tiers=["provider_api"]) is None
    assert refusal(shipped, openai, why, ["none"], tiers=tiers).nearest == ""


@pytest.mark.parametrize(
    ("returned", "jurisdictions", "region"),
    [
        ({}, (), ""),
        ({"inference_geo": "us"}, ("US",), ""),
        ({"inference_geo": "global"}, ("*",), ""),
        ({"inference_geo": "not_available"}, (), ""),
        ({"inference_geo": "atlantis"}, (), ""),
        ({"x-ms-region": "Canada East"}, (), "canadaeast"),
    ],
)
def test_what_a_provider_says_of_itself(returned: dict[str, str], jurisdictions: tuple[str, ...], region: str) -> None:
    assert (processed_in(returned), entered_at(returned)) == (jurisdictions, region)


AZURE, VERTEX, BEDROCK = "routes/azure.toml", "routes/vertex.toml", "routes/bedrock.toml"


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (AZURE, 'scope = "regional"', 'scope = "geography"', "no DataZone of Azure's is Canada's"),
        (
            AZURE,
            'scope = "regional"',
            'scope = "global"',
            "its scope is global, but its processing is said to be in CA",
        ),
        (AZURE, 'scope = "regional"\n', "", "it must say its scope"),
        (VERTEX, 'scope = "geography"', 'scope = "regional"', "its address and model show geography"),
        (VERTEX, 'scope = "regional"', 'scope = "global"', "its address and model show regional"),
        (BEDROCK, 'scope = "global"', 'scope = "regional"', "its address and model show global"),
        (BEDROCK, 'processing = ["CA", "US"]', 'processing = ["CA"]', "may be processed in CA"),
    ],
)
def test_a_catalogue_that_claims_more_than_a_sku_or_profile_gives_is_refused(
    tmp_path: Path, file: str, old: str, new: str, sentence: str
) -> None:
    shutil.copytree("infra/config", tmp_path / "config")
    path = tmp_path / "config" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=sentence):
        load(tmp_path / "config")


def test_vertex_global_never_meets_a_residency(tmp_path: Path) -> None:
    shutil.copytree("infra/config", tmp_path / "config")
    egresses, routes = tmp_path / "config" / "egresses.toml", tmp_path / "config" / VERTEX
    placed = 'region = "{}"\njurisdiction = "US"\nbase_url = "https://{}'
    text = egresses.read_text().replace('name = "vertex-us"', 'name = "vertex-global"')
    egresses.write_text(text.replace(placed.format("us", "aipl"), placed.format("global", "global-aipl")))
    text = routes.read_text().replace('egress = "vertex-us"', 'egress = "vertex-global"')
    routes.write_text(text.replace('scope = "geography"\n', ""))
    with pytest.raises(ValueError, match="its scope is global, but its processing is said to be in US"):
        load(tmp_path / "config")
    text = routes.read_text().replace('processing = ["US"]', 'processing = ["*"]')
    routes.write_text(text.replace('-us"\negress', '-global"\negress'))
    moved = [route for route in load(tmp_path / "config").routes.values() if route.egress == "vertex-global"]
    assert moved
    for route in moved:
        assert route.processing.scope is Scope.GLOBAL
        assert rule_of(may_serve(["CA", "US"], route.processing) or "") == "processing_anywhere"
