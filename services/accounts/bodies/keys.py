"""What may be said of a key: the bodies of POST and PATCH, and of a rotation."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationInfo

from libs.auth.records import OptimizeMode
from libs.catalog.model import Catalog, Tier
from services.accounts.bodies.places import JURISDICTIONS
from services.accounts.bodies.reading import Amount, Body, Name, Names, one_of, refuse

CATALOG: Final = "catalog"  # the name of the context that bodies are read with
TIERS: Final = tuple(tier.value for tier in Tier)
MODES: Final = tuple(mode.value for mode in OptimizeMode)

_LAST_SECOND: Final = 253_402_300_799  # of the year 9999
_DAY_S: Final = 86_400
_MOST_RPM: Final = 1_000_000
_MOST_TPM: Final = 1_000_000_000
_MOST_AT_ONCE: Final = 10_000


def _tiers(values: list[str]) -> list[str]:
    unknown = [value for value in values if value not in TIERS]
    if unknown or not values:
        raise refuse(f"must list one or more of {', '.join(TIERS)}")
    return values


def _residency(values: list[str] | None) -> list[str] | None:
    if any(value not in JURISDICTIONS for value in values or ()):
        raise refuse('must list jurisdictions by their two capital letters (ISO 3166-1), such as ["CA"], or EU')
    return values


def _pool(values: list[str] | None, info: ValidationInfo) -> list[str] | None:
    catalog: Catalog = (info.context or {})[CATALOG]
    if any(catalog.route(value) is None and not catalog.by_native_id(value) for value in values or ()):
        raise refuse("must list ids of GET /v1/models; at least one of these is not there")
    return values


def _moment(value: Any) -> Any:
    """Unix seconds are a moment too."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= _LAST_SECOND:
            raise refuse("must be a time: RFC 3339 with a zone, or Unix seconds")
        return datetime.fromtimestamp(value, UTC).isoformat()
    return value


def _utc(value: datetime | None) -> datetime | None:
    try:
        return None if value is None else value.astimezone(UTC)
    except OverflowError:
        raise refuse("must be a time between the years 1 and 9999") from None


Tiers = Annotated[Names, AfterValidator(_tiers)]
Residency = Annotated[Names | None, AfterValidator(_residency)]
Pool = Annotated[Names | None, AfterValidator(_pool)]
Moment = Annotated[
    # Not strict: a string is how JSON says a time.
    Annotated[AwareDatetime, Field(strict=False)] | None, BeforeValidator(_moment), AfterValidator(_utc)
]


class LimitsBody(Body):
    """`rate_limits`; null takes a limit away."""

    rpm: Annotated[int, Field(ge=1, le=_MOST_RPM)] | None = None
    tpm: Annotated[int, Field(ge=1, le=_MOST_TPM)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=_MOST_AT_ONCE)] | None = None


class KeyBody(Body):
    """POST and PATCH of a key. Null takes a restriction away, where it may."""

    name: Name = "API key"
    allowed_tiers: Tiers = Field(default_factory=list)
    residency: Residency = None
    model_pool: Pool = None
    optimize_mode: Annotated[str, AfterValidator(one_of(lambda: MODES))] = OptimizeMode.BALANCED.value
    byok: bool = False
    max_spend_per_day: Amount | None = None
    rate_limits: LimitsBody | None = None
    expires_at: Moment = None

    def changes(self) -> Mapping[str, Any]:
        """The members that were sent, as fields of a KeyRecord; `rate_limits` apart."""
        found: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set if name != "rate_limits"}
        for name in ("allowed_tiers", "residency", "model_pool"):
            if name in found:
                found[name] = tuple(found[name] or ())
        if "optimize_mode" in found:
            found["optimize_mode"] = OptimizeMode(found["optimize_mode"])
        return found

    def limits(self) -> Mapping[str, int | None]:
        """The limits that were sent; all of them where null was sent for the whole."""
        if not self.given("rate_limits"):
            return {}
        if self.rate_limits is None:
            return dict.fromkeys(LimitsBody.model_fields)
        return {name: getattr(self.rate_limits, name) for name in self.rate_limits.model_fields_set}


class RotationBody(Body):
    """POST /api/keys/{id}/rotate."""

    overlap_s: Annotated[int, Field(ge=0, le=30 * _DAY_S)] = _DAY_S
