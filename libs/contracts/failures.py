"""Errors on the bus: one of the tree as a Failure frame or in the answer to a query, and back."""

from libs.contracts.errors import IdempotentReplay, Internal, NorthernError, ProviderRefused, catalogue
from libs.contracts.northern.v1.frames_pb2 import Failure, RouteFacts
from libs.contracts.northern.v1.query_pb2 import QueryFailure

_CLASSES: dict[str, type[NorthernError]] = catalogue()


def to_failure(error: NorthernError, route: RouteFacts | None = None) -> Failure:
    """What a hop says of an error; `route` where a provider was dialled."""
    theirs = error if isinstance(error, ProviderRefused) else None
    return Failure(
        code=error.code,
        message=error.message,
        retry_after_ms=error.retry_after_ms,
        provider_status=theirs.provider_status if theirs else 0,
        provider_code=theirs.provider_code if theirs else "",
        param=error.param,
        route=route,
        first_request_id=error.first_request_id if isinstance(error, IdempotentReplay) else "",
    )


def from_failure(failure: Failure) -> NorthernError:
    """The error a Failure speaks of; an unknown code is an internal one."""
    kind = _CLASSES.get(failure.code, Internal)
    if issubclass(kind, ProviderRefused):
        return kind(
            failure.message,
            provider_status=failure.provider_status,
            provider_code=failure.provider_code,
            param=failure.param,
        )
    if kind is IdempotentReplay:
        return IdempotentReplay(
            failure.message,
            first_request_id=failure.first_request_id,
            param=failure.param,
            retry_after_ms=failure.retry_after_ms,
        )
    return kind(failure.message, param=failure.param, retry_after_ms=failure.retry_after_ms)


def to_query_failure(error: NorthernError) -> QueryFailure:
    """What a service answers instead of what it was asked for."""
    return QueryFailure(code=error.code, message=error.message, retry_after_ms=error.retry_after_ms, param=error.param)


def from_query_failure(failure: QueryFailure) -> NorthernError:
    """The error a refused query speaks of; an unknown code is an internal one."""
    error = _CLASSES.get(failure.code, Internal)(failure.message)
    error.retry_after_ms, error.param = failure.retry_after_ms, failure.param  # not every class takes them
    return error
