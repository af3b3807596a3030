"""Routes for what a provider's list named and the catalogue does not: TOML that promises as little as can be."""

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from libs.catalog.families import plain
from libs.catalog.model import ANYWHERE, Capabilities, Catalog, Egress, Thinking, Tier
from libs.catalog.upkeep.found import Finding, Standing, cards_of, profile_of, upstream_of
from libs.catalog.upkeep.imported import Imported, ImportedEntry, inline, value_of

UNKNOWN_CARD = "unknown.2026-11"  # prices.toml: dear on purpose
HEAD = """\
# Routes that `ni catalog sync --write` found, each as careful as can be: where it is processed is unknown, so that any
# residency refuses it, and prices are unverified. What you make sure of, change here, or move it to a file of its own:
# a route that is in the catalogue is not written again.
"""


def written(catalog: Catalog, imported: Imported, findings: Iterable[Finding], today: date) -> str:
    """The TOML of routes for every finding that can have one, each with the card it needs."""
    text: list[str] = []
    cards: set[str] = set(catalog.rate_cards)
    for finding in findings:
        if finding.standing is not Standing.FOUND or not finding.route_id:
            continue
        egress = catalog.egresses[finding.egress]
        entry = upstream_of(imported, egress, finding.model)
        card = _card(catalog, egress, finding, entry)
        if entry and entry.priced and card not in cards:
            text.append(_price_text(card, entry))
            cards.add(card)
        text.append(_route_text(catalog, finding, egress, entry, card, today))
    return "".join(text)


def _card(catalog: Catalog, egress: Egress, finding: Finding, entry: ImportedEntry | None) -> str:
    if entry and entry.priced:
        return f"imported/{entry.provider}/{entry.model}.{entry.checked.isoformat()}"
    return next(iter(cards_of(catalog, [egress], finding.family)), UNKNOWN_CARD)


def _table(kind: str, fields: dict[str, object]) -> str:
    return f"\n[[{kind}]]\n" + "".join(f"{name} = {value_of(value)}\n" for name, value in fields.items())


def _price_text(card: str, entry: ImportedEntry) -> str:
    prices = _whole(
        entry.model_dump(
            include={"input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "long"}, exclude_none=True
        )
    )
    if "long" in prices:
        prices["long"] = _whole(prices["long"])
    return _table(
        "price",
        {
            "id": card,
            "currency": entry.currency,
            **prices,
            "from": entry.checked,
            "source": entry.source,
            "checked": entry.checked,
            "verified": entry.verified,
        },
    )


def _whole(prices: dict[str, Any]) -> dict[str, Any]:
    """Where writing to a cache costs extra and nobody says how much for an hour: twice the input, as at Anthropic's."""
    if "cache_write_5m" in prices and "cache_write_1h" not in prices:
        hour = max(2 * Decimal(prices["input"]), Decimal(prices["cache_write_5m"]))
        prices |= {"cache_write_1h": f"{hour.normalize():f}"}
    return prices


def _route_text(
    catalog: Catalog, finding: Finding, egress: Egress, entry: ImportedEntry | None, card: str, today: date
) -> str:
    neighbours = [route.tier for route in catalog.routes.values() if route.egress == egress.name]
    own = _own_capabilities(catalog.families[finding.family].capabilities, entry)
    text = _table(
        "route",
        {
            "id": finding.route_id,
            "egress": egress.name,
            "model": finding.model,
            "family": finding.family,
            "tier": (neighbours[0] if neighbours else Tier.PROVIDER_API).value,
            "processing": [ANYWHERE] if profile_of(egress, finding.model) == "global" else [],
            "evidence": "asserted",
            "native_ids": _native_ids(catalog, finding),
            "rate_card": card,
            "created": (entry.released if entry else None) or today,
            "source": f"the list of models of {egress.provider}, {today.isoformat()}",
            "checked": today,
        },
    )
    return text + (f"capabilities = {inline(own)}\n" if own else "")


def _native_ids(catalog: Catalog, finding: Finding) -> list[str]:
    """Its plain name, unless somebody else answers to it: a route that was found takes nobody's calls over."""
    name = plain(finding.model)
    taken: Collection[str] = {*catalog.routes, finding.route_id}
    return [] if catalog.by_native_id(name) or name in taken else [name]


def _own_capabilities(family: Capabilities, entry: ImportedEntry | None) -> dict[str, object]:
    """Where upstream says something else than the family does: it speaks of this very model."""
    if entry is None:
        return {}
    said: dict[str, object] = entry.model_dump(
        include={
            "context_window",
            "max_output_tokens",
            "supports_vision",
            "supports_function_calling",
            "supports_reasoning",
            "structured_outputs",
        },
        exclude_none=True,
    )
    if "supports_vision" in said:
        said["modalities"] = ("text", "image") if said["supports_vision"] else ("text",)
    if said.get("supports_reasoning") is False:
        said["thinking"] = Thinking.NONE
    context = entry.context_window or family.context_window
    most = min(entry.max_output_tokens or family.max_output_tokens, context)
    said |= {"max_output_tokens": most, "default_max_tokens": min(family.default_max_tokens, most)}
    return {name: value for name, value in said.items() if getattr(family, name) != value}
