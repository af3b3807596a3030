"""Where the words stand that tell what a number near them is."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, MatchKind

from services.pii.recognizers.phrases import PHRASES, Cue

_NEAR = 48  # characters a cue reaches over to what follows it
_AFTER = 3  # and to what stands before it: `514-555-0100 (cell)`
_SAID_REACH = 26
_SAID = re.compile(  # `9123 456 789 is my PHN`, `7654321 (BC driver's licence)`
    r"(?: [a-z]{2})?[\"')]?,? ?(?:(?:is|est|was|etait|as|comme|=|c'est|being) (?:(?:the|a|my|her|his|your|their|our"
    r"|le|la|mon|ma|son|sa|votre|leur"
    r"|ton|un|une) )?(?:\w{1,10} )?|\((?:[a-z]{2,8} )?)"
)
_AFTERTHOUGHT = 10  # what precedes a number says more of it than what follows
_ACCENTED = {"ne": 1, "nes": 1, "cle": 2}  # where the accent must be: without it the first is the French "not"
_TAILS = frozenset({"birthdate", "dateofbirth", "datenaissance", "datedenaissance"})  # patientBirthDate


@dataclass(frozen=True, slots=True)
class CueMap:
    """The cues of one reading in order of place; `words` are the phrases as found."""

    starts: list[int]
    ends: list[int]
    cues: list[tuple[Cue, ...]]
    low: str

    def around(self, start: int, end: int, reach: int = _NEAR) -> dict[Cue, int]:
        """Distance in characters to the nearest cue of each kind near a place, nearest first."""
        found: dict[Cue, int] = {}
        index = bisect_right(self.ends, start) - 1
        while index >= 0 and start - self.ends[index] <= reach:
            for cue in self.cues[index]:
                found.setdefault(cue, start - self.ends[index])
            if self.starts[index] == self.ends[index]:
                break  # the head of a cell: what stands in others says nothing of this one
            index -= 1
        index = bisect_left(self.starts, end)
        if index < len(self.starts) and self._follows(end, index):
            for cue in self.cues[index]:
                distance = self.starts[index] - end + _AFTERTHOUGHT
                if distance < found.get(cue, _NEAR):
                    found[cue] = distance
            found = dict(sorted(found.items(), key=lambda item: item[1]))
        return found

    def _follows(self, end: int, index: int) -> bool:
        start, stop = self.starts[index], self.ends[index]
        between = self.low[end:start]
        if "\n" in between or ". " in between:
            return False
        if self.low[stop : stop + 1] in {":", "="}:
            return False
        return start - end <= _AFTER or (start - end <= _SAID_REACH and _SAID.fullmatch(between) is not None)

    def heads(self, position: int) -> bool:
        """Whether the heading of a table's column speaks of the cell that begins here."""
        index = bisect_right(self.ends, position) - 1
        return index >= 0 and self.starts[index] == self.ends[index] >= position - _AFTER

    def is_one(self, start: int, end: int) -> bool:
        """Whether exactly this is a cue."""
        index = bisect_left(self.starts, start)
        return index < len(self.starts) and (self.starts[index], self.ends[index]) == (start, end)

    def of(self, cue: Cue) -> Iterator[tuple[int, int]]:
        """Every place of one kind of cue."""
        for start, end, cues in zip(self.starts, self.ends, self.cues, strict=True):
            if cue in cues:
                yield start, end

    def has(self, wanted: Cue) -> bool:
        return any(wanted in cues for cues in self.cues)

    def with_cells(self, cells: list[tuple[int, tuple[Cue, ...]]]) -> "CueMap":
        """The same with a cue of no length at the head of each cell of a table."""
        rows = sorted(
            [*zip(self.starts, self.ends, self.cues, strict=True), *((at, at, cues) for at, cues in cells)],
            key=lambda row: row[1],
        )
        return CueMap([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], self.low)


def nearest(around: dict[Cue, int], among: Container[Cue]) -> Cue | None:
    """The nearest cue of those that matter to the asker."""
    return next((cue for cue in around if cue in among), None)


def find_cues(plain: str, low: str) -> CueMap:
    starts: list[int] = []
    ends: list[int] = []
    cues: list[tuple[Cue, ...]] = []
    length = len(low)
    for index, start, end in _AUTOMATON.find_matches_as_indexes(low):
        if start and low[start - 1].isalpha() and not _IS_TAIL[index]:
            continue
        if end < length and low[end].isalpha() and not _is_plural(low, end):
            continue
        if start and low[start - 1] in "-." and low[start:end] == "b.":  # of N.-B., a province
            continue
        accent = _ACCENT[index]
        if accent and plain[start + accent].isascii() and plain[start + accent : start + accent + 2].isascii():
            continue
        starts.append(start)
        ends.append(end)
        cues.append(_CUES[index])
    return CueMap(starts, ends, cues, low)


def _is_plural(low: str, end: int) -> bool:
    return low[end] == "s" and not low[end + 1 : end + 2].isalpha()


def _compiled() -> tuple[AhoCorasick, list[tuple[Cue, ...]], list[bool], list[int]]:
    by_phrase: dict[str, list[Cue]] = {}
    for cue, phrases in PHRASES.items():
        for phrase in phrases.strip().replace("\n", "|").split("|"):
            by_phrase.setdefault(phrase, []).append(cue)
    automaton = AhoCorasick(list(by_phrase), matchkind=MatchKind.LeftmostLongest)
    tails = [
        (Cue.SECRET in cues and len(phrase) > 4) or phrase in _TAILS  # noqa: PLR2004 - dbPassword
        for phrase, cues in by_phrase.items()
    ]
    return automaton, [tuple(cues) for cues in by_phrase.values()], tails, [_ACCENTED.get(one, 0) for one in by_phrase]


_AUTOMATON, _CUES, _IS_TAIL, _ACCENT = _compiled()
