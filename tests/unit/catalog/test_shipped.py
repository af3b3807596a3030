"""What the catalogue that we ship must hold."""

import re

import pytest

from libs.catalog.families import match
from libs.catalog.load import load
from libs.catalog.model import Catalog, Sampling, Thinking, Tier, Wire
from libs.catalog.upkeep import imported
from tests.unit.catalog.conftest import SHIPPED, Write
from tests.unit.catalog.small import FILES

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
        "bedrock-ca", "bedrock-global", "bedrock-us", "azure-ca", "openai", "self-hosted", "anthropic", "vertex-ca",
        "vertex-us",
    }  # fmt: skip


def test_every_gemini_and_claude_route_sees_images(shipped: Catalog) -> None:
    seeing = [
        route for route in shipped.routes.values() if "gemini-2.5" in route.route_id or "claude" in route.route_id
    ]
    assert len(seeing) == 18
    assert all(route.capabilities.supports_vision for route in seeing)


def test_claude_is_marked_for_the_sampling_it_takes(shipped: Catalog) -> None:
    taken = {r.model: r.capabilities.sampling for r in shipped.routes.values() if "claude" in r.model}
    assert {model: kind for model, kind in taken.items() if "opus" in model and kind is not Sampling.NONE} == {}
    assert {model: kind for model, kind in taken.items() if "opus" not in model and kind is not Sampling.ONE} == {}


def test_profiles_leave_by_their_own_egress_and_claim_nothing_for_canada(shipped: Catalog) -> None:
    for route in shipped.routes.values():
        is_global, is_american = route.model.startswith("global."), route.model.startswith("us.")
        assert (route.egress == "bedrock-global") is is_global
        assert ("*" in route.processing.jurisdictions) is is_global
        assert (route.egress == "bedrock-us") is is_american
        assert not is_american or set(route.processing.jurisdictions) == {"CA", "US"}


def test_self_hosted_routes_are_canadian_by_the_operators_word(shipped: Catalog) -> None:
    qwen = shipped.routes["Qwen/Qwen3-14B"]
    assert (qwen.tier, qwen.egress, qwen.processing.jurisdictions) == (Tier.SELF_HOSTED, "self-hosted", ("CA",))
    assert shipped.egresses["self-hosted"].jurisdiction == "CA"


def test_every_way_out_has_a_place_in_the_sandbox(shipped: Catalog) -> None:
    assert {name: egress.sandbox_path for name, egress in shipped.egresses.items()} == {
        "bedrock-ca": "/bedrock/ca-central-1",
        "bedrock-global": "/bedrock/ca-central-1",
        "bedrock-us": "/bedrock/ca-central-1",
        "azure-ca": "/azure/openai/v1",
        "openai": "/openai/v1",
        "self-hosted": "/self-hosted/v1",
        "anthropic": "/anthropic",
        "vertex-ca": "/vertex/northamerica-northeast1",
        "vertex-us": "/vertex/us",
    }


def test_every_wire_has_a_route(shipped: Catalog) -> None:
    assert {shipped.egress_of(route).wire for route in shipped.routes.values()} == set(Wire)


@pytest.mark.parametrize(
    ("family", "thinking", "structured", "prefill"),
    [
        ("claude-3-7", Thinking.BUDGET, False, True),
        ("claude-opus-4-1", Thinking.BUDGET, False, True),
        ("claude-haiku-4-5", Thinking.BUDGET, True, True),
        ("claude-sonnet-4-6", Thinking.ADAPTIVE, True, False),
        ("claude-opus-4-8", Thinking.ADAPTIVE, True, False),
        ("claude", Thinking.ADAPTIVE, True, False),
        ("gemini-2.5-pro", Thinking.BUDGET, True, False),
        ("gemini-3", Thinking.LEVEL, True, False),
        ("gpt-5", Thinking.EFFORT, True, True),
        ("openai-o", Thinking.EFFORT, True, True),
        ("gpt-4.1", Thinking.NONE, True, True),
        ("llama3-70b", Thinking.NONE, False, False),
    ],
)
def test_a_family_says_how_it_thinks_and_what_it_refuses(
    shipped: Catalog, family: str, thinking: Thinking, structured: bool, prefill: bool
) -> None:
    found = shipped.families[family].capabilities
    assert (found.thinking, found.structured_outputs, found.prefill) == (thinking, structured, prefill)


def test_reasoning_models_of_openai_take_no_sampling_parameters(shipped: Catalog) -> None:
    asked_by_effort = [f for f in shipped.families.values() if f.capabilities.thinking is Thinking.EFFORT]
    assert len(asked_by_effort) >= 4
    theirs = [family for family in asked_by_effort if family.name != "gpt-oss"]  # open weights, served by others
    assert {family.capabilities.sampling for family in theirs} == {Sampling.NONE}


def test_what_thinks_reasons_and_what_does_not_reason_is_never_asked_to_think(shipped: Catalog) -> None:
    for family in shipped.families.values():
        if family.capabilities.thinking is not Thinking.NONE:
            assert family.capabilities.supports_reasoning, family.name


def test_every_route_is_of_the_family_its_model_would_be_found_in(shipped: Catalog) -> None:
    for route in shipped.routes.values():
        found = match(shipped.families.values(), route.model)
        assert found is not None
        assert found.name == route.family, route.route_id


def test_the_unknown_family_promises_least(shipped: Catalog) -> None:
    unknown = shipped.families["unknown"].capabilities
    assert {unknown.supports_vision, unknown.supports_function_calling, unknown.supports_reasoning} == {False}
    assert (unknown.sampling, unknown.thinking) == (Sampling.NONE, Thinking.NONE)
    assert unknown.context_window == min(family.capabilities.context_window for family in shipped.families.values())


def test_what_was_imported_is_dated_sourced_and_unverified() -> None:
    entries = imported.read(SHIPPED)
    assert len(entries) > 300
    assert {entry.verified for entry in entries.values()} == {False}
    assert all(entry.source.startswith("https://") for entry in entries.values())


def test_the_commented_examples_are_egresses_that_load(write: Write) -> None:
    text = (SHIPPED / "egresses.toml").read_text()
    examples = "\n".join(re.findall(r"^#: (.*)$", text, re.MULTILINE))
    egresses = load(write(egresses=FILES["egresses"] + examples)).egresses
    assert {"together-ca", "vllm", "ollama"} <= set(egresses)
    assert egresses["together-ca"].base_url == "https://ca-api.together.ai/v1"
