"""Dates of birth: the date that follows a word of birth, or stands before an age."""

import re

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_MONTH = (
    r"(?:jan(?:uary|vier)?|feb(?:ruary)?|fev(?:rier)?|mar(?:ch|s)?|apr(?:il)?|avr(?:il)?|may|mai|june?|juin|july?|"
    r"juil(?:let)?|aug(?:ust)?|aout|sept?(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|dec(?:ember|embre)?)"
)
_YEAR = r"(?:1[89]|20)[0-9]{2}"
_DATE = re.compile(
    rf"(?<![0-9A-Za-z])(?:{_YEAR}[ ]?[-/.|][ ]?[0-9]{{1,2}}[ ]?[-/.|][ ]?[0-9]{{1,2}}"
    rf"|[0-9]{{1,2}}[ ]?([-/.|x])[ ]?[0-9]{{1,2}}[ ]?\1[ ]?(?:{_YEAR}|[0-9]{{2}})"
    r"|[0-9](?: [0-9]){3,7}(?: ?[./-] ?[0-9](?: [0-9]){1,3}){0,2}"
    r"|[0-9] [0-9] [./-] [0-9] [0-9] [./-] [0-9](?: [0-9]){1,3}"
    rf"|{_MONTH}\.?[ -][0-9]{{1,2}}(?:st|nd|rd|th)?,?[ -]{{1,2}}(?:{_YEAR}|'?[0-9]{{2}})"
    rf"|[0-9]{{1,2}}(?:er|st|nd|rd|th)?[ -](?:of )?{_MONTH}\.?,?(?:[ -]|[ ]?de )(?:{_YEAR}|'?[0-9]{{2}})"
    rf"|{_YEAR}[ -]{_MONTH}[ -][0-9]{{1,2}}|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2]){_YEAR}"
    rf"|[0-9]{{1,2}}(?:{_MONTH}){_YEAR}"
    rf"|{_YEAR} [0-9]{{1,2}} [0-9]{{1,2}}|[0-9]{{1,2}} [0-9]{{1,2}} {_YEAR})(?![0-9A-Za-z])"
)
_PARTIAL = re.compile(
    rf"(?<![0-9A-Za-z])(?:{_MONTH}\.?,?[ /]{_YEAR}|{_YEAR}|{_MONTH}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?|"
    rf"[0-9]{{1,2}}(?:er|st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH}/[0-9]{{1,2}}|[0-9]{{1,2}}/[0-9]{{2,4}})(?![0-9A-Za-z])"
)
_SEX = re.compile(r"[MFH](?<![A-Za-z0-9_][MFH])[ ]?[|,;/][ ]?(?=[0-9])")  # a record: name | F | date
_AGED = re.compile(r"\(?(?:age[e]?d? (?:de )?)?[0-9]{1,3}[ -]?$")
_ENDED = re.compile(r"[ ,;:|(\[-]{0,4}$")
_REACH, _NEAR_REACH = 56, 14
_AGE_REACH, _AT_ONCE, _DATE_LENGTH = 40, 2, 24
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
    for start, _ in cues.of(Cue.AGE):
        places += [(place, 0.75) for place in _aged(low, start)]
    return [Hit(*place, EntityType.DATE_OF_BIRTH, score, "birth") for place, score in places]


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


def _before(low: str, start: int) -> tuple[int, int] | None:
    """`1980-04-12 (DOB)`: the date right before the word."""
    for found in _DATE.finditer(low, max(0, start - 28), start):
        if start - found.end() <= 3 and low[found.end() : start].strip() in {"", "(", "[", "-"}:  # noqa: PLR2004
            return found.span()
    return None
