"""Which routes look most like a name that is none: by its words and by its letters, whoever's spelling it is."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from libs.catalog.families import plain
from libs.catalog.model import Route, Tier

_LONGEST = 256  # characters of a caller's own text that are looked at
_WORD = re.compile(r"[a-z]+|[0-9]+")
# What says nothing of which model is meant: marks of the clouds, of regions and of versions.
_EMPTY = frozenset(
    "bedrock vertex ai azure openai anthropic global us eu ca apac v latest default models model openrouter meta "
    "mistralai google amazon aws gcp preview chat".split()
)
_DATE = 8  # digits
_WORDS, _LETTERS, _WHOLE = 0.55, 0.35, 0.10  # what each likeness weighs; they add up to 1
_LOOKED_AT_TWICE = 8  # of the likest, letter by letter: that is what a slip of the finger leaves alone
_SPELT = 0.4  # what that weighs


@dataclass(frozen=True, slots=True)
class _Look:
    """A name as it is compared: the words that tell models apart, its letters three at a time, and all its words."""

    words: frozenset[str]
    letters: frozenset[str]
    whole: frozenset[str]
    spelt: str

    def like(self, other: "_Look") -> float:
        """From 0 to 1."""
        return (
            _WORDS * _overlap(self.words, other.words)
            + _LETTERS * _overlap(self.letters, other.letters)
            + _WHOLE * _overlap(self.whole, other.whole)
        )

    def spelt_like(self, other: "_Look") -> float:
        """The same, letters and digits in their order counted too."""
        spelling = SequenceMatcher(None, self.spelt, other.spelt, autojunk=False).ratio()
        return (1 - _SPELT) * self.like(other) + _SPELT * spelling


def by_likeness(name: str, routes: Iterable[Route]) -> list[tuple[float, Route]]:
    """The routes with how much each looks like `name`, the likest first; of equals the tier that is looked at first."""
    asked = _look(name[:_LONGEST])
    scored = _sorted([(max(asked.like(look) for look in _looks(_names(route))), route) for route in routes])
    first, rest = scored[:_LOOKED_AT_TWICE], scored[_LOOKED_AT_TWICE:]
    again = [(max(asked.spelt_like(look) for look in _looks(_names(route))), route) for _, route in first]
    return _sorted(again) + rest


def _sorted(scored: list[tuple[float, Route]]) -> list[tuple[float, Route]]:
    tiers = list(Tier)
    return sorted(scored, key=lambda each: (-round(each[0], 6), tiers.index(each[1].tier), each[1].route_id))


def _names(route: Route) -> tuple[str, ...]:
    return (route.route_id, plain(route.model), *route.native_ids)


@lru_cache(maxsize=4096)
def _looks(names: Sequence[str]) -> tuple[_Look, ...]:
    return tuple(_look(name) for name in names)


def _look(name: str) -> _Look:
    found = _WORD.findall(name.lower())
    telling = [word for word in found if word not in _EMPTY and len(word) != _DATE] or found
    # Letters with the words sorted: `claude-4.5-sonnet` and `claude-sonnet-4-5` are the same model.
    text = f" {' '.join(sorted(telling))} "
    letters = frozenset(text[at : at + 3] for at in range(len(text) - 2))
    return _Look(words=frozenset(telling), letters=letters, whole=frozenset(found), spelt="".join(telling))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice's coefficient."""
    both = len(one) + len(other)
    return 2 * len(one & other) / both if both else 0.0
