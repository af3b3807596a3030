"""What is known of a route before any request: abilities by task, prices in dollars a token, limits, assumed speed."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.catalog.abilities import Abilities, Ability, Group
from libs.catalog.families import plain
from libs.catalog.model import Capabilities, Catalog, RateCard, Rates, Route, Tier
from services.router.classifier.tasks import TASKS, Task

GROUP_OF: Mapping[Task, Group] = {
    Task.CODE_GENERATION: Group.CODE,
    Task.CODE_REVIEW: Group.CODE,
    Task.MATH: Group.MATH,
    Task.REASONING: Group.REASONING,
    Task.ANALYSIS: Group.REASONING,
    Task.QUESTION_ANSWERING: Group.QUESTIONS,
    Task.DOCUMENT_QA: Group.QUESTIONS,
    Task.CREATIVE_WRITING: Group.WRITING,
    Task.CONTENT_WRITING: Group.WRITING,
    Task.BRAINSTORMING: Group.WRITING,
    Task.SUMMARIZATION: Group.TRANSFORMING,
    Task.TRANSLATION: Group.TRANSFORMING,
    Task.REWRITING: Group.TRANSFORMING,
    Task.CLASSIFICATION: Group.TRANSFORMING,
    Task.EXTRACTION: Group.TRANSFORMING,
    Task.CONVERSATION: Group.CHAT,
}

# What a request may need, a bit each; `Known.can` says which of them a route gives.
IMAGES, AUDIO, TOOLS, SCHEMA, PRICED = 1, 2, 4, 8, 16

_A_MILLION_NANO = 1e15  # nano-units for a million tokens, in one unit for one token
_USD, _CAD = "USD", "CAD"
# Entering where a native id would enter counts for this much utility: about a fifth of the price in the balanced mode,
# a fifteenth in the cheapest. It settles what is nearly even, as the default order of tiers does for a named model.
_AT_HOME = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """Dollars a token; `image` a piece."""

    input: float
    cached: float
    output: float
    image: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """One route. `able` is in the order of TASKS, `average` over them; `model` names it and its sisters."""

    route: Route
    model: str
    can: int
    window: int
    most_output: int
    able: tuple[float, ...]
    average: float
    long_context: float
    worth: float
    prices: Prices
    long_prices: Prices
    long_above: int
    first_byte_ms: float
    token_ms: float
    verbosity: float
    bonus: float


def knowledge(catalog: Catalog, abilities: Abilities) -> dict[str, Known]:
    """Of every route of a catalogue, by its id."""
    return {route_id: _known(catalog, route, abilities.of(route)) for route_id, route in catalog.routes.items()}


def _known(catalog: Catalog, route: Route, ability: Ability) -> Known:
    able = tuple(ability.scores[GROUP_OF[task]] for task in TASKS)
    card = catalog.card_of(route)
    in_usd = _in_usd(catalog, card)
    return Known(
        route=route,
        model=route.native_ids[0] if route.native_ids else plain(route.model),
        can=_can(route.capabilities) | (PRICED if in_usd else 0),
        window=route.capabilities.context_window,
        most_output=route.capabilities.max_output_tokens,
        able=able,
        average=sum(able) / len(able),
        long_context=ability.scores[Group.LONG_CONTEXT],
        worth=ability.worth,
        prices=_prices(card.rates, in_usd),
        long_prices=_prices(card.long_rates or card.rates, in_usd),
        long_above=card.long_above if card.long_rates else route.capabilities.context_window,
        first_byte_ms=ability.first_byte_ms,
        token_ms=1000 / ability.tokens_per_s,
        verbosity=ability.verbosity,
        bonus=0.0 if route.tier is Tier.PROVIDER_API else _AT_HOME,
    )


def _can(capabilities: Capabilities) -> int:
    found = IMAGES if capabilities.supports_vision else 0
    found |= AUDIO if "audio" in capabilities.modalities else 0
    found |= TOOLS if capabilities.supports_function_calling else 0
    return found | (SCHEMA if capabilities.structured_outputs else 0)


def _in_usd(catalog: Catalog, card: RateCard) -> float:
    """What a unit of a card's currency is worth in dollars, by the latest rates of the catalogue; 0: not known."""
    if card.currency == _USD:
        return 1.0
    rates = catalog.terms.exchange
    dollar = rates[_USD][-1].factor if _USD in rates else 0
    if not dollar:
        return 0.0
    if card.currency == _CAD:
        return 1e9 / dollar
    return rates[card.currency][-1].factor / dollar if card.currency in rates else 0.0


def _prices(rates: Rates, in_usd: float) -> Prices:
    each = in_usd / _A_MILLION_NANO
    return Prices(
        input=rates.input * each,
        cached=rates.cache_read * each,
        output=rates.output * each,
        image=rates.image * in_usd / 1e9,
    )
