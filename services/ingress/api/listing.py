"""The routes a caller may use, as the clients of each dialect expect a list of models."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from libs.auth.principal import Principal
from libs.bus.beats import Heard
from libs.catalog import describe
from libs.catalog.egress import takes_credential_of
from libs.catalog.model import Catalog, Route, Tier
from libs.catalog.residency import may_serve
from libs.catalog.resolve import LONG_CONTEXT
from libs.contracts.northern.v1.envelope_pb2 import Surface


def callable_routes(catalog: Catalog, heard: Heard, who: Principal) -> list[Route]:
    """What a key, or a session, can call: its tiers, its residency, and a way out that somebody can open."""
    return [
        route
        for route in catalog.routes.values()
        if route.tier in who.allowed_tiers
        and may_serve(who.residency, route.processing) is None
        and _has_credential(catalog, heard, route, who)
    ]


def first_of_native(catalog: Catalog, heard: Heard, who: Principal | None, name: str) -> Route | None:
    """What a maker's own id would be tried on first by this caller, for clients that look a model up before they ask.

    `who` None: anybody. None: no such id, or no route of it that the caller may call.
    """
    known = catalog.by_native_id(name.removesuffix(LONG_CONTEXT))
    usable = known if who is None else [route for route in callable_routes(catalog, heard, who) if route in known]
    return min(usable, key=lambda route: list(Tier).index(route.tier), default=None)


def _has_credential(catalog: Catalog, heard: Heard, route: Route, who: Principal) -> bool:
    """Whether the way out has a credential, or nobody has said anything about it yet.

    A key that uses its account's own sees the routes that such a credential can open.
    """
    if who.byok:
        return takes_credential_of(catalog.egress_of(route)) is not None
    state = heard.egress(route.egress)
    return state is None or state.has_credential


def openai(catalog: Catalog, routes: Sequence[Route], surface: Surface) -> dict[str, Any]:
    """OpenAI's list, each entry with our fields."""
    owner = "inferbase" if surface == Surface.SURFACE_INFERENCE else ""
    data = [describe.model_entry(catalog, route, owned_by=owner) for route in routes]
    return {"object": "list", "data": data, "next": None}


def anthropic(routes: Sequence[Route]) -> dict[str, Any]:
    """Anthropic's page (https://docs.claude.com/en/api/models-list); there is one, and everything is on it."""
    data = [anthropic_entry(route) for route in routes]
    return {
        "data": data,
        "has_more": False,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def anthropic_entry(route: Route) -> dict[str, Any]:
    """Anthropic's model object. The id is the name to show, too: it is what is copied into a client."""
    return {
        "type": "model",
        "id": route.route_id,
        "display_name": route.route_id,
        "created_at": datetime.fromtimestamp(route.created, UTC).isoformat().replace("+00:00", "Z"),
        "max_input_tokens": route.capabilities.context_window,
        "max_tokens": route.capabilities.max_output_tokens,
    }
