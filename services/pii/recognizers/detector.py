"""The detector: rules and the names' tagger over a text, slice by slice, and names seen once found everywhere."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from services.pii.entities import Entity, EntityType
from services.pii.names.tagger import load_tagger
from services.pii.recognizers.cues import CueMap
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.numbers.finding import find_numbers
from services.pii.recognizers.numbers.spoken import find_spoken
from services.pii.recognizers.numbers.wide import find_wide
from services.pii.recognizers.overlaps import resolve
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading, read
from services.pii.recognizers.rules import DEFAULT, Rules
from services.pii.recognizers.secrets.codes import find_codes
from services.pii.recognizers.secrets.named import find_secrets
from services.pii.recognizers.secrets.told import find_told
from services.pii.recognizers.secrets.vendors import find_blocks, find_keys
from services.pii.recognizers.slices import Code, blocks, slices
from services.pii.recognizers.spreading import names_of, spread
from services.pii.recognizers.tables import Columns, with_columns
from services.pii.recognizers.words.addresses import find_addresses
from services.pii.recognizers.words.beside import find_beside
from services.pii.recognizers.words.births import find_births
from services.pii.recognizers.words.documents import find_documents
from services.pii.recognizers.words.named import find_named
from services.pii.recognizers.words.online import find_online

_LEAD = 64  # characters before a slice that its rules see for their cues
_SPREAD = 32_768
_DIGIT = re.compile(r"[0-9]")
_QUOTES = frozenset("\"'`\u201c\u2018")  # what stands in quotes is data, in a program too
_DOUBLED = frozenset({'""', "''", "``"})  # of a docstring
_LONE = 0.65  # least score of a name of one word in a program
_FORWARD = (find_numbers, find_wide, find_documents, find_named, find_births, find_addresses)  # need a digit


class NameTagger(Protocol):
    """PERSON and LOCATION in a part of a text, offsets of the whole text."""

    def tag(self, text: str, start: int, end: int) -> list[Entity]: ...


@dataclass(frozen=True, kw_only=True)
class Detector:
    tagger: NameTagger | None = None

    def detect(self, text: str, rules: Rules = DEFAULT) -> list[Entity]:
        """Entities sorted and disjoint, no border inside a run of letters and digits."""
        *_, found = self.pieces(text, rules)
        return found

    def pieces(self, text: str, rules: Rules = DEFAULT) -> Iterator[list[Entity]]:
        """What was found so far after each few milliseconds of work; the last piece is what `detect` gives."""
        found: list[Entity] = []
        if not text or text.isspace():
            yield found
            return
        code, keys = blocks(text), find_blocks(text) if EntityType.SECRET in rules.types else []
        table: Columns | None = None
        program = Code(text)
        for start, end in slices(text):
            if start:
                yield found
            lead = max(0, start - _LEAD)
            inside = _inside(code, lead, end)
            reading = read(text[lead:end], inside)
            cues, table = with_columns(reading.low, reading.cues, table)
            hits = self._hits(_with_cues(reading, cues), lead, start, rules, program)
            hits += [Hit(a, b, EntityType.SECRET, 1.0, "key_block", "pem") for a, b in keys if start <= a < end]
            found = _appended(found, resolve(text, hits))
        if not found:
            yield found
            return
        yield from self._everywhere(text, found, program)

    def _hits(self, reading: Reading, lead: int, start: int, rules: Rules, program: Code) -> list[Hit]:
        """In places of the whole text."""
        hits = find_online(reading) + find_keys(reading.view) + find_secrets(reading) + find_told(reading)
        hits += find_spoken(reading)
        with_digits = _DIGIT.search(reading.view) is not None
        if with_digits:
            hits += find_codes(reading)
            for finder in _FORWARD:
                hits += finder(reading)
            hits += find_beside(reading, hits)
        elif reading.cues.has(Cue.BIRTH):  # dates in words
            hits += find_births(reading)
        hits += rules.own(reading)
        if self.tagger and (EntityType.PERSON in rules.types or EntityType.LOCATION in rules.types):
            names = _tagged(self.tagger, reading, start - lead)
            hits += [
                one
                for one in names
                if _is_certain(reading.plain, one) or not (reading.in_code(one.start) or program.all)
            ]
            if with_digits:
                hits += find_beside(reading, names)
        wanted = rules.allowed(reading, hits)
        if start == 0 and reading.offsets is None:
            return wanted
        placed = []
        for hit in wanted:
            first, last = reading.place(hit.start, hit.end)
            if first + lead >= start and last > first:
                placed.append(hit._replace(start=first + lead, end=last + lead))
        return placed

    def _everywhere(self, text: str, found: list[Entity], code: Code) -> Iterator[list[Entity]]:
        names = names_of([(text, found)])
        if names is None or not names.may_stand_twice(text):
            yield found
            return
        more: list[Entity] = []
        for start in range(0, len(text), _SPREAD):
            if start:
                yield found
            end = min(len(text), start + _SPREAD + 128)
            seen = more[-1].end if more else 0
            more += [one for one in spread(text, found, names, start, end, code) if one.start >= seen]
        yield sorted([*found, *more], key=lambda one: one.start) if more else found


def load_detector() -> Detector:
    """The detector with the tagger of names."""
    return Detector(tagger=load_tagger())


def _with_cues(reading: Reading, cues: CueMap) -> Reading:
    return reading if cues is reading.cues else replace(reading, cues=cues)


def _inside(code: list[tuple[int, int]], start: int, end: int) -> tuple[tuple[int, int], ...]:
    """The blocks of code that touch a slice, in its own places."""
    index = max(0, bisect_left(code, (start, start)) - 1)
    found = []
    while index < len(code) and code[index][0] < end:
        if code[index][1] > start:
            found.append((max(0, code[index][0] - start), min(code[index][1], end) - start))
        index += 1
    return tuple(found)


def _tagged(tagger: NameTagger, reading: Reading, start: int) -> list[Hit]:
    """What the tagger sees, in places of the view."""
    begin = start if reading.offsets is None else next((i for i, at in enumerate(reading.offsets) if at >= start), 0)
    return [
        Hit(one.start, one.end, one.type, one.score, one.recognizer, one.kind)
        for one in tagger.tag(reading.plain, begin, len(reading.plain))
        if not _is_label(reading, one)
    ]


def _is_label(reading: Reading, one: Entity) -> bool:
    """Whether it is no name but what a number is called: `NAS: 046 454 286`."""
    seen = reading.plain[one.start : one.end]
    return one.type is EntityType.PERSON and seen.isupper() and reading.cues.is_one(one.start, one.end)


def _is_certain(plain: str, hit: Hit) -> bool:
    """Whether a name is one in a program too, where most lone words are identifiers and terms."""
    before = plain[max(0, hit.start - 2) : hit.start]
    if before[-1:] in _QUOTES and before not in _DOUBLED:
        return True
    seen = plain[hit.start : hit.end]
    if seen == seen.lower():
        return False
    return hit.score >= _LONE or " " in seen


def _appended(found: list[Entity], more: list[Entity]) -> list[Entity]:
    """Slices' entities one after the other; what widened back over a border goes to the one before."""
    while found and more and more[0].start < found[-1].end:
        more = more[1:]
    return [*found, *more]
