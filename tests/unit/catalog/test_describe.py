"""What callers see of a route: header values, model entries, the public price list."""

import json

import pytest

from libs.catalog.describe import billing_entry, litellm_model, model_entry, processing_text, route_facts
from libs.catalog.model import Catalog, Processing

HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global"


def test_the_header_values_of_the_documented_call_come_out_exactly(shipped: Catalog) -> None:
    facts = route_facts(shipped, shipped.routes[HAIKU])
    assert facts.tier == "managed_canadian_cloud"
    assert facts.provider == "Bedrock"
    assert facts.region == "ca-central-1"
    assert facts.jurisdiction == "CA"
    assert facts.custody_path == "NI-CA -> Bedrock-CA"
    assert facts.credential_source == "platform"
    assert facts.litellm_model == "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert list(facts.processing_jurisdictions) == ["*"]  # entered in Canada, run anywhere: said beside it
    assert facts.evidence == "asserted"
    assert facts.model == "global.anthropic.claude-haiku-4-5-20251001-v1:0"


def test_a_custom_address_leaves_no_claim_about_regions(shipped: Catalog) -> None:
    facts = route_facts(shipped, shipped.routes["vertex_ai/gemini-2.5-pro-ca"], custom=True)
    assert (facts.region, facts.jurisdiction, facts.custody_path) == ("unknown", "unknown", "NI-CA -> Vertex-unknown")
    assert list(facts.processing_jurisdictions) == []
    assert facts.evidence == "asserted"


def test_the_sandbox_is_never_more_than_asserted(shipped: Catalog) -> None:
    route = shipped.routes["vertex_ai/gemini-2.5-pro-ca"]
    assert route_facts(shipped, route).evidence == "contracted"
    facts = route_facts(shipped, route, sandbox=True)
    assert (facts.evidence, facts.sandbox, facts.region) == ("asserted", True, "northamerica-northeast1")


@pytest.mark.parametrize(
    ("route_id", "model"),
    [
        ("azure/gpt-4.1-mini-ca", "azure/gpt-4.1-mini"),
        ("openai/gpt-4.1-us", "openai/gpt-4.1"),
        ("bedrock/global.anthropic.claude-opus-4-8-global", "bedrock/global.anthropic.claude-opus-4-8"),
        ("Qwen/Qwen3-14B", "Qwen/Qwen3-14B"),
    ],
)
def test_only_the_jurisdiction_is_cut_from_a_route_id(shipped: Catalog, route_id: str, model: str) -> None:
    assert litellm_model(shipped.routes[route_id]) == model


def test_gemini_pro_shows_exactly_the_documented_values_beside_ours(shipped: Catalog) -> None:
    entry = model_entry(shipped, shipped.routes["vertex_ai/gemini-2.5-pro-ca"])
    documented = {
        "supports_vision": True,
        "modalities": ["text", "image"],
        "context_window": 1048576,
        "max_output_tokens": 65535,
        "supports_function_calling": True,
    }
    capabilities = entry["capabilities"]
    assert isinstance(capabilities, dict)
    assert {name: capabilities[name] for name in documented} == documented
    assert set(capabilities) - set(documented) == {"supports_streaming", "supports_reasoning"}
    assert entry["supports_vision"] is True
    assert (entry["id"], entry["object"], entry["owned_by"]) == ("vertex_ai/gemini-2.5-pro-ca", "model", "google")
    assert billing_entry(shipped, shipped.routes["vertex_ai/gemini-2.5-pro-ca"])["capabilities"] == capabilities


def test_the_surface_may_say_who_owns_a_model(shipped: Catalog) -> None:
    assert model_entry(shipped, shipped.routes["Qwen/Qwen3-14B"], owned_by="inferbase")["owned_by"] == "inferbase"


def test_the_price_list_speaks_in_decimal_strings(shipped: Catalog) -> None:
    entry = billing_entry(shipped, shipped.routes["vertex_ai/gemini-2.5-pro-ca"])
    pricing = entry["pricing"]
    assert isinstance(pricing, dict)
    assert (pricing["input"], pricing["cache_read"], pricing["output"]) == ("1.25", "0.125", "10.00")
    assert pricing["long_context"] == {
        "above_prompt_tokens": 200_000,
        "input": "2.50",
        "cache_read": "0.25",
        "cache_write_5m": "2.50",
        "cache_write_1h": "2.50",
        "output": "15.00",
    }


def test_every_entry_is_json_and_names_its_route(shipped: Catalog) -> None:
    for route in shipped.routes.values():
        assert json.loads(json.dumps(model_entry(shipped, route)))["id"] == route.route_id
        assert json.loads(json.dumps(billing_entry(shipped, route)))["model_id"] == route.route_id


@pytest.mark.parametrize(
    ("places", "text"), [((), "unknown"), (("CA",), "CA"), (("CA", "US"), "CA, US"), (("*",), "*")]
)
def test_processing_is_said_in_a_word(places: tuple[str, ...], text: str) -> None:
    assert processing_text(Processing(jurisdictions=places)) == text
