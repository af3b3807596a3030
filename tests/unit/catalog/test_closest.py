"""The route that is likest to a name somebody typed: slips, missing ends, other vendors' spelling."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.closest import by_likeness
from libs.catalog.load import load

CATALOG = load(Path("infra/config"))
ROUTES = tuple(CATALOG.routes.values())


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4.1-mni", "gpt-4.1-mini"),
        ("gtp-4.1-mini", "gpt-4.1-mini"),
        ("gpt-41-mini", "gpt-4.1-mini"),
        ("azure/gpt-4.1-mini", "azure/gpt-4.1-mini-ca"),
        ("bedrock/global.anthropic.claude-sonnet-4-6", "bedrock/global.anthropic.claude-sonnet-4-6-global"),
        ("bedrock/global.anthropic.claude-sonet-4-6-global", "bedrock/global.anthropic.claude-sonnet-4-6-global"),
        ("vertex_ai/gemini-2.5-pro", "vertex_ai/gemini-2.5-pro-ca"),
        ("google/gemini-2.5-flash", "vertex_ai/gemini-2.5-flash-ca"),
        ("Gemini 2.0 Flash", "gemini-2.5-flash"),
        ("anthropic/claude-sonnet-4.6", "claude-sonnet-4-6"),
        ("Claude Sonnet 4.5", "claude-sonnet-4-5"),
        ("claude-4.5-sonnet", "claude-sonnet-4-5"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock/us.anthropic.claude-haiku-4-5"),
        ("claude-3-5-haiku-latest", "claude-haiku-4-5"),
        ("meta-llama/Llama-3-70b-chat-hf", "meta.llama3-70b"),
        ("mistral-large-latest", "mistral-large"),
        ("qwen3-14", "Qwen/Qwen3-14B"),
        ("gpt4o", "gpt-4o"),
    ],
)
def test_what_somebody_meant_is_first(name: str, model: str) -> None:
    assert model in by_likeness(name, ROUTES)[0][1].route_id


@given(st.text(max_size=300))
def test_every_route_is_there_once_whatever_was_typed(name: str) -> None:
    found = by_likeness(name, ROUTES)
    assert sorted(route.route_id for _, route in found) == sorted(CATALOG.routes)
    assert all(0 <= score <= 1 + 1e-9 for score, _ in found)


def test_the_order_is_the_same_however_the_catalogue_is_sorted() -> None:
    one, other = by_likeness("claude-sonnet", ROUTES), by_likeness("claude-sonnet", ROUTES[::-1])
    assert [route.route_id for _, route in one] == [route.route_id for _, route in other]


def test_a_long_name_costs_no_more_than_a_few_milliseconds() -> None:
    by_likeness("x" * 256, ROUTES)
    began = time.process_time()
    for _ in range(10):
        by_likeness("claude-sonnet-" * 18, ROUTES)
    assert (time.process_time() - began) / 10 < 0.02
