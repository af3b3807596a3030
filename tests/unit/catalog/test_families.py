"""Names as each provider writes them, and the family each belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.families import match, plain
from libs.catalog.load import load
from libs.catalog.model import Catalog
from tests.unit.catalog.conftest import SHIPPED

CATALOG = load(SHIPPED)  # hypothesis runs without fixtures


@pytest.mark.parametrize(
    ("name", "is_plainly"),
    [
        ("claude-opus-4-8", "claude-opus-4-8"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("global.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022"),
        ("anthropic.claude-3-haiku-20240307-v1:0:200k", "claude-3-haiku-20240307"),
        ("us-gov.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-3-7-sonnet-20250219"),
        ("mistral.mistral-large-2402-v1:0", "mistral-large-2402"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001"),
        ("claude-opus-4-7@default", "claude-opus-4-7"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("arn:aws:bedrock:ca-central-1:1:inference-profile/us.anthropic.claude-opus-4-8", "claude-opus-4-8"),
        ("Qwen/Qwen3-14B", "qwen3-14b"),
        ("qwen3:14b", "qwen3-14b"),
        ("deepseek-ai/DeepSeek-V3", "deepseek-v3"),  # a version that belongs to the name
        ("eu.example", "eu.example"),
    ],
)
def test_the_wrappings_are_taken_off(name: str, is_plainly: str) -> None:
    assert plain(name) == is_plainly


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"),
        ("claude-opus-4@20250514", "claude-4"),
        ("claude-sonnet-4-20250514", "claude-4"),
        ("claude-sonnet-4-0", "claude-4"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("claude-opus-4-10", "claude"),  # not 4.1
        ("global.anthropic.claude-sonnet-9-20300101-v1:0", "claude"),
        ("gemini-2.5-flash-lite", "gemini-2.5-flash"),
        ("gemini-3.1-pro-preview", "gemini-3"),
        ("gpt-4.1-nano-2025-04-14", "gpt-4.1"),
        ("our-gpt-4.1-mini-deployment", "gpt-4.1"),  # Azure: the operator's own words
        ("prod-gpt-4o", "gpt-4o"),
        ("gpt-5-nano", "gpt-5"),
        ("gpt-5.4-2026-03-05", "gpt-5.4"),
        ("gpt-5.4-mini", "gpt-5-later"),
        ("o3-mini-2025-01-31", "openai-o"),
        ("qwen3:32b", "qwen3"),
        ("Qwen/Qwen3-235B-A22B", "qwen"),
    ],
)
def test_a_name_finds_its_family(shipped: Catalog, name: str, family: str) -> None:
    found = match(shipped.families.values(), name)
    assert found is not None
    assert found.name == family


@pytest.mark.parametrize(
    "name", ["grok-4", "text-embedding-3-large", "gpt-image-2", "gemini-embedding-001", "gpt-5-chat-latest", "", "o"]
)
def test_what_nobody_knows_has_none(shipped: Catalog, name: str) -> None:
    assert match(shipped.families.values(), name) is None


@given(name=st.one_of(st.text(max_size=400), st.from_regex(r"[a-z]{2,6}\.[a-z]+\.[a-z0-9:@-]{0,40}", fullmatch=True)))
def test_any_name_has_one_family_or_none(name: str) -> None:
    found = match(CATALOG.families.values(), name)
    assert found is None or found is CATALOG.families[found.name]
    assert plain(plain(name)).startswith(plain(name)[:1]) or not plain(name)
