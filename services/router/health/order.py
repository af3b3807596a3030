"""In which order deployments are tried: pure, so that every replica that heard the same says the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from libs.catalog.model import Route
from libs.contracts.northern.v1.street_pb2 import Breaker, Reach, RouteSignals

_PROBES = 4  # one request in so many tries a deployment whose breaker asks for a probe, while there is another
_ENOUGH = 250  # permille of a provider's limit below which a deployment gets less than its share
_BUSY = 32  # calls that run at a deployment before it gets less
_FIRST_MS, _TOTAL_MS = 500, 3000  # of a deployment that is neither fast nor slow
_SPREAD = 4.0  # how much more a fast one gets than a usual one, and a usual one than a slow one, at most


@dataclass(frozen=True, slots=True)
class Draw:
    """What ties are broken by: the conversation, so that it keeps its deployment, and the request."""

    session: str
    request_id: str
    stream: bool = False


def in_order(groups: Sequence[Sequence[Route]], signals: Mapping[str, RouteSignals], draw: Draw) -> list[Route]:
    """The sound ones first, group after group; then those at their limit, those to be probed, those that fail.

    Within a group, whose members are as good as each other, by rendezvous weighted by health (Thaler and Ravishankar
    1998; weights: Schindelhauer and Schomaker 2005): each gets sessions in proportion to its weight, a session keeps
    the deployment that has its prompt in cache, and a weight that changes moves no more sessions than it must. It
    needs no memory, so replicas agree.
    """
    if len(groups) <= 1 and all(len(group) == 1 for group in groups):  # nothing to choose, as most often
        return [route for group in groups for route in group]
    ranked = [
        (_rank(signals.get(route.route_id), draw), index, -_score(route, signals, draw), route.route_id, route)
        for index, group in enumerate(groups)
        for route in group
    ]
    return [each[-1] for each in sorted(ranked, key=lambda each: each[:-1])]


def weight(said: RouteSignals | None, *, stream: bool) -> float:
    """How large a share a deployment should get; 1 where nothing is known. In steps, so that sessions seldom move."""
    if said is None:
        return 1.0
    usual, ms = (_FIRST_MS, said.first_byte_p50_ms) if stream else (_TOTAL_MS, said.total_p50_ms)
    pace = min(max(usual / ms, 1 / _SPREAD), _SPREAD) if ms else 1.0
    sound = max(0.0, 1 - said.error_permille / 1000) ** 4
    room = min(1.0, said.headroom_permille / _ENOUGH)
    exact = pace * sound * room * _BUSY / max(_BUSY, said.pending)
    return float(2.0 ** (round(2 * math.log2(max(exact, 1e-4))) / 2))


def _rank(said: RouteSignals | None, draw: Draw) -> int:
    if said is None:
        return 0
    if said.breaker == Breaker.BREAKER_OPEN:
        return 3
    if said.breaker == Breaker.BREAKER_PROBING:
        return 0 if _hash(draw.request_id, said.route_id) % _PROBES == 0 else 2
    if said.reach in (Reach.REACH_LOADING, Reach.REACH_NONE):
        return 2
    return 0 if said.headroom_permille else 1


def _score(route: Route, signals: Mapping[str, RouteSignals], draw: Draw) -> float:
    drawn = (_hash(draw.session or draw.request_id, route.route_id) + 1) / (2.0**64 + 2)  # in (0, 1)
    return weight(signals.get(route.route_id), stream=draw.stream) / -math.log(drawn)


def _hash(key: str, route_id: str) -> int:
    return int.from_bytes(blake2b(f"{key}\0{route_id}".encode(), digest_size=8).digest())
