"""What accounts can call beside the shipped catalogue, and the careful routes that are made of it."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.catalog.load import load
from libs.catalog.model import Catalog, Thinking, Tier
from libs.catalog.residency import may_serve
from libs.catalog.resolve import resolve
from libs.catalog.upkeep import imported
from libs.catalog.upkeep.drafts import HEAD, UNKNOWN_CARD, written
from libs.catalog.upkeep.found import Account, Finding, Standing, compare
from tests.unit.catalog.conftest import SHIPPED

CATALOG = load(SHIPPED)  # hypothesis runs without fixtures
IMPORTED = imported.read(SHIPPED)
DAY = date(2026, 11, 20)
BEDROCK = ("bedrock-ca", "bedrock-global", "bedrock-us")
ALL = ("managed_canadian_cloud", "provider_api", "self_hosted")


def account(names: tuple[str, ...], *models: str) -> Account:
    return Account(egresses=tuple(CATALOG.egresses[name] for name in names), models=models)


def findings(names: tuple[str, ...], *models: str) -> dict[str, Finding]:
    return {one.model: one for one in compare(CATALOG, IMPORTED, account(names, *models))}


def catalog_with(folder: Path, found: dict[str, Finding], upstream: imported.Imported = IMPORTED) -> Catalog:
    """The shipped catalogue with what would be written: it must load."""
    copytree(SHIPPED, folder / "config")
    (folder / "config" / "routes" / "found.toml").write_text(HEAD + written(CATALOG, upstream, found.values(), DAY))
    return load(folder / "config")


def test_what_the_catalogue_has_is_known_by_model_and_by_dated_name() -> None:
    found = findings(("openai",), "gpt-4.1", "gpt-4.1-mini-2025-04-14")
    assert {model: (one.standing, one.route_id) for model, one in found.items() if one.standing is Standing.KNOWN} == {
        "gpt-4.1": (Standing.KNOWN, "openai/gpt-4.1-us"),
        "gpt-4.1-mini": (Standing.KNOWN, "openai/gpt-4.1-mini-us"),
    }


def test_a_route_that_the_account_did_not_name_is_gone() -> None:
    found = findings(("anthropic",), "claude-haiku-4-5-20251001", "claude-opus-4-8")
    gone = {one.route_id for one in found.values() if one.standing is Standing.GONE}
    assert "anthropic/claude-opus-4-7-us" in gone
    assert "anthropic/claude-opus-4-8-us" not in gone


@pytest.mark.parametrize(
    "model",
    ["text-embedding-3-large", "whisper-1", "tts-1", "dall-e-3", "gpt-4o-realtime-preview", "omni-moderation-latest",
     "gpt-5-pro-2025-10-06", "amazon.titan-embed-text-v2:0", "cohere.rerank-v3-5:0", "gemini-2.5-flash-image"],
)  # fmt: skip
def test_what_does_not_chat_gets_no_route(model: str) -> None:
    one = findings(("openai",), model)[model]
    assert (one.standing, one.route_id) == (Standing.OTHER, "")


def test_a_found_model_carries_family_price_and_a_careful_route(tmp_path: Path) -> None:
    found = findings(("openai",), "gpt-5-nano")
    one = found["gpt-5-nano"]
    assert (one.standing, one.family, one.price, one.route_id) == (
        Standing.FOUND, "gpt-5", "imported", "openai/gpt-5-nano-us",
    )  # fmt: skip
    catalog = catalog_with(tmp_path, found)
    route = catalog.routes["openai/gpt-5-nano-us"]
    assert (route.tier, route.family, route.native_ids) == (Tier.PROVIDER_API, "gpt-5", ("gpt-5-nano",))
    assert route.capabilities.thinking is Thinking.EFFORT
    assert (may_serve(["US"], route.processing) or "").startswith("processing_unknown")
    card = catalog.card_of(route)
    assert (card.rates.input, card.rates.output, card.verified) == (50_000_000, 400_000_000, False)
    assert (card.source, card.checked) == ("https://models.dev/api.json", date(2026, 7, 2))


def test_every_kind_of_profile_leaves_by_its_own_egress() -> None:
    found = findings(
        BEDROCK,
        "global.anthropic.claude-sonnet-5",
        "us.anthropic.claude-sonnet-4-6",
        "amazon.nova-lite-v1:0",
        "apac.amazon.nova-lite-v1:0",
    )
    assert {m: (one.egress, one.route_id) for m, one in found.items() if one.standing is Standing.FOUND} == {
        "global.anthropic.claude-sonnet-5": ("bedrock-global", "bedrock/global.anthropic.claude-sonnet-5-global"),
        "us.anthropic.claude-sonnet-4-6": ("bedrock-us", "bedrock/us.anthropic.claude-sonnet-4-6-us"),
        "amazon.nova-lite-v1:0": ("bedrock-ca", "bedrock/amazon.nova-lite-v1:0-ca"),
        "apac.amazon.nova-lite-v1:0": ("bedrock-ca", ""),
    }
    assert found["apac.amazon.nova-lite-v1:0"].note == "no way out serves profiles of its kind"


def test_no_found_route_is_ever_canadian_by_assumption(tmp_path: Path) -> None:
    found = findings(
        BEDROCK, "global.anthropic.claude-sonnet-5", "us.anthropic.claude-sonnet-5", "amazon.nova-lite-v1:0"
    )
    catalog = catalog_with(tmp_path, found)
    new = [route for route in catalog.routes.values() if route.route_id not in CATALOG.routes]
    assert len(new) == 3
    assert all(may_serve(["CA", "US"], route.processing) for route in new)
    assert [route.capabilities.sampling.value for route in new if "claude" in route.model] == ["none", "none"]


def test_without_upstream_the_dearest_of_the_family_and_then_the_dear_card_is_taken(tmp_path: Path) -> None:
    found = {
        one.model: one for one in compare(CATALOG, {}, account(("openai",), "gpt-4.1-nano", "grok-9", "gpt-5-nano"))
    }
    assert {model: one.price for model, one in found.items() if one.standing is Standing.FOUND} == {
        "gpt-4.1-nano": "family", "grok-9": "none", "gpt-5-nano": "family",
    }  # fmt: skip
    catalog = catalog_with(tmp_path, found, {})
    assert catalog.routes["openai/gpt-4.1-nano-us"].rate_card == "openai-gpt-4.1.2025-04"
    unknown = catalog.routes["openai/grok-9-us"]
    assert (unknown.rate_card, unknown.family, unknown.capabilities.modalities) == (UNKNOWN_CARD, "unknown", ("text",))
    assert not unknown.capabilities.supports_function_calling


def test_upstream_speaks_of_the_very_model_where_the_family_speaks_of_many(tmp_path: Path) -> None:
    model = "amazon.nova-micro-v1:0"
    assert IMPORTED["bedrock", model].supports_vision is False
    route = catalog_with(tmp_path, findings(BEDROCK, model, "amazon.nova-pro-v1:0")).routes[f"bedrock/{model}-ca"]
    assert (route.capabilities.supports_vision, route.capabilities.context_window) == (
        False, IMPORTED["bedrock", model].context_window,
    )  # fmt: skip


def test_an_hour_in_the_cache_is_never_sold_at_the_price_of_input(tmp_path: Path) -> None:
    catalog = catalog_with(tmp_path, findings(("anthropic",), "claude-sonnet-5"))
    rates = catalog.card_of(catalog.routes["anthropic/claude-sonnet-5-us"]).rates
    assert rates.cache_write_1h == 2 * rates.input


def test_a_found_route_takes_nobodys_calls_over(tmp_path: Path) -> None:
    found = findings(BEDROCK, "anthropic.claude-opus-4-8")
    catalog = catalog_with(tmp_path, found)
    assert catalog.routes["bedrock/anthropic.claude-opus-4-8-ca"].native_ids == ()
    assert resolve(catalog, "claude-opus-4-8", allowed_tiers=ALL) == [
        catalog.routes["bedrock/global.anthropic.claude-opus-4-8-global"]
    ]


def test_what_was_written_is_not_found_again(tmp_path: Path) -> None:
    models = ("gpt-5-nano", "grok-9")
    catalog = catalog_with(tmp_path, findings(("openai",), *models))
    again = compare(catalog, IMPORTED, account(("openai",), *models))
    assert written(catalog, IMPORTED, again, DAY) == ""


def test_a_route_id_that_is_taken_is_told_and_not_written() -> None:
    taken = {**CATALOG.routes, "openai/gpt-5-nano-us": CATALOG.routes["anthropic/claude-opus-4-8-us"]}
    catalog = replace(CATALOG, routes=taken)
    found = compare(catalog, IMPORTED, account(("openai",), "gpt-5-nano"))
    assert (found[0].route_id, found[0].note) == ("", "another route is called openai/gpt-5-nano-us")
    assert written(catalog, IMPORTED, found, DAY) == ""


def test_a_card_that_is_there_already_is_not_written_again() -> None:
    card = replace(CATALOG.rate_cards["openai-gpt-5.2025-08"], id="imported/openai/gpt-5-nano.2026-07-02")
    catalog = replace(CATALOG, rate_cards={**CATALOG.rate_cards, card.id: card})
    text = written(catalog, IMPORTED, compare(catalog, IMPORTED, account(("openai",), "gpt-5-nano")), DAY)
    assert "[[price]]" not in text
    assert f'rate_card = "{card.id}"' in text


def test_a_self_hosted_model_is_called_by_its_own_name() -> None:
    assert findings(("self-hosted",), "mistralai/Mistral-7B")["mistralai/Mistral-7B"].route_id == "mistralai/Mistral-7B"


@settings(max_examples=150)
@given(
    names=st.sampled_from([BEDROCK, *((name,) for name in CATALOG.egresses if "bedrock" not in name)]),
    models=st.lists(
        st.one_of(
            st.text(max_size=30),
            st.from_regex(r"\A(us\.|global\.|eu\.)?[a-z]{1,8}\.[a-z0-9-]{1,20}(-v1:0)?\Z"),
            st.sampled_from(sorted(model for _, model in IMPORTED)),
        ),
        max_size=5,
    ),
)
def test_whatever_an_account_names_is_written_as_toml_with_routes_of_this_catalogue(
    names: tuple[str, ...], models: list[str]
) -> None:
    found = compare(CATALOG, IMPORTED, account(names, *models))
    document = tomllib.loads(HEAD + written(CATALOG, IMPORTED, found, DAY))
    routes = document.get("route", [])
    cards = {*CATALOG.rate_cards, *(price["id"] for price in document.get("price", []))}
    assert len(routes) == sum(bool(one.route_id) and one.standing is Standing.FOUND for one in found)
    assert all(route["rate_card"] in cards for route in routes)
    assert all(route["processing"] in ([], ["*"]) for route in routes)
