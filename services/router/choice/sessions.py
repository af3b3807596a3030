"""What is remembered of conversations, within bounds: where they were last answered and how much they asked for."""

from collections import OrderedDict
from dataclasses import dataclass

from libs.catalog.abilities import Optimize
from services.router.classifier.tasks import COMPLEXITIES, Classified, Complexity

CACHE_S = 300.0  # for so long a provider keeps the beginning of a prompt; for so long nothing hard is forgotten
_IDLE_S = 3_600.0
_MOST = 20_000  # conversations; about a kilobyte each
_EASIER_TURNS = 2

Key = tuple[str, str]
"""Account and session."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """A conversation after a decision. `prefix_tokens` of it may be cached where `route_id` runs.

    `meant` is its last turn that said something; `hardest` the hardest of late, `easier` how many easier ones since.
    """

    route_id: str
    prefix_tokens: int
    at_s: float
    optimize: Optimize
    meant: Classified
    hardest: Classified
    easier: int


class Sessions:
    """The latest conversations of this process; the longest silent are forgotten first."""

    def __init__(self, most: int = _MOST) -> None:
        self._kept: OrderedDict[Key, Remembered] = OrderedDict()
        self._most = most

    def get(self, key: Key | None, now_s: float) -> Remembered | None:
        """None where there is none, or it is too long ago to count."""
        found = self._kept.get(key) if key else None
        return found if found is not None and now_s - found.at_s < _IDLE_S else None

    def put(self, key: Key, remembered: Remembered) -> None:
        self._kept[key] = remembered
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)


def carried(before: Remembered | None, meant: Classified, now_s: float) -> tuple[Classified, int]:
    """The hardest turn that still counts, and how many easier ones since.

    It rises at once; it falls when the cache is cold anyway, or at the second easier turn in a row.
    """
    if before is None or now_s - before.at_s >= CACHE_S or _rank(meant) >= _rank(before.hardest):
        return meant, 0
    easier = before.easier + 1
    return (meant, 0) if easier >= _EASIER_TURNS else (before.hardest, easier)


def _rank(found: Classified) -> int:
    return _RANKS[found.complexity]


_RANKS: dict[Complexity, int] = {complexity: rank for rank, complexity in enumerate(COMPLEXITIES)}
