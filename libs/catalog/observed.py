"""What a provider itself says of where it answered: its own words, and what they prove; pure."""

from collections.abc import Mapping
from typing import Final

from libs.catalog.model import ANYWHERE

INFERENCE_GEO: Final = "inference_geo"  # Anthropic's `usage.inference_geo`
RESOURCE_REGION: Final = "x-ms-region"  # Azure's header: the region of the resource that was called
HEADERS: Final = (RESOURCE_REGION,)
# https://platform.claude.com/docs/en/manage-claude/data-residency
_GEOGRAPHIES: Final = {"us": ("US",), "global": (ANYWHERE,)}


def processed_in(returned: Mapping[str, str]) -> tuple[str, ...]:
    """The jurisdictions in which the model ran (`("*",)`: the provider chose freely); () where it does not say."""
    return _GEOGRAPHIES.get(returned.get(INFERENCE_GEO, ""), ())


def entered_at(returned: Mapping[str, str]) -> str:
    """The region that was entered, spelt as the catalogue does: `Canada East` is `canadaeast`; "" where unsaid."""
    return returned.get(RESOURCE_REGION, "").replace(" ", "").lower()
