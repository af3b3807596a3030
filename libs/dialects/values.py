"""`dataclass` for values that are made by the hundred for one request: frozen to mypy, and at run time not."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def dataclass(*, frozen: bool, kw_only: bool, slots: bool) -> Callable[[type[T]], type[T]]:
    """As dataclasses', whose freezing makes a value two to four times as dear to build. All else is the same."""
    return dataclasses.dataclass(kw_only=kw_only, slots=slots, unsafe_hash=frozen)
