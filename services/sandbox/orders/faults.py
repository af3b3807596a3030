"""Faults ordered over HTTP: directives for the next requests that fit, kept in order."""

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.sandbox.orders.directives import Directive


class Fault(BaseModel):
    """For requests whose path contains `path_contains` and whose model is `model`; empty: any.

    `times` None: until deleted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path_contains: str = ""
    model: str = ""
    times: int | None = Field(default=None, ge=1)
    directive: str

    @field_validator("directive")
    @classmethod
    def _readable(cls, value: str) -> str:
        Directive.parse(value)
        return value


@dataclass(frozen=True, kw_only=True)
class _Standing:
    fault: Fault
    directive: Directive
    left: int | None


@dataclass(kw_only=True)
class Faults:
    """The standing faults; the first that fits is used."""

    _standing: list[_Standing] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        directive = Directive.parse(fault.directive)
        self._standing.append(_Standing(fault=fault, directive=directive, left=fault.times))

    def clear(self) -> None:
        self._standing.clear()

    def shown(self) -> list[dict[str, Any]]:
        return [{**standing.fault.model_dump(), "times": standing.left} for standing in self._standing]

    def take(self, path: str, model: str) -> Directive | None:
        """The directive for this request; one that was ordered for n requests counts down."""
        for i, standing in enumerate(self._standing):
            fault = standing.fault
            if fault.path_contains not in path or fault.model not in {"", model}:
                continue
            if standing.left == 1:
                del self._standing[i]
            elif standing.left is not None:
                self._standing[i] = replace(standing, left=standing.left - 1)
            return standing.directive
        return None
