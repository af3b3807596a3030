"""What an account can call, held against the catalogue: known, found, gone, or no affair of ours."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from libs.catalog.families import UNKNOWN, match, plain
from libs.catalog.model import Catalog, Egress, Route, Tier, Wire
from libs.catalog.profiles import PROFILE
from libs.catalog.upkeep.imported import Imported, ImportedEntry

_OTHER_KINDS = re.compile(
    r"embed|rerank|whisper|transcribe|speech|tts|audio|realtime|voxtral|sonic|dall-e|image|imagen|veo|sora|canvas|reel"
    r"|stable-|stability|ray-v|moderation|guard|babbage|davinci|instruct-0914|deep-research|computer-use|marengo|pegasus"
    r"|-live|search-(api|preview)|chirp|lyria|ocr|codex|^gpt-[.\d]+-pro|^o\d-pro|multimodalembedding|textembedding"
)


class Standing(StrEnum):
    """Where a model stands between an account and the catalogue."""

    KNOWN = "callable, in the catalogue"
    FOUND = "callable, unknown"
    GONE = "in the catalogue, not callable"
    OTHER = "callable, not for chat"


@dataclass(frozen=True, kw_only=True)
class Account:
    """What one provider's list named, and the ways out to that account: at Bedrock one a kind of profile."""

    egresses: tuple[Egress, ...]
    models: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the table. Egress, family, price and route id are a found model's; `note`: why it gets none."""

    standing: Standing
    egress: str
    model: str
    route_id: str = ""
    family: str = ""
    price: str = ""  # imported, family (the dearest of its family there) or none
    note: str = ""


def compare(catalog: Catalog, imported: Imported, account: Account) -> list[Finding]:
    """Every model of the account, then every route that leads there and that the account did not name."""
    names = {egress.name for egress in account.egresses}
    routes = [route for route in catalog.routes.values() if route.egress in names]
    by_model = {native: route for route in reversed(routes) for native in (*route.native_ids, route.model)}
    by_model |= {route.model: route for route in routes}
    findings = []
    listed = dict.fromkeys(model.removesuffix("@default") for model in account.models)  # Vertex's way of naming none
    for model in listed:
        if (route := by_model.get(model)) is not None:
            findings.append(_known(Standing.KNOWN, route))
        elif not chats(model):
            findings.append(Finding(standing=Standing.OTHER, egress=account.egresses[0].name, model=model))
        else:
            findings.append(_found(catalog, imported, account.egresses, model))
    findings += [
        _known(Standing.GONE, route) for route in routes if listed.keys().isdisjoint((route.model, *route.native_ids))
    ]
    return findings


def chats(model: str) -> bool:
    """Whether a name is not that of another kind of model: embeddings, images, sound, or other interfaces alone."""
    return _OTHER_KINDS.search(plain(model)) is None


def _known(standing: Standing, route: Route) -> Finding:
    return Finding(
        standing=standing, egress=route.egress, model=route.model, route_id=route.route_id, family=route.family
    )


def _found(catalog: Catalog, imported: Imported, egresses: Sequence[Egress], model: str) -> Finding:
    family = match(catalog.families.values(), model)
    egress = _home(catalog, egresses, model)
    entry = upstream_of(imported, egresses[0], model)
    price = "imported" if entry and entry.priced else "none"
    if price == "none" and family and cards_of(catalog, egresses, family.name):
        price = "family"
    name = family.name if family else UNKNOWN
    home = egress or egresses[0]
    finding = Finding(standing=Standing.FOUND, egress=home.name, model=model, family=name, price=price)
    if name not in catalog.families:
        return replace(finding, note=f"the catalogue has no family {UNKNOWN}")
    if egress is None:
        return replace(finding, note="no way out serves profiles of its kind")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,150}", model):
        return replace(finding, note="its name cannot stand in a route's id")
    route_id = _route_id(catalog, egress, model)
    if route_id in catalog.routes:
        return replace(finding, note=f"another route is called {route_id}")
    return replace(finding, route_id=route_id)


def upstream_of(imported: Imported, egress: Egress, model: str) -> ImportedEntry | None:
    """What upstream says of the model at this provider: by its full name, without its profile, by its plain name."""
    provider = egress.provider.lower()
    names = (model, PROFILE.sub("", model), plain(model))
    return next((imported[provider, name] for name in names if (provider, name) in imported), None)


def profile_of(egress: Egress, model: str) -> str:
    """The region that a Bedrock profile's name begins with; empty for what is none."""
    found = PROFILE.match(model) if egress.wire is Wire.BEDROCK else None
    return found[1] if found else ""


def _home(catalog: Catalog, egresses: Sequence[Egress], model: str) -> Egress | None:
    """The way out whose routes are of the same kind of profile, or that has no route yet."""
    profile = profile_of(egresses[0], model)
    for egress in egresses:
        kinds = {profile_of(egress, route.model) for route in catalog.routes.values() if route.egress == egress.name}
        if profile in kinds or (not profile and not kinds):
            return egress
    return None


def _route_id(catalog: Catalog, egress: Egress, model: str) -> str:
    """As its neighbours are called: their first part, the model, the jurisdiction of the entry or the profile."""
    neighbours = [r for r in catalog.routes.values() if catalog.egress_of(r).provider == egress.provider]
    if any(route.tier is Tier.SELF_HOSTED for route in neighbours if route.egress == egress.name):
        return model
    prefix = (
        neighbours[0].route_id.partition("/")[0] if neighbours else re.sub(r"[^a-z0-9]+", "_", egress.provider.lower())
    )
    suffix = profile_of(egress, model).partition("-")[0] or egress.jurisdiction.lower()
    return f"{prefix}/{model}-{suffix}"


def cards_of(catalog: Catalog, egresses: Iterable[Egress], family: str) -> list[str]:
    """The rate cards of a family's routes at this provider, dearest first."""
    providers = {egress.provider for egress in egresses}
    cards = {
        route.rate_card: catalog.card_of(route).rates
        for route in catalog.routes.values()
        if route.family == family and catalog.egress_of(route).provider in providers
    }
    return sorted(cards, key=lambda card: (cards[card].output, cards[card].input), reverse=True)
