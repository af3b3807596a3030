"""The values of the catalogue: ways out, routes, what their models can do, where they run and what they cost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from libs.catalog.billing.terms import Terms

IMAGE_TOKENS = 10_000  # the largest image of the models known (10,000 patches); the bound where a card gives none
ANYWHERE = "*"  # processing jurisdiction of a profile that the provider may run wherever it likes


class Tier(StrEnum):
    """How a request is entrusted. In the order in which a native model id looks for a deployment."""

    MANAGED_CANADIAN_CLOUD = "managed_canadian_cloud"
    SELF_HOSTED = "self_hosted"
    PROVIDER_API = "provider_api"


class Evidence(StrEnum):
    """What a claim about the processing region rests on, weakest first."""

    ASSERTED = "asserted"
    CONTRACTED = "contracted"
    OBSERVED = "observed"  # only ever stated by a worker, about one answer


class Scope(StrEnum):
    """How far a deployment's SKU or inference profile lets the provider carry a call, by its own rules."""

    REGIONAL = "regional"  # the region that is dialled: a bare model on Bedrock, Azure's Standard, a region of Vertex
    GEOGRAPHY = "geography"  # regions of one geography: Bedrock's `us.`, Azure's DataZone, Vertex's `us`
    GLOBAL = "global"  # any region of the provider: Bedrock's `global.`, Azure's Global, Vertex's `global`
    OWN = "own"  # machines of the operator
    UNSTATED = "unstated"


class Wire(StrEnum):
    """The format spoken on an egress."""

    OPENAI = "openai"
    AZURE = "azure"
    BEDROCK = "bedrock"
    ANTHROPIC = "anthropic"
    VERTEX = "vertex"


class Sampling(StrEnum):
    """Which of temperature and top_p a model takes: neither, one of them at a time, or both."""

    NONE = "none"
    ONE = "one"
    BOTH = "both"


class Thinking(StrEnum):
    """How a model is asked to think: not at all, by a token budget, of its own accord, by a level, or by an effort."""

    NONE = "none"
    BUDGET = "budget"  # Claude up to 4.5, Gemini 2.5
    ADAPTIVE = "adaptive"  # Claude from 4.6
    LEVEL = "level"  # Gemini 3
    EFFORT = "effort"  # OpenAI's reasoning models


@dataclass(frozen=True, kw_only=True)
class Egress:
    """A named way out. `region` and `jurisdiction` are those of the endpoint that is dialled, not of the processing.

    `base_url` is empty where only the operator knows it. `credentials` lists alternatives, each a set of environment
    variables that must all be there. `declared_hosts` are further hosts for which the region claim holds when
    `base_url_env` names one of them. A host `*.x` stands for every name below x.
    """

    name: str
    provider: str
    wire: Wire
    region: str
    jurisdiction: str
    base_url: str
    base_path: str  # goes behind what base_url_env holds, where that is a bare origin
    declared_hosts: tuple[str, ...]
    base_url_env: str
    api_key_env: str  # empty: the provider's own signing
    credentials: tuple[tuple[str, ...], ...]
    optional_env: tuple[str, ...]
    sandbox_path: str
    source: str
    checked: date


@dataclass(frozen=True, kw_only=True)
class Processing:
    """Where the model may run: jurisdictions (`("*",)`: anywhere; empty: unknown), regions where they are known."""

    jurisdictions: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    scope: Scope = Scope.UNSTATED
    evidence: Evidence = Evidence.ASSERTED


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a model takes and gives. `default_max_tokens` is for providers that insist on a limit nobody gave.

    `thinking`: how it is asked for. `structured_outputs`: JSON schemas are kept to by the provider. `prefill`: the last
    message may be the assistant's. `always_thinks`: it cannot be switched off. `least_thinking`: its smallest budget in
    tokens. `cache_points`: on Converse it takes marks of what to cache.
    """

    supports_vision: bool
    modalities: tuple[str, ...]
    context_window: int
    max_output_tokens: int
    supports_function_calling: bool
    supports_streaming: bool
    supports_reasoning: bool
    sampling: Sampling
    thinking: Thinking
    structured_outputs: bool
    prefill: bool
    default_max_tokens: int
    always_thinks: bool = False
    least_thinking: int = 0
    cache_points: bool = False


@dataclass(frozen=True, kw_only=True)
class Family:
    """Models that take and give the same. `patterns` are searched in a model's plain name; see families.py."""

    name: str
    owner: str
    patterns: tuple[re.Pattern[str], ...]
    capabilities: Capabilities
    retires: date | None
    source: str
    checked: date


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a worker waits, in seconds."""

    connect_s: float = 5
    first_event_s: float = 120
    whole_s: float = 600
    between_bytes_s: float = 60
    stream_s: float = 3600


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Prices in nano-units of the card's currency for a million tokens of each disjoint bucket; `image`: for one image.

    Nearly every vendor counts images as tokens: then `image` is 0.
    """

    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    image: int = 0


@dataclass(frozen=True, kw_only=True)
class ServiceTier:
    """What a call costs that the vendor says it served in this tier: `multiplier` / 10⁹ times the rates of `card`.

    `card` is empty where they are those of the card that lists the tier.
    """

    multiplier: int
    card: str


@dataclass(frozen=True, kw_only=True)
class RateCard:
    """A dated price. Where a prompt has more than `long_above` tokens (0: never), `long_rates` hold for all of it.

    `tiers`: by the vendor's name in lower case; a tier that is not listed costs what the card says. `image_tokens`:
    more than one image can come to, for holds alone.
    """

    id: str
    currency: str
    rates: Rates
    long_above: int
    long_rates: Rates | None
    effective: date
    source: str
    checked: date
    verified: bool  # False: from memory or a third party; to be compared with the vendor's page
    tiers: Mapping[str, ServiceTier] = field(default_factory=dict)
    image_tokens: int = IMAGE_TOKENS


@dataclass(frozen=True, kw_only=True)
class Route:
    """One callable deployment. `suffix` is the jurisdiction that ends its id, in lower case; empty where none does."""

    route_id: str
    suffix: str
    egress: str
    model: str
    family: str
    owner: str
    tier: Tier
    processing: Processing
    capabilities: Capabilities
    limits: Limits
    rate_card: str
    native_ids: tuple[str, ...]
    created: int  # Unix seconds
    source: str
    checked: date


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything, as checked at start. `digest` is the SHA-256 over the files it was read from, in hex."""

    families: Mapping[str, Family]
    routes: Mapping[str, Route]
    egresses: Mapping[str, Egress]
    rate_cards: Mapping[str, RateCard]
    native: Mapping[str, tuple[Route, ...]]
    terms: Terms
    digest: str

    def route(self, route_id: str) -> Route | None:
        """The route with exactly this id."""
        return self.routes.get(route_id)

    def by_native_id(self, native_id: str) -> tuple[Route, ...]:
        """Every deployment of a model under its maker's own id, in the files' order."""
        return self.native.get(native_id, ())

    def egress_of(self, route: Route) -> Egress:
        """The way out of a route; loading proved that there is one."""
        return self.egresses[route.egress]

    def card_of(self, route: Route) -> RateCard:
        """The price of a route; loading proved that there is one."""
        return self.rate_cards[route.rate_card]
