"""What a model takes, what its answer calls the model and what a failure may say: pure."""

from collections.abc import Mapping

from libs.catalog.model import Route
from libs.dialects.models import ModelFlags

_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-amz-security-token"})
_SECRET_LENGTH = 8  # shorter ones are words such as `sandbox`


def is_claude(route: Route) -> bool:
    """Whether Anthropic's own format reaches the model, on whatever platform it runs."""
    return route.family.startswith("claude") or route.owner == "anthropic"


def flags_of(route: Route, *, legacy_max_tokens: bool = False) -> ModelFlags:
    """What the catalogue knows of a route's model, as the writers of requests want it."""
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
