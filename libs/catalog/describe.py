"""How a route is shown: entries of the model lists, and the values that headers and records carry."""

from decimal import Decimal

from libs.catalog.model import Capabilities, Catalog, Egress, Evidence, Processing, RateCard, Rates, Route
from libs.contracts.northern.v1.frames_pb2 import RouteFacts

UNKNOWN = "unknown"
PLATFORM, BYOK = "platform", "byok"  # whose credential a call was made with
_NANO = Decimal(1_000_000_000)


def litellm_model(route: Route) -> str:
    """The route id without its last `-<jurisdiction>`."""
    return route.route_id.removesuffix(f"-{route.suffix}") if route.suffix else route.route_id


def custody_path(egress: Egress, *, custom: bool = False) -> str:
    """From where to where a request is handed, `NI-CA -> Bedrock-CA`: the jurisdiction of the entry."""
    return f"NI-CA -> {egress.provider}-{UNKNOWN if custom else egress.jurisdiction}"


def route_facts(
    catalog: Catalog, route: Route, *, credential_source: str = PLATFORM, sandbox: bool = False, custom: bool = False
) -> RouteFacts:
    """What headers and records say of a route that was dialled. A `custom` address leaves no claim about regions."""
    egress = catalog.egress_of(route)
    return RouteFacts(
        route_id=route.route_id,
        tier=route.tier.value,
        provider=egress.provider,
        region=UNKNOWN if custom else egress.region,
        jurisdiction=UNKNOWN if custom else egress.jurisdiction,
        custody_path=custody_path(egress, custom=custom),
        credential_source=credential_source,
        litellm_model=litellm_model(route),
        processing_jurisdictions=() if custom else route.processing.jurisdictions,
        evidence=(Evidence.ASSERTED if sandbox or custom else route.processing.evidence).value,
        sandbox=sandbox,
        model=route.model,
        processing_regions=() if custom else route.processing.regions,
        scope="" if custom else route.processing.scope.value,
        source="" if custom else route.source,
        checked="" if custom else route.checked.isoformat(),
    )


def processing_text(processing: Processing) -> str:
    """Where the model may run, for a header: `CA`, a list, `*`, or `unknown`."""
    return ", ".join(processing.jurisdictions) or UNKNOWN


def model_entry(catalog: Catalog, route: Route, *, owned_by: str = "") -> dict[str, object]:
    """A route in /v1/models: the fields of OpenAI's model object, then ours."""
    return {
        "id": route.route_id,
        "object": "model",
        "created": route.created,
        "owned_by": owned_by or route.owner,
        **_ours(catalog, route),
    }


def billing_entry(catalog: Catalog, route: Route) -> dict[str, object]:
    """A route in the public catalogue (/api/billing/models)."""
    return {
        "model_id": route.route_id,
        "native_ids": list(route.native_ids),
        **_ours(catalog, route),
        "pricing": pricing(catalog.card_of(route)),
    }


def pricing(card: RateCard) -> dict[str, object]:
    """A rate card as decimal strings for a million tokens."""
    shown: dict[str, object] = {
        "rate_card": card.id,
        "currency": card.currency,
        "unit": "per_million_tokens",
        **_rates(card.rates),
        "effective": card.effective.isoformat(),
        "source": card.source,
        "checked": card.checked.isoformat(),
        "verified": card.verified,
    }
    if card.long_rates is not None:
        shown["long_context"] = {"above_prompt_tokens": card.long_above, **_rates(card.long_rates)}
    return shown


def _ours(catalog: Catalog, route: Route) -> dict[str, object]:
    egress = catalog.egress_of(route)
    return {
        "supports_vision": route.capabilities.supports_vision,  # mirrored for clients that read flat fields only
        "capabilities": _capabilities(route.capabilities),
        "tier": route.tier.value,
        "provider": egress.provider,
        "residency": {
            "entry_region": egress.region,
            "entry_jurisdiction": egress.jurisdiction,
            "processing_jurisdictions": list(route.processing.jurisdictions),
            "processing_regions": list(route.processing.regions),
            "scope": route.processing.scope.value,
            "evidence": route.processing.evidence.value,
            "source": route.source,
            "checked": route.checked.isoformat(),
        },
    }


def _capabilities(capabilities: Capabilities) -> dict[str, object]:
    return {
        "supports_vision": capabilities.supports_vision,
        "modalities": list(capabilities.modalities),
        "context_window": capabilities.context_window,
        "max_output_tokens": capabilities.max_output_tokens,
        "supports_function_calling": capabilities.supports_function_calling,
        "supports_streaming": capabilities.supports_streaming,
        "supports_reasoning": capabilities.supports_reasoning,
    }


def _rates(rates: Rates) -> dict[str, str]:
    return {
        "input": _decimal(rates.input),
        "cache_read": _decimal(rates.cache_read),
        "cache_write_5m": _decimal(rates.cache_write_5m),
        "cache_write_1h": _decimal(rates.cache_write_1h),
        "output": _decimal(rates.output),
    }


def _decimal(nano: int) -> str:
    """`3.00`, `0.125`: at least cents, no digits without meaning."""
    value = (Decimal(nano) / _NANO).normalize()
    return f"{value:f}" if -int(value.as_tuple().exponent) > 2 else f"{value:.2f}"  # noqa: PLR2004 - cents
