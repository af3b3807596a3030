"""Values that are made by the hundred for one request."""

import dataclasses
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def value(cls: type[T]) -> type[T]:
    """A data class of named members with slots, frozen to mypy alone: freezing makes it two to four times as dear."""
    return dataclasses.dataclass(kw_only=True, slots=True, unsafe_hash=True)(cls)
