"""What a worker states about a call and what it cost: pure."""

from libs.catalog import describe
from libs.catalog.model import Catalog, Route
from libs.catalog.pricing import Priced, price
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage
from services.worker.ways_out import WayOut

_BYTES_A_TOKEN = 4  # of text, where no better measure is known; marked `estimated` wherever it is used


def facts_of(route: Route, way: WayOut) -> RouteFacts:
    """Where the request is handed to, as headers and record show it. An overridden address proves nothing of its region."""
    egress = way.egress
    unknown = way.custom
    return RouteFacts(
        route_id=route.route_id,
        tier=route.tier.value,
        provider=egress.provider,
        region="unknown" if unknown else egress.region,
        jurisdiction="unknown" if unknown else egress.jurisdiction,
        custody_path=f"NI-CA -> {egress.provider}-unknown" if unknown else describe.custody_path(egress),
        credential_source="platform",
        litellm_model=describe.litellm_model(route),
        processing_jurisdictions=() if unknown else route.processing.jurisdictions,
        evidence="asserted" if unknown or way.sandbox else route.processing.evidence.value,
        sandbox=way.sandbox,
        model=route.model,
    )


def estimated(text_bytes: int, output_bytes: int) -> Usage:
    """Usage where the provider gave none: by bytes, and said so."""
    return Usage(input=_tokens(text_bytes), output=_tokens(output_bytes), estimated=True)


def cost(catalog: Catalog, route: Route, usage: Usage) -> Priced:
    """The provider's price of what was used."""
    return price(
        catalog.card_of(route),
        input=usage.input,
        cache_read=usage.cache_read,
        cache_write_5m=usage.cache_write_5m,
        cache_write_1h=usage.cache_write_1h,
        output=usage.output,
    )


def _tokens(size: int) -> int:
    return -(-size // _BYTES_A_TOKEN)
