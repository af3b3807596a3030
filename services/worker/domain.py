"""What a model takes, what its answer is called, what a failure may say and whether another candidate may mend it."""

from collections.abc import Mapping

from libs.catalog.model import Route
from libs.contracts.errors import (
    CredentialRefused,
    InvalidRequest,
    NorthernError,
    Overloaded,
    OwnCredentialMissing,
    ProviderRateLimited,
    ResidencyRefused,
    RouteUnavailable,
    UpstreamError,
    UpstreamTimeout,
)
from libs.contracts.northern.v1.envelope_pb2 import Decision, Envelope, Try
from libs.dialects.models import ModelFlags
from services.worker.upstream.signals import Ending

_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-amz-security-token"})
_SECRET_LENGTH = 8  # shorter ones are words such as `sandbox`
_THEIRS = (ProviderRateLimited, UpstreamError, UpstreamTimeout, Overloaded)
_NOT_HERE = (RouteUnavailable, ResidencyRefused)
_NOT_SO = (InvalidRequest, OwnCredentialMissing)

_flags: dict[tuple[str, bool], tuple[Route, ModelFlags]] = {}  # by the ids of the catalogue, so there are only so many


def is_claude(route: Route) -> bool:
    """Whether Anthropic's own format reaches the model, on whatever platform it runs."""
    return route.family.startswith("claude") or route.owner == "anthropic"


def flags_of(route: Route, *, legacy_max_tokens: bool = False) -> ModelFlags:
    """What the catalogue knows of a route's model, as the writers of requests want it; made once for each route."""
    made = _flags.get((route.route_id, legacy_max_tokens))
    if made is None or made[0] is not route:
        made = _flags[route.route_id, legacy_max_tokens] = (route, _flags_of(route, legacy_max_tokens))
    return made[1]


def _flags_of(route: Route, legacy_max_tokens: bool) -> ModelFlags:
    can = route.capabilities
    return ModelFlags(
        claude=is_claude(route),
        sampling=can.sampling.value,
        thinking=can.thinking.value,
        always_thinks=can.always_thinks,
        least_thinking=can.least_thinking,
        cache_points=can.cache_points,
        structured=can.structured_outputs,
        prefill=can.prefill,
        vision=can.supports_vision,
        legacy_max_tokens=legacy_max_tokens,
        default_max_tokens=can.default_max_tokens,
        max_output_tokens=can.max_output_tokens,
    )


def named(asked: str, route: Route) -> str:
    """The model in an answer of the inference surface: the id asked for, for `auto` the chosen one."""
    return route.route_id if asked == "auto" else asked


def scrubbed(message: str, headers: Mapping[str, str]) -> str:
    """What a provider said, without the credentials it was sent and may repeat."""
    for name, value in headers.items():
        if name.lower() in _SECRET_HEADERS:
            for secret in (value, value.rpartition(" ")[2]):
                if len(secret) >= _SECRET_LENGTH:
                    message = message.replace(secret, "[removed]")
    return message


def mends(error: NorthernError, *, dialled: bool, earlier: bool) -> bool:
    """Whether another candidate may do, nothing of an answer having come. `earlier`: a candidate before it has failed.

    A refusal of what the caller sent is the caller's to hear; where it says only that the next deployment cannot
    stand in for the first, that one is passed over. Our own refusals, about money or the record, are none of these.
    """
    if isinstance(error, _THEIRS):
        return True
    return not dialled and isinstance(error, (*_NOT_HERE, *_NOT_SO) if earlier else _NOT_HERE)


def ending(error: NorthernError, *, byok: bool) -> Ending:
    """What a call that failed so says of the deployment; an account's own limit says nothing."""
    if isinstance(error, ProviderRateLimited):
        return Ending.NOT_THEIR_FAULT if byok else Ending.RATE_LIMITED
    return Ending.THEIR_FAILURE if isinstance(error, _THEIRS) else Ending.NOT_THEIR_FAULT


def retold(last: Try) -> NorthernError:
    """The failure of a call that another worker made, of which only the kind is known here."""
    match last.code:
        case ProviderRateLimited.code:
            return ProviderRateLimited("The provider limits the rate of this route: try again later")
        case UpstreamTimeout.code:
            return UpstreamTimeout("The provider did not answer in time; try again.")
        case Overloaded.code:
            return Overloaded("The provider is overloaded; try again shortly.", retry_after_ms=1000)
        case CredentialRefused.code:
            return CredentialRefused("The provider refused the gateway's own credential; try another route.")
        case _:
            tell = "Backend error: the model may be cold starting, retry; no other deployment could stand in."
            return UpstreamError(tell, retry_after_ms=1000)


def decided(envelope: Envelope, route_id: str) -> Decision | None:
    """What `auto` chose, as it turned out: another than the first choice is a fallback."""
    if not envelope.HasField("decision"):
        return None
    decision = Decision()
    decision.CopyFrom(envelope.decision)
    if envelope.attempt:
        decision.reason, decision.model = "fallback", route_id
    return decision
