"""What a route must be able to do to be considered at all: never weighed against anything, never left silently."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from libs.contracts.errors import NoEligibleModel, NorthernError, Overloaded
from services.router.choice.asking import Asked
from services.router.choice.known import AUDIO, IMAGES, PRICED, SCHEMA, TOOLS, Known
from services.router.choice.live import Live

_BREAKER_MS = 15_000


class Filter(StrEnum):
    """Stable names: refusals and the dry run say them."""

    MODALITY = "modality"
    TOOLS = "tools"
    SCHEMA = "schema"
    CONTEXT = "context"
    OUTPUT = "output"
    PRICE = "price"
    BREAKER = "breaker"


# What a filter is about, and the member of the body that is at fault.
_ABOUT = {
    Filter.MODALITY: ("take no images or no sound", "messages"),
    Filter.TOOLS: ("call no tools", "tools"),
    Filter.SCHEMA: ("keep to no JSON schema", "response_format"),
    Filter.CONTEXT: ("have too small a context window", "messages"),
    Filter.OUTPUT: ("write less than max_tokens", "max_tokens"),
    Filter.PRICE: ("have no known price", "model"),
    Filter.BREAKER: ("are failing right now", "model"),
}


def fails(known: Known, asked: Asked, output_tokens: float, live: Live) -> Filter | None:
    """The first filter that a route does not pass; None: it may be chosen. The breaker comes last."""
    if lacking := asked.needs & ~known.can:
        return _lacked(lacking)
    if asked.max_tokens > known.most_output:
        return Filter.OUTPUT
    if asked.prompt_tokens + (asked.max_tokens or output_tokens) > known.window:
        return Filter.CONTEXT
    if live.open:
        return Filter.BREAKER
    return None


def _lacked(lacking: int) -> Filter:
    if lacking & (IMAGES | AUDIO):
        return Filter.MODALITY
    if lacking & TOOLS:
        return Filter.TOOLS
    if lacking & SCHEMA:
        return Filter.SCHEMA
    assert lacking == PRICED
    return Filter.PRICE


def none_left(failed: Iterable[Filter], *, pooled: bool) -> NorthernError:
    """Why there is nothing to choose from. What fails for the moment is no fault of the request: try again."""
    counts = Counter(failed)
    if Filter.BREAKER in counts:
        return Overloaded(
            "every model that could answer this request is failing right now (filter: breaker); try again in a moment",
            retry_after_ms=_BREAKER_MS,
        )
    if not counts:
        return NoEligibleModel(
            "no model is left to choose from: the filters are the pool, the key's tiers and the residency. "
            "Widen `routing.model_pool`, or use a key that allows more.",
            param="routing.model_pool" if pooled else "model",
        )
    reasons = "; ".join(f"{name}: {counts[name]} {_ABOUT[name][0]}" for name in Filter if name in counts)
    widen = "Widen `routing.model_pool`, or change" if pooled else "Change"
    param = _ABOUT[next(iter(counts))][1] if len(counts) == 1 else ("routing.model_pool" if pooled else "model")
    return NoEligibleModel(
        f"no model is left after the filters ({reasons}, of {counts.total()}). {widen} what the request asks for.",
        param=param,
    )
