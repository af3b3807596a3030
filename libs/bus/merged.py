"""What several workers say of one deployment, as one statement."""

from collections.abc import Iterable

from libs.contracts.northern.v1.street_pb2 import Breaker, Reach, RouteSignals


def merged(beats: Iterable[Iterable[RouteSignals]]) -> dict[str, RouteSignals]:
    """By route. Calls that run are added up; times and errors count by the calls that they are of."""
    said: dict[str, list[RouteSignals]] = {}
    for routes in beats:
        for one in routes:
            said.setdefault(one.route_id, []).append(one)
    return {route_id: each[0] if len(each) == 1 else _one(route_id, each) for route_id, each in said.items()}


def _one(route_id: str, said: list[RouteSignals]) -> RouteSignals:
    weights = [one.calls or 1 for one in said]
    errors = sum(one.error_permille * weight for one, weight in zip(said, weights, strict=True))
    return RouteSignals(
        route_id=route_id,
        first_byte_p50_ms=_mean([(one.first_byte_p50_ms, one.calls) for one in said]),
        first_byte_p95_ms=_mean([(one.first_byte_p95_ms, one.calls) for one in said]),
        total_p50_ms=_mean([(one.total_p50_ms, one.calls) for one in said]),
        total_p95_ms=_mean([(one.total_p95_ms, one.calls) for one in said]),
        calls=sum(one.calls for one in said),
        error_permille=errors // sum(weights),
        pending=sum(one.pending for one in said),
        # A limit is the account's at the provider, whoever calls: the least that anybody was told is what is left.
        headroom_permille=min(one.headroom_permille for one in said),
        breaker=_breaker(said),
        tokens_per_s=_mean([(one.tokens_per_s, one.calls) for one in said]),
        last_ms=max(one.last_ms for one in said),
        reach=_reach(said),
    )


def _mean(values: list[tuple[int, int]]) -> int:
    """By weight, of those that are known (not 0)."""
    known = [(value, weight or 1) for value, weight in values if value]
    weights = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / weights) if weights else 0


def _breaker(said: list[RouteSignals]) -> Breaker:
    """Open where half of those who have called it find so: one worker whose own network is broken closes no route.

    A worker that has not called it of late knows nothing.
    """
    told = [one for one in said if one.calls or one.breaker != Breaker.BREAKER_CLOSED]
    failing = [one for one in told if one.breaker != Breaker.BREAKER_CLOSED]
    if not failing or len(failing) * 2 < len(told):
        return Breaker.BREAKER_CLOSED
    probing = any(one.breaker == Breaker.BREAKER_PROBING for one in failing)
    return Breaker.BREAKER_PROBING if probing else Breaker.BREAKER_OPEN


def _reach(said: list[RouteSignals]) -> Reach:
    """The best that anybody found: who cannot reach it may stand elsewhere."""
    found = {one.reach for one in said}
    best = (Reach.REACH_READY, Reach.REACH_LOADING, Reach.REACH_NONE)
    return next((reach for reach in best if reach in found), Reach.REACH_UNKNOWN)
