"""Single values of an upstream catalogue in our words: prices exactly, counts believably, nothing that is not said."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException
from typing import Any

_NANO = Decimal("0.000000001")  # what a rate card can tell apart, for a million tokens
_DEAREST = Decimal(
    10_000
)  # for a million tokens; nothing on sale comes near, and a price per token put wrongly is above
_LONGEST_CONTEXT = 100_000_000


class Refused(ValueError):
    """One entry is of no use; the message says why."""


def long_prompts(prices: Mapping[str, str], above: object) -> dict[str, Any]:
    """The dearer prices of long prompts, where the two that every call needs are known."""
    return {"long": {"above": above, **prices}} if {"input", "output"} <= prices.keys() else {}


def inner(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within; empty where there is none."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def flags(**said: object) -> dict[str, bool]:
    """What is said to be so or not so; everything else is left out."""
    return {name: flag for name, flag in said.items() if isinstance(flag, bool)}


def days(**said: object) -> dict[str, date]:
    """Whole days alone: `2026-05` and words leave the field out."""
    found: dict[str, date] = {}
    for name, day in said.items():
        if isinstance(day, str):
            try:
                found[name] = date.fromisoformat(day)
            except ValueError:
                continue
    return found


def tokens(context: object, output: object) -> dict[str, int]:
    """A limit of zero is upstream's way of not knowing; more output than context is cut to it."""
    found: dict[str, int] = {}
    for name, count in (("context_window", context), ("max_output_tokens", output)):
        if count is None or count == 0:
            continue
        if not isinstance(count, int) or isinstance(count, bool) or not 0 < count <= _LONGEST_CONTEXT:
            raise Refused(f"its {name} is not a believable number of tokens")
        found[name] = count
    if len(found) > 1:
        found["max_output_tokens"] = min(found.values())
    return found


def prices(fields: Mapping[str, Any], names: Mapping[str, str], times: Decimal, suffix: str = "") -> dict[str, str]:
    """Decimal strings for a million tokens; `names`: ours → theirs, with `suffix`; `times`: theirs to a million.

    Free is not believed: both prices nothing means that none is known, and so does a cache's.
    """
    given = {ours: fields.get(f"{theirs}{suffix}") for ours, theirs in names.items()}
    found = {name: _price(name, price, times) for name, price in given.items() if price is not None}
    if not found.get("input") and not found.get("output"):
        return {}
    return {name: f"{price.normalize():f}" for name, price in found.items() if price or name in {"input", "output"}}


def _price(name: str, price: object, times: Decimal) -> Decimal:
    if isinstance(price, bool) or not isinstance(price, int | Decimal):
        raise Refused(f"its price of {name} is not a number")
    try:
        exact = Decimal(price) * times
        if not 0 <= exact <= _DEAREST:
            raise Refused(f"its price of {name} is not between 0 and {_DEAREST} for a million tokens")
        return exact.quantize(_NANO, ROUND_HALF_EVEN)
    except DecimalException as error:
        raise Refused(f"its price of {name} is not a number that can be used") from error
