"""Dates of birth: the date that follows a word of birth, or stands before an age."""

import re
from collections.abc import Iterable, Iterator

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_MONTH = (
    r"(?:jan(?:uary|vier|v)?|feb(?:ruary)?|fev(?:rier|r)?|mar(?:ch|s)?|apr(?:il)?|avr(?:il)?|may|mai|june?|juin|july?|"
    r"juil(?:let|l)?|aug(?:ust)?|aout|sept?(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|dec(?:ember|embre)?)"
)
_YEAR = r"(?:1[89]|20)[0-9]{2}"
_DATE = re.compile(
    rf"(?<![0-9A-Za-z])(?:{_YEAR}[ ]?[-/.|][ ]?[0-9]{{1,2}}[ ]?[-/.|][ ]?[0-9]{{1,2}}"
    rf"|[0-9]{{1,2}}[ ]?([-/.|x])[ ]?[0-9]{{1,2}}[ ]?\1[ ]?(?:{_YEAR}|[0-9]{{2}})"
    r"|[0-9](?: [0-9]){3,7}(?: ?[./-] ?[0-9](?: [0-9]){1,3}){0,2}"
    r"|[0-9] [0-9] [./-] [0-9] [0-9] [./-] [0-9](?: [0-9]){1,3}"
    rf"|{_MONTH}\.?[ -][0-9]{{1,2}}(?:st|nd|rd|th)?,?[ /-]{{1,2}}(?:{_YEAR}|'?[0-9]{{2}})"
    rf"|[0-9]{{1,2}}(?:er|st|nd|rd|th)?[ -](?:of )?{_MONTH}\.?,?(?:[ -]|[ ]?de )(?:{_YEAR}|'?[0-9]{{2}})"
    rf"|{_YEAR},?[ -]{_MONTH}\.?[ -][0-9]{{1,2}}|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2]){_YEAR}"
    rf"|[0-9]{{1,2}}(?:{_MONTH}){_YEAR}"
    rf"|{_YEAR} [0-9]{{1,2}} [0-9]{{1,2}}|[0-9]{{1,2}} [0-9]{{1,2}} {_YEAR})(?![0-9A-Za-z])"
)
_OPENED = re.compile(r"\((?<=[^\W\d_] \()(?=[0-9jfmasond])")
_PARTIAL = re.compile(
    rf"(?<![0-9A-Za-z])(?:{_MONTH}\.?,?[ /]{_YEAR}|{_YEAR}|{_MONTH}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?|"
    rf"[0-9]{{1,2}}(?:er|st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH}/[0-9]{{1,2}}|[0-9]{{6}}|[0-9]{{1,2}}/[0-9]{{2,4}})"
    r"(?![0-9A-Za-z])"
)
_SEX = re.compile(r"[MFH](?<![A-Za-z0-9_][MFH])[ ]?[|,;/][ ]?(?=[0-9])")  # a record: name | F | date
_AGE_AND_SEX = re.compile(r"[ ,]{0,2}\([1-9][0-9]{0,2} ?[FMH]\)")  # `1971-05-04 (55F)`
_AGED = re.compile(r"\(?(?:age[e]?d? (?:de )?)?[0-9]{1,3}[ -]?$")
_ENDED = re.compile(r"[ ,;:|(\[-]{0,4}$")
_LISTED = re.compile(r"[\"')\]]{0,2}(?:[ \t]{0,2}[,;|/(\t][ \t\"'(\[]{0,3}|[ ])")
_SEX_BETWEEN = re.compile(r"[ ,|;/]{1,3}[mfhx][ ,|;/]{1,3}")
_FIELD = re.compile(r"[\"')]?[ \t]?[/|,;\t][ \t\"']{0,3}(?:[a-z]{2,4}\.? )?")
_NUMBERED = frozenset({Cue.HEALTH, Cue.SIN, Cue.SSN, Cue.LICENCE, Cue.PASSPORT})
_PERSONAL = frozenset({Cue.AGE, Cue.BIRTH, *_NUMBERED})  # a text that has these speaks of somebody
_FULL_YEAR = re.compile(_YEAR)
_LATEST = 2020  # what is dated later beside a name is rather when something was signed
_REACH, _NEAR_REACH = 56, 14
_AGE_REACH, _AT_ONCE, _DATE_LENGTH = 40, 4, 24
_DOUBTFUL = frozenset({"ne le", "ne en", "b."})  # the French "not", an abbreviation: a date must follow at once


def find_births(reading: Reading) -> list[Hit]:
    """Only where a word of birth, an age or a sex stands: a date alone is nobody's birth."""
    low, cues = reading.low, reading.cues
    places = [(place, 0.7) for sex in _SEX.finditer(reading.view) if (place := _at(low, sex.end()))]
    for start, end in cues.of(Cue.BIRTH):
        if found := _after(reading, start, end):
            places.append(found)
        elif before := _before(low, start):
            places.append((before, 0.7))
    for start, kinds in zip(cues.starts, cues.cues, strict=True):
        if not _NUMBERED.isdisjoint(kinds) and (record := _in_record(low, start)):
            places.append((record, 0.6))
    if _PERSONAL & {kind for kinds in cues.cues for kind in kinds}:
        places += [(place, 0.55) for place in _bracketed(low)]
    for aged in _AGE_AND_SEX.finditer(reading.view):
        head = max(0, aged.start() - _DATE_LENGTH)
        places += [(date.span(), 0.7) for date in _DATE.finditer(low, head, aged.end()) if date.end() == aged.start()]
    for start, _ in cues.of(Cue.AGE):
        places += [(place, 0.75) for place in _aged(low, start)]
    return [Hit(*place, EntityType.DATE_OF_BIRTH, score, "birth") for place, score in places]


def find_beside_names(reading: Reading, names: Iterable[Hit]) -> list[Hit]:
    """Dates that stand with a name as in a list of people: `Doe, Jane / 06-JUN-1991`, `1939-08-08 F Doe Jane`."""
    low, hits = reading.low, list[Hit]()
    for name in names:
        if name.type is not EntityType.PERSON:
            continue
        mark = _LISTED.match(low, name.end)
        if mark and (place := _at(low, mark.end())) and _is_past(low[slice(*place)]):
            hits.append(Hit(*place, EntityType.DATE_OF_BIRTH, 0.6, "birth"))
        head = max(0, name.start - _DATE_LENGTH)
        for found in _DATE.finditer(low, head, name.start):
            if _SEX_BETWEEN.fullmatch(low, found.end(), name.start):
                hits.append(Hit(*found.span(), EntityType.DATE_OF_BIRTH, 0.7, "birth"))
    return hits


def _is_past(date: str) -> bool:
    """A year is written out, and long enough ago to be nobody's next appointment."""
    year = _FULL_YEAR.search(date)
    return year is not None and int(year.group()) <= _LATEST


def _at(low: str, position: int) -> tuple[int, int] | None:
    found = _DATE.match(low, position)
    return found.span() if found else None


def _after(reading: Reading, start: int, end: int) -> tuple[tuple[int, int], float] | None:
    """The date that follows a word of birth; a year or a month alone only right after it."""
    low = reading.low
    word = low[start:end]
    doubtful = word in _DOUBTFUL and reading.plain[start + 1].isascii()
    reach, near = (_AT_ONCE, _AT_ONCE) if doubtful else (_REACH, _NEAR_REACH)
    found = _DATE.search(low, end, end + reach + _DATE_LENGTH)
    partial = _PARTIAL.search(low, end, end + near + _DATE_LENGTH) if word != "b." else None
    if partial and (partial.start() - end > near or (found and partial.end() > found.start())):
        partial = None
    if partial:
        return partial.span(), 0.7
    if found and found.start() - end <= reach and "\n\n" not in low[end : found.start()]:
        return found.span(), 0.9
    return None


def _aged(low: str, start: int) -> list[tuple[int, int]]:
    """`1980-04-12 (46 ans)`: the date right before an age."""
    head = max(0, start - 16)
    aged = _AGED.search(low[head:start])
    if not aged:
        return []
    stop = head + aged.start()
    dates = _DATE.finditer(low, max(0, start - _AGE_REACH), stop)
    return [found.span() for found in dates if _ENDED.fullmatch(low[found.end() : stop])]


def _bracketed(low: str) -> Iterator[tuple[int, int]]:
    """`from Dauphin (12 Aug 1992)`: a date alone in brackets."""
    for opened in _OPENED.finditer(low):
        place = _at(low, opened.end())
        if place and low[place[1] : place[1] + 1] == ")" and _is_past(low[slice(*place)]):
            yield place


def _in_record(low: str, start: int) -> tuple[int, int] | None:
    """`1999.01.17 / MB PHIN`: the date in the field before the one that a word of identity heads."""
    for found in _DATE.finditer(low, max(0, start - 34), start):
        if _FIELD.fullmatch(low, found.end(), start) and _is_past(found.group()):
            return found.span()
    return None


def _before(low: str, start: int) -> tuple[int, int] | None:
    """`1980-04-12 (DOB)`: the date right before the word."""
    for found in _DATE.finditer(low, max(0, start - 28), start):
        if start - found.end() <= 3 and low[found.end() : start].strip() in {"", "(", "[", "-"}:  # noqa: PLR2004
            return found.span()
    return None
