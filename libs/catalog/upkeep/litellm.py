"""One model of LiteLLM's price map: flat fields, prices for a single token."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from libs.catalog.upkeep.amounts import days, flags, long_prompts, prices, tokens

_MILLION = Decimal(1_000_000)
# Upstream's word for who serves it → ours, the egress's provider in lower case.
_PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "vertex_ai-language-models": "vertex",
    "vertex_ai-anthropic_models": "vertex",
    "together_ai": "together",
}
_PREFIXES = ("azure/", "vertex_ai/", "together_ai/", "bedrock/")
_PRICES = {
    "input": "input_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write_5m": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "output": "output_cost_per_token",
}
_LONG_ABOVE = {"_above_128k_tokens": 128_000, "_above_200k_tokens": 200_000, "_above_272k_tokens": 272_000}


def read(provider: str, model: str, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The fields of an ImportedEntry; None where it is no chat model of a provider of ours. Raises Refused."""
    ours = _PROVIDERS.get(provider)
    prefix = next((prefix for prefix in _PREFIXES if model.startswith(prefix)), "")
    name = model.removeprefix(prefix)
    # What is left with a slash is a region or kind of deployment of its own, but at Together, whose names are folders.
    if ours is None or fields.get("mode", "chat") != "chat" or ("/" in name and ours != "together"):
        return None
    return {
        "provider": ours,
        "model": name,
        **tokens(fields.get("max_input_tokens", fields.get("max_tokens")), fields.get("max_output_tokens")),
        **flags(
            supports_vision=fields.get("supports_vision"),
            supports_function_calling=fields.get("supports_function_calling"),
            supports_reasoning=fields.get("supports_reasoning"),
            structured_outputs=fields.get("supports_response_schema"),
        ),
        **prices(fields, _PRICES, _MILLION),
        **_dearer(fields),
        **days(retires=fields.get("deprecation_date")),
    }


def _dearer(fields: Mapping[str, Any]) -> dict[str, Any]:
    for suffix, above in _LONG_ABOVE.items():
        if f"input_cost_per_token{suffix}" in fields:
            return long_prompts(prices(fields, _PRICES, _MILLION, suffix), above)
    return {}
