"""One model of models.dev's api.json: nested fields, prices for a million tokens."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from libs.catalog.upkeep.amounts import days, flags, inner, long_prompts, prices, tokens

_PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "azure": "azure",
    "amazon-bedrock": "bedrock",
    "google-vertex": "vertex",
    "google-vertex-anthropic": "vertex",
    "togetherai": "together",
}
_PRICES = {
    "input": "input",
    "cache_read": "cache_read",
    "cache_write_5m": "cache_write",
    "output": "output",
}


def read(provider: str, model: str, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The fields of an ImportedEntry; None where it is no chat model of a provider of ours. Raises Refused."""
    ours = _PROVIDERS.get(provider)
    modalities = inner(fields, "modalities")
    spoken = modalities.get("output", ["text"])
    if ours is None or not isinstance(spoken, list) or spoken != ["text"] or _no_chat(fields):
        return None
    limit, cost = inner(fields, "limit"), inner(fields, "cost")
    taken = modalities.get("input")
    return {
        "provider": ours,
        "model": model.removesuffix("@default"),
        **tokens(limit.get("context"), limit.get("output")),
        **flags(
            supports_vision="image" in taken if isinstance(taken, list) else None,
            supports_function_calling=fields.get("tool_call"),
            supports_reasoning=fields.get("reasoning"),
            structured_outputs=fields.get("structured_output"),
        ),
        **prices(cost, _PRICES, Decimal(1)),
        **_dearer(cost),
        **days(released=fields.get("release_date")),
    }


def _no_chat(fields: Mapping[str, Any]) -> bool:
    """An embedding has a limit of output that is no text; models.dev gives such models no window or calls them so."""
    name = f"{fields.get('id', '')} {fields.get('family', '')}".lower()
    return "embed" in name or inner(fields, "limit").get("context") == 0


def _dearer(cost: Mapping[str, Any]) -> dict[str, Any]:
    tiers = cost.get("tiers")
    for tier in tiers if isinstance(tiers, list) else ():
        if isinstance(tier, dict) and (above := inner(tier, "tier").get("size")):
            return long_prompts(prices(tier, _PRICES, Decimal(1)), above)
    over = inner(cost, "context_over_200k")
    return long_prompts(prices(over, _PRICES, Decimal(1)), 200_000)
