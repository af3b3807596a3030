"""From the model name a caller gives to the routes it stands for: exact ids, then the makers' own ids."""

from collections.abc import Collection, Mapping, Sequence

from libs.catalog.closest import by_likeness
from libs.catalog.model import Catalog, Route, Tier
from libs.contracts.errors import ModelNotFound, RouteNotAllowed

LONG_CONTEXT = "[1m]"  # Claude Code's mark for the long context window; the model is the same
_SHOWN = 120  # characters of a caller's own text that an error repeats
_LIKE = 0.4  # from here on two names look alike


def meant(catalog: Catalog, name: str, aliases: Mapping[str, str], allowed_tiers: Collection[str]) -> str:
    """What an account means by `name`: an exact id that its key may call, else its own alias for it, else the name."""
    if not aliases or ((exact := catalog.route(name)) is not None and exact.tier in allowed_tiers):
        return name
    return aliases.get(name) or aliases.get(name.removesuffix(LONG_CONTEXT)) or name


def resolve(
    catalog: Catalog,
    name: str,
    *,
    allowed_tiers: Collection[str],
    tier: str = "",
    open_egresses: Collection[str] | None = None,
) -> list[Route]:
    """Routes in the order in which they are to be tried.

    `tier` is the one the request asks for. A native id stays within one tier: that one, or the first of the default
    order that the key allows and that has a deployment (with `open_egresses`: an open one, if any is). Raises
    ModelNotFound and RouteNotAllowed.
    """
    if (exact := catalog.route(name) or catalog.route(name.removesuffix(LONG_CONTEXT))) is not None:
        _check_tier(exact, allowed_tiers, tier)
        return [exact]
    known = catalog.by_native_id(name.removesuffix(LONG_CONTEXT))
    if not known:
        raise ModelNotFound(_unknown(catalog, name, allowed_tiers), param="model")
    callable_ = [route for route in known if route.tier in allowed_tiers and tier in {"", route.tier}]
    if not callable_:
        raise _not_allowed(name, known, allowed_tiers, tier)
    usable = [route for route in callable_ if open_egresses is None or route.egress in open_egresses] or callable_
    first = min((route.tier for route in usable), key=list(Tier).index)
    return [route for route in usable if route.tier is first]


def closest(catalog: Catalog, name: str, allowed_tiers: Collection[str], limit: int = 3) -> list[str]:
    """The ids of the routes this key may call that look most like `name`; best first."""
    callable_ = (route for route in catalog.routes.values() if route.tier in allowed_tiers)
    return [route.route_id for score, route in by_likeness(name, callable_)[:limit] if score >= _LIKE]


def _check_tier(route: Route, allowed_tiers: Collection[str], tier: str) -> None:
    if route.tier not in allowed_tiers or tier not in {"", route.tier}:
        raise _not_allowed(route.route_id, [route], allowed_tiers, tier)


def _not_allowed(name: str, routes: Sequence[Route], allowed_tiers: Collection[str], tier: str) -> RouteNotAllowed:
    """`param` says what forbids it: the tier that the request asks for, wherever that does, else the model's own."""
    asked = bool(tier) and all(route.tier != tier for route in routes)
    return RouteNotAllowed(_forbidden(name, routes, allowed_tiers, tier), param="privacy_tier" if asked else "model")


def _unknown(catalog: Catalog, name: str, allowed_tiers: Collection[str]) -> str:
    near = closest(catalog, name, allowed_tiers)
    hint = f"Closest: {', '.join(near)}. " if near else ""
    return f'"{name[:_SHOWN]}" is not a model here. {hint}GET /v1/models lists what this key can call.'


def _forbidden(name: str, routes: Sequence[Route], allowed_tiers: Collection[str], tier: str) -> str:
    tiers = " and ".join(dict.fromkeys(route.tier.value for route in routes))
    head = f'"{name[:_SHOWN]}" is served in tier {tiers}'
    if not any(route.tier in allowed_tiers for route in routes):
        return (
            f"{head}, which this key may not call. Use a key that allows it, or a model of: {_listed(allowed_tiers)}."
        )
    return f"{head}, and the request asks for {tier[:_SHOWN]}. Leave privacy_tier out, or name a model of that tier."


def _listed(tiers: Collection[str]) -> str:
    return ", ".join(sorted(tiers)) or "no tier at all"
