"""What one entry of the catalogue's TOML files may say: types, patterns and bounds of single fields."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.catalog.model import Evidence, Sampling, Scope, Thinking, Tier, Wire

# Much of this ends up in headers: visible ASCII, nothing else.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]  # stands in a subject of the bus
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$")]
Words = Annotated[str, Field(pattern=r"^[!-~]([ -~]{0,298}[!-~])?$")]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
Host = Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9:]([a-z0-9.:-]{0,252}[a-z0-9])?$")]
Jurisdiction = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Place = Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")]
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,9})?$")]
Percent = Annotated[str, Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,7})?$")]  # a hundredth of it has nine decimals
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
ServiceTierName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
Tokens = Annotated[int, Field(gt=0, le=1_000_000_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _compiles(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"it is not a regular expression ({error})") from error
    return text


def _more_than_nothing(text: str) -> str:
    if not text.strip("0."):
        raise ValueError("it must be more than nothing")
    return text


Factor = Annotated[Amount, AfterValidator(_more_than_nothing)]
Pattern = Annotated[str, Field(pattern=r"^[ -~]{1,100}$"), AfterValidator(_compiles)]
# TOML knows lists and strings only, so these two kinds are read from them.
Hosts = Annotated[tuple[Host, ...], Field(strict=False)]
Ids = Annotated[tuple[Id, ...], Field(strict=False)]


class Entry(BaseModel):
    """Strict: a value of another type, or a field nobody knows, is a mistake to be told."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class EgressEntry(Entry):
    """`[[egress]]`."""

    name: Name
    provider: Words
    wire: Annotated[Wire, Field(strict=False)]
    region: Name
    jurisdiction: Jurisdiction
    base_url: Annotated[str, Field(pattern=r"^(https?://[!-~]{1,300})?$")]
    base_path: Annotated[str, Field(pattern=r"^(/[!-~]{1,100})?$")] = ""
    declared_hosts: Hosts = ()
    base_url_env: Variable
    api_key_env: Variable | None = None
    credentials: Annotated[
        tuple[Annotated[tuple[Variable, ...], Field(strict=False, min_length=1)], ...],
        Field(strict=False, min_length=1),
    ]
    optional_env: Annotated[tuple[Variable, ...], Field(strict=False)] = ()
    sandbox_path: Annotated[str, Field(pattern=r"^/[a-z0-9/_.-]{1,100}$")]
    source: Words
    checked: date


class LimitsEntry(Entry):
    """`limits` of a model or route: what is not given keeps its default."""

    connect_s: Seconds | None = None
    first_event_s: Seconds | None = None
    whole_s: Seconds | None = None
    between_bytes_s: Seconds | None = None
    stream_s: Seconds | None = None


class CapabilitiesEntry(Entry):
    """`capabilities` of a route: single values that differ from the family's."""

    supports_vision: bool | None = None
    modalities: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)] | None = None
    context_window: Tokens | None = None
    max_output_tokens: Tokens | None = None
    supports_function_calling: bool | None = None
    supports_streaming: bool | None = None
    supports_reasoning: bool | None = None
    sampling: Annotated[Sampling, Field(strict=False)] | None = None
    thinking: Annotated[Thinking, Field(strict=False)] | None = None
    structured_outputs: bool | None = None
    prefill: bool | None = None
    default_max_tokens: Tokens | None = None
    always_thinks: bool | None = None
    least_thinking: Tokens | None = None
    cache_points: bool | None = None


class ModelEntry(Entry):
    """`[[model]]`: a family of models."""

    family: Id
    owner: Words
    patterns: Annotated[tuple[Pattern, ...], Field(strict=False)] = ()
    supports_vision: bool
    modalities: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    context_window: Tokens
    max_output_tokens: Tokens
    supports_function_calling: bool
    supports_streaming: bool
    supports_reasoning: bool
    sampling: Annotated[Sampling, Field(strict=False)]
    thinking: Annotated[Thinking, Field(strict=False)]
    structured_outputs: bool
    prefill: bool
    default_max_tokens: Tokens
    always_thinks: bool = False
    least_thinking: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    cache_points: bool = False
    limits: LimitsEntry = LimitsEntry()
    retires: date | None = None
    source: Words
    checked: date


class LongEntry(Entry):
    """`long` of a price: the rates of a prompt above a length."""

    above: Tokens
    input: Amount
    cache_read: Amount | None = None
    cache_write_5m: Amount | None = None
    cache_write_1h: Amount | None = None
    output: Amount


class ServiceTierEntry(Entry):
    """One of `tiers` of a price: a multiple of its rates, or the rates of another card."""

    multiplier: Factor | None = None
    card: Id | None = None


class PriceEntry(Entry):
    """`[[price]]`: one rate card."""

    id: Id
    currency: Currency
    input: Amount
    cache_read: Amount | None = None
    cache_write_5m: Amount | None = None
    cache_write_1h: Amount | None = None
    output: Amount
    image: Amount | None = None
    image_tokens: Tokens | None = None
    long: LongEntry | None = None
    tiers: dict[ServiceTierName, ServiceTierEntry] = Field(default={})
    effective: date = Field(alias="from")
    source: Words
    checked: date
    verified: bool = True


class RouteEntry(Entry):
    """`[[route]]`."""

    id: Id
    egress: Name
    model: Id
    family: Id
    tier: Annotated[Tier, Field(strict=False)]
    processing: Annotated[tuple[Place, ...], Field(strict=False)]
    processing_regions: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    scope: Annotated[Scope, Field(strict=False)] | None = None
    evidence: Annotated[Evidence, Field(strict=False)]
    native_ids: Ids = ()
    rate_card: Id
    limits: LimitsEntry = LimitsEntry()
    capabilities: CapabilitiesEntry = CapabilitiesEntry()
    created: date
    source: Words
    checked: date


class MarkupEntry(Entry):
    """`[[markup]]`: what is added to a provider's price, in one tier or on one route."""

    tier: Annotated[Tier, Field(strict=False)] | None = None
    route: Id | None = None
    percent: Percent
    fixed_per_request: Amount = "0"
    effective: date = Field(alias="from")
    source: Words


class RoutingFeeEntry(Entry):
    """`[[byok]]`: all that a call by the caller's own credentials costs."""

    percent: Percent
    fixed_per_request: Amount = "0"
    effective: date = Field(alias="from")
    source: Words


class ExchangeRateEntry(Entry):
    """`[[rate]]`: what one unit of `from` is worth in `to` from a day on."""

    base: Currency = Field(alias="from")
    quote: Currency = Field(alias="to")
    rate: Factor
    day: date = Field(alias="date")
    source: Words
    verified: bool = True
