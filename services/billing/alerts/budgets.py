"""When an account is told of its budget: decided from what it has spent and what it was told before; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import orjson


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """Of one account in one month, in nano-units. `thresholds`: percent of the budget."""

    month: str
    spent_nano: int
    budget_nano: int
    thresholds: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """The highest threshold that was told, of which budget and month."""

    month: str = ""
    budget_nano: int = 0
    percent: int = 0

    def encoded(self) -> bytes:
        return orjson.dumps({"month": self.month, "budget_nano": self.budget_nano, "percent": self.percent})

    @classmethod
    def decoded(cls, value: bytes) -> Self:
        """Nothing was said, where the value cannot be read: told twice is better than never."""
        try:
            found = orjson.loads(value)
            return cls(month=found["month"], budget_nano=found["budget_nano"], percent=found["percent"])
        except (ValueError, KeyError, TypeError):
            return cls()


def due(said: Said, now: Spending) -> int | None:
    """The threshold to tell of, the highest one reached: each once in a month, until the budget is another one."""
    if now.budget_nano <= 0:
        return None  # nothing may be spent, so nothing is on its way anywhere
    before = said.percent if (said.month, said.budget_nano) == (now.month, now.budget_nano) else 0
    reached = [each for each in now.thresholds if now.spent_nano * 100 >= now.budget_nano * each]
    highest = max(reached, default=0)
    return highest if highest > before else None


def told(now: Spending, percent: int) -> Said:
    """What stands on record once it was."""
    return Said(month=now.month, budget_nano=now.budget_nano, percent=percent)
