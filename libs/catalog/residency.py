"""The residency rule: may a request that must be processed in certain jurisdictions go to a deployment?"""

from collections.abc import Collection

from libs.catalog.model import ANYWHERE, Processing

# Stable names: they stand in refusals on record, and callers may act on them.
CUSTOM_ADDRESS = "custom_address"
PROCESSING_UNKNOWN = "processing_unknown"
PROCESSING_ANYWHERE = "processing_anywhere"
PROCESSING_ELSEWHERE = "processing_elsewhere"


def may_serve(residency: Collection[str], processing: Processing, *, custom: bool = False) -> str | None:
    """None where it may; otherwise `<rule>: <sentence>`. An empty `residency` asks for nothing; doubt refuses.

    `custom` says that the address dialled is not the catalogue's, so that its claims prove nothing.
    """
    if not residency:
        return None
    asked = ", ".join(sorted(residency))
    if custom:
        return f"{CUSTOM_ADDRESS}: the provider's address is overridden here, so it is not known to process in {asked}"
    if not processing.jurisdictions:
        return f"{PROCESSING_UNKNOWN}: the provider does not say where it processes, and {asked} is required"
    if ANYWHERE in processing.jurisdictions:
        return f"{PROCESSING_ANYWHERE}: the provider may process in any of its regions, and {asked} is required"
    outside = [place for place in processing.jurisdictions if place not in residency]
    if outside:
        return f"{PROCESSING_ELSEWHERE}: the provider may process in {', '.join(outside)}, and {asked} is required"
    return None


def rule_of(refusal: str) -> str:
    """The stable name at the head of a refusal."""
    return refusal.partition(":")[0]
