"""The forms a substitute may come back in, each with the original in the same form, as one request collects them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from services.pii.restoring.folding import WORD, fold
from services.pii.restoring.index import Index

_OFFERS = 1000  # a list of thousands comes back as it was written; its other layouts would hold others up


@dataclass(slots=True)
class Aliases:
    """What one request substituted. An alias belongs to the first original that takes it; a later one may not."""

    _spellings: dict[str, dict[str, str]] = field(default_factory=dict)
    _offered: dict[str, dict[str, str] | None] = field(default_factory=dict)
    _later: list[Callable[[], Iterable[tuple[str, str]]]] = field(default_factory=list)
    _endings: dict[str, str] = field(default_factory=dict)

    def __contains__(self, folded: str) -> bool:
        return folded in self._spellings

    def spelled(self, folded: str, substitute: str) -> str | None:
        """The original that comes back for exactly this text, whose folded form is at hand."""
        known = self._spellings.get(folded)
        return None if known is None else known.get(substitute)

    def takes_ending(self, digits: str) -> bool:
        """Whether a number may still end in these digits."""
        return digits not in self._endings

    @property
    def endings(self) -> int:
        """How many numbers have an ending of their own."""
        return len(self._endings)

    def add(self, substitute: str, original: str) -> None:
        """Let `substitute` come back as `original`, in every case and with every kind of blank.

        A further spelling of an alias that is there (its case, its accents) gets its own original; the same spelling
        keeps the first. Signs that both have at their ends are left to the answer.
        """
        trimmed = _trimmed(substitute, original)
        if trimmed is not None:
            folded, substitute, original = trimmed
            self.add_word(folded, substitute, original)

    def add_word(self, folded: str, substitute: str, original: str) -> None:
        """The same for what begins and ends within a word, and is folded already."""
        known = self._spellings.get(folded)
        if known is None:
            self._spellings[folded] = {substitute: original}
        else:
            known.setdefault(substitute, original)

    def offer(self, forms: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """Aliases worth having only while they are clear: two originals for one text, and neither comes back for it.

        `forms` gives pairs of substitute and original, and is asked only when an answer is about to be restored.
        """
        if len(self._later) < _OFFERS:
            self._later.append(forms)

    def add_ending(self, substitute: str, original: str) -> None:
        """Let the last digits of a number come back where a cue ("ending in") stands before them."""
        self._endings.setdefault(substitute, original)

    def index(self, *, offers: bool = True) -> Index:
        """The aliases as they are now, ready to be searched; without `offers` only those that were added."""
        if not offers:
            return Index(self._spellings, self._endings)
        for forms in self._later:
            for substitute, original in forms():
                self._offer(substitute, original)
        self._later.clear()
        clear = {folded: offered for folded, offered in self._offered.items() if offered is not None}
        return Index(clear | self._spellings, self._endings)

    def _offer(self, substitute: str, original: str) -> None:
        trimmed = _trimmed(substitute, original)
        if trimmed is None:
            return
        folded, substitute, original = trimmed
        if folded not in self._offered:
            self._offered[folded] = {substitute: original}
            return
        known = self._offered[folded]
        if known is not None:
            first = next(iter(known.values()))
            if first != original and fold(first) != fold(original):
                self._offered[folded] = None
            else:
                known.setdefault(substitute, original)


def _trimmed(substitute: str, original: str) -> tuple[str, str, str] | None:
    """The folded alias, its text and its original without the signs that both have at their ends."""
    folded = fold(substitute)
    if substitute.isascii() and substitute[:1].isalnum() and substitute[-1].isalnum():
        return folded, substitute, original
    words = WORD.search(folded)
    if words is None:
        return None
    start, end = words.start(), len(folded)
    while not WORD.match(folded, end - 1):
        end -= 1
    after = len(folded) - end
    if original[:start] != substitute[:start] or (after and original[-after:] != substitute[end:]):
        return None
    return folded[start:end], substitute[start:end], original[start : len(original) - after]
