"""What `auto` may choose from: every route that the policy allows and that can be called, narrowed to a pool."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from libs.catalog.model import Catalog, Route
from libs.catalog.resolve import meant
from libs.contracts.errors import (
    InvalidRequest,
    NoEligibleModel,
    NorthernError,
    Overloaded,
    RouteUnavailable,
)
from libs.contracts.northern.v1.envelope_pb2 import Policy
from services.router.domain import Filter, Street, filtered

POOL = "routing.model_pool"
_POLICIES = 1024  # remembered; accounts differ in few ways
_SHOWN, _NAMED = 120, 5  # characters of a caller's own text that an error repeats, and how many such texts

_Key = tuple[tuple[str, ...], str, tuple[str, ...], bool]


@dataclass(kw_only=True)
class Legal:
    """Reckoned once for each policy, as long as the ways out stay as they are. `version` tells when they do not."""

    catalog: Catalog
    version: object = None
    known: "OrderedDict[_Key, tuple[Route, ...]]" = field(default_factory=OrderedDict)

    def of(
        self, policy: Policy, pool: Sequence[str], aliases: Mapping[str, str], street: Street, version: object
    ) -> Sequence[Route]:
        """Never empty. Raises InvalidRequest for names of the pool that are no models, else what left nothing."""
        found: Sequence[Route] = self._allowed(policy, street, version)
        wanted: Mapping[str, Route] = self.catalog.routes
        if pool:
            wanted = in_pool(self.catalog, pool, aliases, policy)
            found = [route for route in found if route.route_id in wanted]
        if not found:
            raise _none_left(self._excluded(wanted.values(), policy, street).values(), pooled=bool(pool))
        return found

    def shown(
        self, policy: Policy, pool: Sequence[str], aliases: Mapping[str, str], street: Street
    ) -> tuple[Sequence[Route], dict[str, str]]:
        """The same for the dry run: what may be chosen from, and which filter keeps every other route out."""
        wanted = in_pool(self.catalog, pool, aliases, policy) if pool else self.catalog.routes
        out = self._excluded(wanted.values(), policy, street)
        legal = [route for route_id, route in self.catalog.routes.items() if route_id in wanted and route_id not in out]
        return legal, out | {route_id: Filter.POOL for route_id in self.catalog.routes if route_id not in wanted}

    def swap(self, catalog: Catalog) -> None:
        """From now on out of this one."""
        self.catalog = catalog
        self.known.clear()

    def _excluded(self, routes: Iterable[Route], policy: Policy, street: Street) -> dict[str, str]:
        found = {route.route_id: filtered(self.catalog, route, policy, street.state_of) for route in routes}
        return {route_id: name for route_id, name in found.items() if name is not None}

    def _allowed(self, policy: Policy, street: Street, version: object) -> tuple[Route, ...]:
        if version is not self.version:
            self.version = version
            self.known.clear()
        key = (tuple(policy.allowed_tiers), policy.tier, tuple(policy.residency), policy.byok)
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= _POLICIES:
                self.known.popitem(last=False)
            found = self.known[key] = tuple(
                route
                for route in self.catalog.routes.values()
                if filtered(self.catalog, route, policy, street.state_of) is None
            )
        return found


def in_pool(catalog: Catalog, pool: Sequence[str], aliases: Mapping[str, str], policy: Policy) -> dict[str, Route]:
    """The routes that a pool's names stand for: exact ids, the account's own names, the makers' ids (every deployment).

    Raises InvalidRequest naming those that stand for nothing.
    """
    found: dict[str, Route] = {}
    unknown: list[str] = []
    for given in pool:
        name = meant(catalog, given, aliases, policy.allowed_tiers)
        exact = catalog.route(name)
        routes = (exact,) if exact is not None else catalog.by_native_id(name)
        found |= {route.route_id: route for route in routes}
        if not routes:
            unknown.append(f'"{given[:_SHOWN]}"')
    if unknown:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        raise InvalidRequest(
            f"`{POOL}`, or the pool of the key, names what is not a model here: {', '.join(unknown[:_NAMED])}{more}. "
            "GET /v1/models lists what this key can call.",
            param=POOL,
        )
    return found


def _none_left(out: Iterable[str], *, pooled: bool) -> NorthernError:
    """Which filters left nothing. What is only a matter of time, or the operator's, is no fault of the request."""
    counts = Counter(out)
    if counts[Filter.WORKER]:
        return Overloaded(
            "no worker serves the models that this request may choose from right now; try again in a moment",
            retry_after_ms=1000,
        )
    which = f"model of `{POOL}`, or of the key's pool," if pooled else "model"
    if counts[Filter.AVAILABILITY]:
        return RouteUnavailable(
            f"no {which} that this request may choose from is available here: the operator has set up none of them"
        )
    reasons = ", ".join(f"{name} ({counts[name]})" for name in Filter if counts[name])
    return NoEligibleModel(
        f"no {which} is left to choose from. Filters, and how many routes each took out: {reasons}. "
        "Widen the pool, the tier or the residency, or use a key that allows more.",
        param=POOL if pooled else "model",
    )
