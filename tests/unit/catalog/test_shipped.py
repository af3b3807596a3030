"""What the catalogue that we ship must hold."""

import pytest

from libs.catalog.model import Catalog, Sampling, Tier

DOCUMENTED = """
bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global
bedrock/global.anthropic.claude-sonnet-4-6-global
bedrock/global.anthropic.claude-opus-4-8-global
vertex_ai/gemini-2.5-pro-ca
vertex_ai/gemini-2.5-flash-ca
azure/gpt-4.1-mini-ca
bedrock/mistral.mistral-large-2402-v1:0-ca
bedrock/meta.llama3-70b-instruct-v1:0-ca
Qwen/Qwen3-14B
Qwen/Qwen3-32B
""".split()


@pytest.mark.parametrize("route_id", DOCUMENTED)
def test_every_documented_route_is_there(shipped: Catalog, route_id: str) -> None:
    assert shipped.route(route_id) is not None


def test_the_egresses_that_the_design_names_are_there(shipped: Catalog) -> None:
    assert set(shipped.egresses) == {
        "bedrock-ca", "bedrock-global", "azure-ca", "openai", "self-hosted", "anthropic", "vertex-ca",
    }  # fmt: skip


def test_every_gemini_and_claude_route_sees_images(shipped: Catalog) -> None:
    seeing = [
        route for route in shipped.routes.values() if "gemini-2.5" in route.route_id or "claude" in route.route_id
    ]
    assert len(seeing) == 12
    assert all(route.capabilities.supports_vision for route in seeing)


def test_claude_is_marked_for_the_sampling_it_takes(shipped: Catalog) -> None:
    taken = {r.model: r.capabilities.sampling for r in shipped.routes.values() if "claude" in r.model}
    assert {model: kind for model, kind in taken.items() if "opus" in model and kind is not Sampling.NONE} == {}
    assert {model: kind for model, kind in taken.items() if "opus" not in model and kind is not Sampling.ONE} == {}


def test_global_profiles_leave_by_their_own_egress_and_claim_nothing(shipped: Catalog) -> None:
    for route in shipped.routes.values():
        is_global = route.model.startswith("global.")
        assert (route.egress == "bedrock-global") is is_global
        assert ("*" in route.processing.jurisdictions) is is_global


def test_self_hosted_routes_are_canadian_by_the_operators_word(shipped: Catalog) -> None:
    qwen = shipped.routes["Qwen/Qwen3-14B"]
    assert (qwen.tier, qwen.egress, qwen.processing.jurisdictions) == (Tier.SELF_HOSTED, "self-hosted", ("CA",))
    assert shipped.egresses["self-hosted"].jurisdiction == "CA"


def test_every_way_out_has_a_place_in_the_sandbox(shipped: Catalog) -> None:
    assert {name: egress.sandbox_path for name, egress in shipped.egresses.items()} == {
        "bedrock-ca": "/bedrock/ca-central-1",
        "bedrock-global": "/bedrock/ca-central-1",
        "azure-ca": "/azure/openai/v1",
        "openai": "/openai/v1",
        "self-hosted": "/self-hosted/v1",
        "anthropic": "/anthropic",
        "vertex-ca": "/vertex/northamerica-northeast1",
    }
