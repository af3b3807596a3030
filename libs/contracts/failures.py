"""Errors on the bus: one of the tree as a Failure frame, and back."""

from libs.contracts.errors import Internal, NorthernError, ProviderRefused, catalogue
from libs.contracts.northern.v1.frames_pb2 import Failure, RouteFacts

_CLASSES: dict[str, type[NorthernError]] = catalogue()


def to_failure(error: NorthernError, route: RouteFacts | None = None) -> Failure:
    """What a hop says of an error; `route` where a provider was dialled."""
    status = error.provider_status if isinstance(error, ProviderRefused) else 0
    return Failure(
        code=error.code,
        message=error.message,
        retry_after_ms=error.retry_after_ms,
        provider_status=status,
        param=error.param,
        route=route,
    )


def from_failure(failure: Failure) -> NorthernError:
    """The error a Failure speaks of; an unknown code is an internal one."""
    kind = _CLASSES.get(failure.code, Internal)
    if kind is ProviderRefused:
        return ProviderRefused(failure.message, provider_status=failure.provider_status, param=failure.param)
    return kind(failure.message, param=failure.param, retry_after_ms=failure.retry_after_ms)
