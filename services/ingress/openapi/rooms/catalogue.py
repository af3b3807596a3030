"""The lists of models: what a key may call, what there is, what it costs, whether it is ready."""

from typing import Any, Final

from services.ingress.domain import TIERS
from services.ingress.openapi.parts import (
    GATEWAY,
    INFERENCE,
    Answer,
    Needs,
    Operation,
    Schema,
    always,
    flag,
    listing,
    one_of,
    or_null,
    part,
    ref,
    shape,
    text,
    whole,
)

_TAG: Final = "Models"
_RATE: Final = text("Price of a million tokens.")
_RATES: Final = {
    "input": _RATE,
    "cache_read": _RATE,
    "cache_write_5m": _RATE,
    "cache_write_1h": _RATE,
    "output": _RATE,
}
_OURS: Final[dict[str, Schema]] = {
    "supports_vision": flag("The same as in `capabilities`, for clients that read flat fields only."),
    "capabilities": ref("Capabilities"),
    "tier": one_of(*TIERS),
    "provider": text(),
    "residency": ref("Processing"),
}
_CAPABLE: Final[dict[str, Any]] = {
    "supports_vision": True,
    "modalities": ["text", "image"],
    "context_window": 1_047_576,
    "max_output_tokens": 32_768,
    "supports_function_calling": True,
    "supports_streaming": True,
    "supports_reasoning": False,
}
_PROCESSED: Final[dict[str, Any]] = {
    "entry_region": "canadaeast",
    "entry_jurisdiction": "CA",
    "processing_jurisdictions": ["CA"],
    "processing_regions": ["canadaeast"],
    "scope": "regional",
    "evidence": "asserted",
    "source": "https://learn.microsoft.com/azure/ai-foundry/openai/concepts/models",
    "checked": "2026-11-20",
}
_SHOWN: Final[dict[str, Any]] = {
    "supports_vision": True,
    "capabilities": _CAPABLE,
    "tier": "managed_canadian_cloud",
    "provider": "Azure",
    "residency": _PROCESSED,
}
_PRICED: Final[dict[str, Any]] = {
    "rate_card": "azure-gpt-4.1-mini-regional.2025-04",
    "currency": "USD",
    "unit": "per_million_tokens",
    "input": "0.44",
    "cache_read": "0.11",
    "cache_write_5m": "0.44",
    "cache_write_1h": "0.44",
    "output": "1.76",
    "effective": "2025-04-14",
    "source": "https://azure.microsoft.com/pricing/details/cognitive-services/openai-service/",
    "checked": "2026-11-20",
    "verified": True,
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Capabilities": shape(
        {
            "supports_vision": flag(),
            "modalities": listing(text()),
            "context_window": whole(),
            "max_output_tokens": whole(),
            "supports_function_calling": flag(),
            "supports_streaming": flag(),
            "supports_reasoning": flag(),
        },
        examples=[_CAPABLE],
    ),
    "Processing": shape(
        {
            "entry_region": text(),
            "entry_jurisdiction": text(),
            "processing_jurisdictions": listing(text(), "Empty: unknown; refused under any residency."),
            "processing_regions": listing(text()),
            "scope": one_of("regional", "geography", "global", "own", "unstated"),
            "evidence": one_of("asserted", "contracted", "observed"),
            "source": text(),
            "checked": text(format="date"),
        },
        description="Where a request is handed over, and where the model may run.",
        examples=[_PROCESSED],
    ),
    "Model": shape(
        {"id": text(), "object": always("model"), "created": whole("Unix seconds."), "owned_by": text(), **_OURS},
        examples=[
            {
                "id": "azure/gpt-4.1-mini-ca",
                "object": "model",
                "created": 1_744_588_800,
                "owned_by": "openai",
                **_SHOWN,
            }
        ],
    ),
    "AnthropicModel": shape(
        {
            "type": always("model"),
            "id": text(),
            "display_name": text(),
            "created_at": text(format="date-time"),
            "max_input_tokens": whole(),
            "max_tokens": whole(),
        },
        description="The same as Anthropic's clients expect it: to requests with `anthropic-version`.",
    ),
    "Models": {
        "anyOf": [
            shape({"object": always("list"), "data": listing(ref("Model")), "next": {"type": "null"}}),
            shape(
                {
                    "data": listing(ref("AnthropicModel")),
                    "has_more": flag(),
                    "first_id": or_null(text()),
                    "last_id": or_null(text()),
                }
            ),
        ]
    },
    "Pricing": shape(
        {
            "rate_card": text(),
            "currency": text(),
            "unit": always("per_million_tokens"),
            **_RATES,
            "effective": text(format="date"),
            "source": text(),
            "checked": text(format="date"),
            "verified": flag(),
        },
        {"long_context": shape({"above_prompt_tokens": whole(), **_RATES})},
        examples=[_PRICED],
    ),
    "BillingModel": shape(
        {"model_id": text(), "native_ids": listing(text()), **_OURS, "pricing": ref("Pricing")},
        examples=[{"model_id": "azure/gpt-4.1-mini-ca", "native_ids": ["gpt-4.1-mini"], **_SHOWN, "pricing": _PRICED}],
    ),
    "Health": shape(
        {"model": text(), "status": one_of("ready", "loading", "unavailable")},
        examples=[{"model": "Qwen/Qwen3-14B", "status": "ready"}],
    ),
}

_MODEL: Final = part(
    "model_id", "The route's id, `/` as `%2F`; the plain form is understood, too.", "azure/gpt-4.1-mini-ca"
)
_ONE: Final = Answer(schema={"anyOf": [ref("Model"), ref("AnthropicModel")]}, text="The model.")

OPERATIONS: Final = (
    Operation(
        method="GET",
        path=f"{GATEWAY}/models",
        id="list_models",
        tag=_TAG,
        summary="The routes that this key may call",
        answer=Answer(schema=ref("Models"), text="All of them, on one page."),
    ),
    Operation(
        method="GET",
        path=f"{GATEWAY}/models/{{model_id}}",
        id="get_model",
        tag=_TAG,
        summary="One route",
        parameters=(_MODEL,),
        answer=_ONE,
        codes=("model_not_found",),
    ),
    Operation(
        method="GET",
        path=f"{INFERENCE}/models",
        id="list_inference_models",
        tag=_TAG,
        summary="Every model there is",
        needs=Needs.NOBODY,
        answer=Answer(schema=ref("Models"), text="All of them, on one page."),
    ),
    Operation(
        method="GET",
        path=f"{INFERENCE}/models/{{model_id}}",
        id="get_inference_model",
        tag=_TAG,
        summary="One model",
        needs=Needs.NOBODY,
        parameters=(_MODEL,),
        answer=_ONE,
        codes=("model_not_found",),
    ),
    Operation(
        method="GET",
        path=f"{INFERENCE}/models/{{model_id}}/health",
        id="get_model_health",
        tag=_TAG,
        summary="Whether a model is ready to answer",
        needs=Needs.NOBODY,
        parameters=(_MODEL,),
        answer=Answer(schema=ref("Health"), text="As its workers say."),
        codes=("model_not_found",),
    ),
    Operation(
        method="GET",
        path="/api/billing/models",
        id="list_billing_models",
        tag=_TAG,
        summary="The public catalogue with prices",
        needs=Needs.NOBODY,
        answer=Answer(schema=shape({"models": listing(ref("BillingModel"))}), text="Every route."),
    ),
)
