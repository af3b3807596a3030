"""What a route is worth to a request: fit, less what it costs, less how long it takes, each on a scale of its own.

No scale looks at the other candidates, so that one more of them changes nothing between the rest.
"""

from collections.abc import Mapping
from math import log10
from typing import NamedTuple

from libs.catalog.abilities import Optimize, Weights
from services.router.choice.asking import Asked
from services.router.choice.judging import Judged
from services.router.choice.known import Known
from services.router.choice.live import Live
from services.router.classifier.tasks import TASKS

Feedback = Mapping[tuple[str, str], tuple[float, float]]
"""How often an account was content and was not, by route id and task."""

LONG = 32_000  # tokens of a prompt; from here on ability in long contexts counts as much as that in the task

_CHEAPEST_USD, _COST_DECADES = 1e-5, 3.5
_FASTEST_MS, _LATENCY_DECADES = 100.0, 2.0


class Scored(NamedTuple):
    """In its natural order the best comes first, and what is even is told apart by its id."""

    loss: float  # the utility with its sign changed
    route_id: str
    known: Known
    fit: float
    usd: float
    ms: float


def score(
    known: Known,
    asked: Asked,
    judged: Judged,
    weights: Weights,
    live: Live,
    able: float,
    warm_tokens: int = 0,
    advantage: float = 0.0,
) -> Scored:
    """`able`: how often the route does the task well; `warm_tokens` of the prompt are cached where it runs."""
    prompt = asked.prompt_tokens
    if prompt > LONG:
        able = (able + known.long_context) / 2
    odds = able * judged.ease
    fit = live.reliable * odds / (odds + 1.0 - able)
    output = judged.output_tokens * known.verbosity
    if 0 < asked.max_tokens < output:
        output = asked.max_tokens
    prices = known.long_prices if prompt > known.long_above else known.prices
    usd = prompt * prices.input + output * asked.answers * prices.output
    if warm_tokens:
        usd -= warm_tokens * (prices.input - prices.cached)
    if asked.images:
        usd += asked.images * prices.image
    ms = _expected_ms(known, asked, output, live)
    utility = fit + known.bonus + advantage
    if usd > _CHEAPEST_USD:
        utility -= weights.cost * min(1.0, log10(usd / _CHEAPEST_USD) / _COST_DECADES)
    if ms > _FASTEST_MS:
        utility -= weights.latency * min(1.0, log10(ms / _FASTEST_MS) / _LATENCY_DECADES)
    return Scored(-utility, known.route.route_id, known, fit, usd, ms)


def ability(known: Known, judged: Judged) -> float:
    """The catalogue's, over all that the task may be."""
    able = judged.rest * known.average
    for at, share in judged.shares:
        able += share * known.able[at]
    return able


def rated(known: Known, judged: Judged, feedback: Feedback, siblings: Mapping[str, tuple[str, ...]]) -> float:
    """The same as ratings have moved it: those of a model's every deployment, shrunk to the catalogue's counts."""
    able = judged.rest * known.average
    for at, share in judged.shares:
        good = bad = 0.0
        for route_id in siblings[known.model]:
            counts = feedback.get((route_id, TASKS[at].value))
            if counts is not None:
                good, bad = good + counts[0], bad + counts[1]
        able += share * (known.worth * known.able[at] + good) / (known.worth + good + bad)
    return able


def _expected_ms(known: Known, asked: Asked, output: float, live: Live) -> float:
    """Until the first byte of a stream, else until all is there: live figures as far as there are calls enough.

    The slow ones where latency is what counts.
    """
    expected = known.first_byte_ms
    slow = asked.optimize is Optimize.LATENCY
    if asked.stream:
        figure = live.slow_first_byte_ms if slow else live.first_byte_ms
    else:
        expected += output * known.token_ms
        figure = live.slow_total_ms if slow else live.total_ms
    return expected + live.seen * (figure - expected) if figure else expected
