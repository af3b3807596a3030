"""What stands in a request: its words, dates and addresses, none of which may be a substitute; what was relied on."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from services.pii.escapes import is_behind
from services.pii.restoring.folding import WORD, fold, is_word, words_of

# The networks that stand for others: RFC 5737, and RFC 2544's half a thousand for benchmarks.
DOCUMENTATION: Final = ("192.0.2.", "198.51.100.", "203.0.113.", "198.18.", "198.19.")
_FOUR_NUMBERS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_YEAR = re.compile(r"(?:1[89]|20)[0-9]{2}(?![0-9a-z])(?<![0-9a-z].{4})", re.DOTALL)
_DATE_REACH = 24  # a day and the longest month
_BLANK = re.compile(r"\s")
_READ_SLICE = 32_768  # about two milliseconds of work
_BORDER = "\0"  # between two texts
_SEARCHES = 40  # words looked for one by one; for more it is cheaper to know them all
_PLACES = 64  # where a word may stand inside of others before all words are made out


@dataclass(frozen=True, kw_only=True, slots=True)
class Relied:
    """What substitutes were taken for because it stood nowhere: where it comes to stand, others have to be taken."""

    words: frozenset[str] = frozenset()
    dates: frozenset[tuple[str, ...]] = frozenset()
    addresses: frozenset[str] = frozenset()


class Prompt:
    """The texts of one request, and beside them what is `kept`: keys and names that leave as they are.

    `leans`: something was found taken by what is kept alone, so that another request with the same texts may differ.
    """

    def __init__(self, texts: Iterable[str] = (), kept: Iterable[str] = ()) -> None:
        self._texts, self._kept = _Part(list(texts)), _Part(list(kept))
        self._words: set[str] = set()
        self._dates: set[tuple[str, ...]] = set()
        self._addresses: set[str] = set()
        self.leans = False

    @property
    def size(self) -> int:
        """In characters."""
        return self._texts.size + self._kept.size

    @property
    def relied(self) -> Relied:
        """All that was asked for and stood nowhere."""
        return Relied(words=frozenset(self._words), dates=frozenset(self._dates), addresses=frozenset(self._addresses))

    def read(self, text: str) -> None:
        """One text more."""
        self._texts.add(text)

    def gather(self) -> None:
        """Make out all words now: where many will be asked for."""
        self._texts.gather()
        self._kept.gather()

    def gathering(self) -> Iterator[None]:
        """The same in slices, between which a caller may give way."""
        yield from self._texts.gathering()
        yield from self._kept.gathering()

    def close(self) -> None:
        """Let go of the texts: nothing is asked of them any more."""
        del self._texts, self._kept

    def has(self, word: str) -> bool:
        """Whether a folded word stands anywhere."""
        known, kept = self._texts.words, self._kept.words
        if word in known if known is not None else self._texts.has(word):
            return True
        if word in kept if kept is not None else self._kept.has(word):
            self.leans = True
            return True
        self._words.add(word)
        return False

    def has_all(self, words: Iterable[str]) -> bool:
        """Whether every one of these folded words does; the longest are the least likely to."""
        return all(self.has(word) for word in sorted(words, key=len, reverse=True))

    def has_date(self, parts: tuple[str, ...]) -> bool:
        """Whether the parts of a date stand in a row."""
        if parts in self._texts.dates:
            return True
        if parts in self._kept.dates:
            self.leans = True
            return True
        self._dates.add(parts)
        return False

    def has_address(self, address: str) -> bool:
        """The same for an address of a documentation network."""
        if address in self._texts.addresses:
            return True
        if address in self._kept.addresses:
            self.leans = True
            return True
        self._addresses.add(address)
        return False

    def upsets(self, relied: Relied) -> bool:
        """Whether anything stands here that others relied on to stand nowhere."""
        return (
            self._texts.has_any(relied.words)
            or self._kept.has_any(relied.words)
            or any(map(self.has_date, relied.dates))
            or any(map(self.has_address, relied.addresses))
        )


@dataclass(slots=True)
class _Part:
    """Some texts, folded when first asked about; a few words are searched for, many looked up."""

    _raw: list[str]
    _folded: str | None = None
    words: set[str] | None = None
    _dates: set[tuple[str, ...]] | None = None
    _addresses: set[str] | None = None
    _searches: int = field(default=0)

    @property
    def size(self) -> int:
        return sum(map(len, self._raw))

    def add(self, text: str) -> None:
        self._raw.append(text)
        self._folded = self.words = self._dates = self._addresses = None

    def has(self, word: str) -> bool:
        if self.words is not None:
            return word in self.words
        self._searches += 1
        if self._searches > _SEARCHES:
            self.gather()
            return self.has(word)
        return self._searched(word)

    def has_any(self, words: frozenset[str]) -> bool:
        if len(words) > _SEARCHES and self.words is None:
            self.gather()
        return any(map(self.has, words)) if self.words is None else not words.isdisjoint(self.words)

    @property
    def folded(self) -> str:
        if self._folded is None:
            self._folded = _BORDER.join(map(fold, self._raw))
        return self._folded

    @property
    def dates(self) -> set[tuple[str, ...]]:
        """A year with the two words before it, and with the two behind it."""
        if self._dates is None:
            self._dates = set(_dates(self.folded))
        return self._dates

    @property
    def addresses(self) -> set[str]:
        if self._addresses is None:
            known = any(network in self.folded for network in DOCUMENTATION)
            self._addresses = set(_FOUR_NUMBERS.findall(self.folded)) if known else set()
        return self._addresses

    def gather(self) -> None:
        self.words = set(words_of(self.folded))

    def gathering(self) -> Iterator[None]:
        """No word is cut: a slice ends at a blank."""
        texts = list[str]()
        for text in self._raw:
            folded = list[str]()
            for start, end in _slices(text):
                folded.append(fold(text[start:end]))
                yield
            texts.append("".join(folded))
        whole, words = _BORDER.join(texts), set[str]()
        for start, end in _slices(whole):
            words.update(words_of(whole[start:end]))
            yield
        self._folded, self.words = whole, words

    def _searched(self, word: str) -> bool:
        if WORD.fullmatch(word) is None:
            return False
        folded, size = self.folded, len(word)
        at = folded.find(word)
        for _ in range(_PLACES):
            if at < 0:
                return False
            end = at + size
            if not (at and is_word(folded[at - 1]) and not is_behind(folded, at)) and not (
                end < len(folded) and is_word(folded[end])
            ):
                return True
            at = folded.find(word, end)
        self._searches = _SEARCHES
        return self.has(word)


def _slices(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(text):
        blank = _BLANK.search(text, at + _READ_SLICE) if at + _READ_SLICE < len(text) else None
        end = blank.start() if blank is not None else len(text)
        yield at, end
        at = end


def _dates(folded: str) -> Iterator[tuple[str, ...]]:
    for year in _YEAR.finditer(folded):
        start, end = year.span()
        before = folded[max(0, start - _DATE_REACH) : start].rpartition(_BORDER)[2]
        behind = folded[end : end + _DATE_REACH].partition(_BORDER)[0]
        yield *WORD.findall(before)[-2:], year.group()
        yield year.group(), *WORD.findall(behind)[:2]
