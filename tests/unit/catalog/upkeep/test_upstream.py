"""Upstream's two shapes into our words, exactly; what is absurd is refused by name, and nothing else ever comes out."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.catalog.upkeep.imported import ImportedEntry
from libs.catalog.upkeep.upstream import LARGEST, Harvest, UpstreamUnreadable, read

DAY = date(2026, 11, 20)

LITELLM = """{
  "sample_spec": {"litellm_provider": "one of …", "mode": "chat"},
  "claude-x": {"litellm_provider": "anthropic", "mode": "chat", "max_input_tokens": 200000, "max_output_tokens": 64000,
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07,
    "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
    "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05,
    "supports_vision": true, "supports_function_calling": true, "supports_reasoning": true,
    "supports_response_schema": true, "deprecation_date": "2027-03-01"},
  "azure/gpt-x": {"litellm_provider": "azure", "mode": "chat", "max_tokens": 8192,
    "input_cost_per_token": 0.00000044, "output_cost_per_token": 0.00000176},
  "azure/eu/gpt-x": {"litellm_provider": "azure", "mode": "chat"},
  "bedrock/us-east-1/maker.x": {"litellm_provider": "bedrock", "mode": "chat"},
  "text-embedding-x": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-08},
  "groq/x": {"litellm_provider": "groq", "mode": "chat"}
}"""

MODELS_DEV = """{
  "amazon-bedrock": {"id": "amazon-bedrock", "models": {
    "us.maker.x-v1:0": {"id": "us.maker.x-v1:0", "reasoning": false, "tool_call": true, "structured_output": true,
      "release_date": "2026-05-28", "modalities": {"input": ["text", "image"], "output": ["text"]},
      "limit": {"context": 128000, "output": 5000}, "cost": {"input": 0.06, "output": 0.24, "cache_read": 0.015}}}},
  "google-vertex-anthropic": {"models": {
    "claude-x@default": {"modalities": {"input": ["text"], "output": ["text"]}, "limit": {"context": 0, "output": 1}},
    "claude-y@default": {"modalities": {"input": ["text"], "output": ["text"]}, "limit": {"context": 1000000},
      "cost": {"input": 5, "output": 25, "cache_write": 6.25,
        "tiers": [{"tier": {"type": "context", "size": 200000}, "input": 10, "output": 37.5}]}}}},
  "google-vertex": {"models": {
    "imagen": {"modalities": {"input": ["text"], "output": ["image"]}},
    "gemini-x": {"modalities": {"output": ["text"]}, "release_date": "2026-05",
      "cost": {"input": 1.25, "output": 10, "context_over_200k": {"input": 2.5, "output": 15}}}}},
  "elsewhere": {"models": {"z": {}}}
}"""


def harvest(text: str) -> Harvest:
    return read(text.encode(), source="a list", checked=DAY)


def only(entry: dict[str, Any]) -> str:
    return json.dumps({"m": {"litellm_provider": "openai", **entry}})


def by_key(text: str) -> dict[tuple[str, str], ImportedEntry]:
    return {entry.key: entry for entry in harvest(text).entries}


def test_litellm_prices_a_token_become_exact_prices_a_million() -> None:
    found = by_key(LITELLM)
    assert set(found) == {("anthropic", "claude-x"), ("azure", "gpt-x")}
    claude = found["anthropic", "claude-x"]
    assert claude.model_dump(exclude={"source", "checked"}, exclude_none=True) == {
        "provider": "anthropic", "model": "claude-x", "context_window": 200000, "max_output_tokens": 64000,
        "supports_vision": True, "supports_function_calling": True, "supports_reasoning": True,
        "structured_outputs": True, "currency": "USD", "input": "3", "cache_read": "0.3", "cache_write_5m": "3.75",
        "cache_write_1h": "6", "output": "15", "long": {"above": 200000, "input": "6", "output": "22.5"},
        "retires": date(2027, 3, 1), "verified": False,
    }  # fmt: skip
    assert (found["azure", "gpt-x"].input, found["azure", "gpt-x"].output) == ("0.44", "1.76")
    assert harvest(LITELLM).other == 4


def test_models_dev_prices_are_for_a_million_already() -> None:
    found = by_key(MODELS_DEV)
    assert set(found) == {("bedrock", "us.maker.x-v1:0"), ("vertex", "claude-y"), ("vertex", "gemini-x")}
    nova = found["bedrock", "us.maker.x-v1:0"]
    assert (nova.input, nova.output, nova.cache_read, nova.released) == ("0.06", "0.24", "0.015", date(2026, 5, 28))
    assert (nova.supports_vision, nova.supports_reasoning, nova.structured_outputs) == (True, False, True)
    long = found["vertex", "claude-y"].long
    assert long is not None
    assert (long.above, long.input, long.output) == (200_000, "10", "37.5")
    gemini = found["vertex", "gemini-x"]
    assert gemini.long is not None
    assert gemini.released is None  # a month is no day


def test_source_and_day_are_on_every_entry() -> None:
    assert {(entry.source, entry.checked, entry.verified) for entry in harvest(LITELLM).entries} == {
        ("a list", DAY, False)
    }


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"input_cost_per_token": 3, "output_cost_per_token": 15}, "its price of input is not between 0 and 10000 for"),
        ({"input_cost_per_token": -1e-6}, "its price of input is not between 0 and 10000 for"),
        ({"output_cost_per_token": "1e-6"}, "its price of output is not a number"),
        ({"output_cost_per_token": True}, "its price of output is not a number"),
        ({"max_input_tokens": -1}, "its context_window is not a believable number of tokens"),
        ({"max_input_tokens": 10**12}, "its context_window is not a believable number of tokens"),
        ({"max_output_tokens": 8192.5}, "its max_output_tokens is not a believable number of tokens"),
        ({"max_output_tokens": [1]}, "its max_output_tokens is not a believable number of tokens"),
    ],
)
def test_an_absurd_value_is_refused_in_a_sentence_that_names_the_entry(fields: dict[str, Any], sentence: str) -> None:
    found = harvest(only(fields))
    assert found.entries == ()
    assert len(found.refused) == 1
    assert found.refused[0].startswith("'m': ")
    assert sentence in found.refused[0]


def test_one_absurd_entry_does_not_keep_the_others_out() -> None:
    text = json.dumps({**json.loads(LITELLM), "gpt-y": {"litellm_provider": "openai", "max_input_tokens": "many"}})
    assert len(harvest(text).entries) == 2
    assert len(harvest(text).refused) == 1


def test_a_name_that_cannot_stand_in_a_header_is_refused() -> None:
    found = harvest(json.dumps({"a\r\nb": {"litellm_provider": "openai"}}))
    assert (found.entries, len(found.refused)) == ((), 1)


def test_free_is_not_believed() -> None:
    (entry,) = harvest(only({"input_cost_per_token": 0.0, "output_cost_per_token": 0})).entries
    assert (entry.input, entry.output, entry.priced) == (None, None, False)


def test_a_cache_that_costs_nothing_and_half_a_price_are_not_believed() -> None:
    (entry,) = harvest(
        only({"input_cost_per_token": 0, "output_cost_per_token": 1e-6, "cache_read_input_token_cost": 0.0})
    ).entries
    assert (entry.input, entry.output, entry.cache_read, entry.priced) == ("0", "1", None, False)


def test_a_price_finer_than_a_rate_card_is_rounded_to_what_a_card_can_tell_apart() -> None:
    (entry,) = harvest(only({"input_cost_per_token": 7.999999999999999e-07, "output_cost_per_token": 1e-6})).entries
    assert entry.input == "0.8"


def test_more_output_than_context_is_cut_to_it() -> None:
    (entry,) = harvest(only({"max_input_tokens": 4096, "max_output_tokens": 8192})).entries
    assert (entry.context_window, entry.max_output_tokens) == (4096, 4096)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"\xff{}", "it is not JSON"),
        (b'{"a": NaN}', "it is not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (b"[]", "it is not an object of models"),
        (b"{}", "it is not an object of models"),
        (b'{"a": {"b": 1}}', "neither LiteLLM's price map nor models.dev's"),
        (b" " * (LARGEST + 1), "it has more than 64 MiB"),
    ],
)
def test_what_is_no_catalogue_is_refused_as_a_whole(text: bytes, sentence: str) -> None:
    with pytest.raises(UpstreamUnreadable, match=sentence):
        read(text, source="x", checked=DAY)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                "models cost limit modalities input output tiers tier size context_over_200k context mode".split()
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
NAMES = st.sampled_from([*json.loads(LITELLM)["claude-x"], "modalities", "limit", "cost", "id", "family"])


@settings(max_examples=400)
@given(fields=st.dictionaries(NAMES, JSON, max_size=6), shape=st.sampled_from(["litellm", "dev"]))
def test_any_entry_is_read_or_refused(fields: dict[str, Any], shape: str) -> None:
    document: dict[str, Any] = (
        {"m": {**fields, "litellm_provider": "openai"}} if shape == "litellm" else {"openai": {"models": {"m": fields}}}
    )
    found = harvest(json.dumps(document))
    assert len(found.entries) + len(found.refused) + found.other == 1
    for entry in found.entries:
        assert entry.input is None or 0 <= Decimal(entry.input) <= 10_000


@settings(max_examples=100)
@given(prices=st.tuples(*[st.decimals(min_value=0, max_value="0.009", places=15)] * 2))
def test_a_price_that_a_card_can_hold_comes_out_to_the_last_digit(prices: tuple[Decimal, Decimal]) -> None:
    fields = f'"input_cost_per_token": {prices[0]}, "output_cost_per_token": {prices[1]}'
    text = '{"m": {"litellm_provider": "openai", ' + fields + "}}"
    (entry,) = harvest(text).entries
    if any(prices):
        assert entry.input is not None
        assert entry.output is not None
        assert (Decimal(entry.input), Decimal(entry.output)) == (prices[0] * 10**6, prices[1] * 10**6)


@settings(max_examples=200)
@given(text=st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    told = ""
    try:
        read(text, source="x", checked=DAY)
    except UpstreamUnreadable as error:
        told = str(error)
    assert told == "" or told.startswith("it ")
