"""Aliases as they are looked for in an answer: from their first word on, the longest that stands there."""

import re
from bisect import bisect_left

from services.pii.restoring.folding import WORD

# What stands before the last digits of a number when somebody names a card by them.
CUE = re.compile(
    r"(?:\b(?:end(?:ing|s|ed)? (?:in|with)|last (?:four|4|three|3)(?: digits?)?(?: (?:is|are|of|were|being))?"
    r"|(?:se )?(?:termin(?:ant|e|ee|es)|finissant|finit) (?:par|en)"
    r"|(?:4|quatre|3|trois) derniers(?: chiffres?)?(?: (?:sont|est|etant))?)"
    r"|[*x\u2022.\u2026#]{2,})[^0-9a-z]{0,8}$"
)
CUE_REACH = 64
# Long aliases (a key in a file) are compared whole only where they begin alike.
LONG, HEAD = 256, 64


class Index:
    """Aliases by first word, all folded; what is needed of a first word is made when an answer first holds it."""

    __slots__ = ("_firsts", "_groups", "_seen", "endings", "heads", "spellings")

    def __init__(self, spellings: dict[str, dict[str, str]], endings: dict[str, str]) -> None:
        self.spellings = spellings
        self.endings = endings
        groups: dict[str, list[str]] = {}
        match = WORD.match
        for folded in spellings:
            first = match(folded)
            assert first is not None
            word = first.group()
            if word in groups:
                groups[word].append(folded)
            else:
                groups[word] = [folded]
        for digits in endings:
            groups.setdefault(digits, [])
        self._groups = groups
        self._firsts = sorted(groups)
        self.heads = {folded[:HEAD] for folded in spellings if len(folded) > LONG}
        self._seen: dict[str, tuple[int, ...]] = {}

    @property
    def size(self) -> int:
        """How many aliases there are."""
        return len(self.spellings) + len(self.endings)

    def lengths(self, word: str) -> tuple[int, ...] | None:
        """How long the aliases are that begin with this word, the longest first; none: no alias does."""
        found = self._seen.get(word)
        if found is None and (group := self._groups.get(word)) is not None:
            group.sort()
            found = self._seen[word] = tuple(sorted({len(folded) for folded in group}, reverse=True))
        return found

    def begins_word(self, tail: str) -> bool:
        """Whether the first word of an alias begins with the tail or is the tail."""
        at = bisect_left(self._firsts, tail)
        return at < len(self._firsts) and self._firsts[at].startswith(tail)

    def begins(self, word: str, tail: str) -> bool:
        """Whether an alias with this first word, whose lengths were asked for, begins with the tail or is it."""
        group = self._groups[word]
        at = bisect_left(group, tail)
        return at < len(group) and group[at].startswith(tail)
