"""Dates of birth by the words that say so: the date that follows one, or stands right before it."""

import re
from collections.abc import Iterator

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.words.beside import beside
from services.pii.recognizers.words.dates import ANOTHER, DATE, PARTIAL, SPOKEN, SPOKEN_HINT, is_past

Place = tuple[int, int]

_REACH, _NEAR_REACH = 56, 14
_AT_ONCE, _DATE_LENGTH, _SPOKEN_LENGTH = 4, 24, 80
# A second date of the same: `from 1979-03-22 to 1979-03-27`, `is March 22, 1979 but the passport says March 27, 1979`.
_OTHER_DATE = re.compile(
    r"[^\n.]{0,40}?(?:\b(?:to|and|or|not|instead of|au lieu de|plutot que|et|ou|vs|versus|rather than|should be"
    r"|should read|devrait (?:etre|se lire)|but"
    r"|mais|says?|indique)\b|->|\u2192|&)[^\n.;0-9]{0,28}?"
)
_COHORT = re.compile(
    r"\b(?:before|avant|between|entre|after|apres|prior to|since|depuis|until|jusqu|of an?|d'un|earlier|later)\b"
)
_YEAR_OF = re.compile(  # what may stand between a word of birth and a year alone
    r"[\s\"':=({,.?)*_-]{0,6}(?:(?:in|en|circa|about|vers|around|c\.|year|yr|annee|an|the|l'annee|is|est|was|of|birth|yyyy|aaaa|only)"
    r"[\s\"':=(),.*_-]{1,5}){0,3}"
)
_DIGITS = re.compile(r"[0-9]")
_DOUBTFUL = frozenset(
    {"ne le", "ne en", "b.", "n. le", "n."}
)  # the French "not", abbreviations: a date must follow at once
_FEASTS = re.compile(  # not somebody's day, but everybody's or a company's
    r"s\b|[ ](?:du|des|de la|nationale?)\b|[ ]de (?:mariage|service|fondation|noces)"
    r"|[ ]de l'(?:entreprise|organisme|ecole)"
)
_OF_FEASTS = frozenset({"fete", "anniversaire", "anniv"})
_SENTENCE_ENDS = (". ", "; ", "! ")
_FORM = re.compile(r"[\s:*._]{0,8}(?:\([^()\n]{1,30}\))?[\s:*._]{0,8}")  # a field on a line of its own
_SAYS = re.compile(
    r"[ ]?[(\[-]?[ ]?|[ ,]{1,2}(?:is|was|est|etait|as|comme|c'est) "
    r"(?:(?:my|his|her|their|your|the|ma|sa|ta|votre|leur|la) )?|, (?:my|his|her|their|ma|sa|leur) "
)
_NAME_BETWEEN = re.compile(r",?(?: [A-Z][A-Za-z'.-]{0,24}){1,4} (?:was|is|est|fut|etait) ")


def find_births(reading: Reading) -> list[Hit]:
    """Only where a word of birth, an age, a sex or somebody's number stands: a date alone is nobody's birth."""
    low, places = reading.low, list[tuple[Place, float]]()
    for start, end in reading.cues.of(Cue.BIRTH):
        if low[start:end] in _OF_FEASTS and _FEASTS.match(low, end):
            continue
        if low[start:end] == "n." and low[start - 1 : start] != "(":
            continue
        if found := _after(reading, start, end):
            places.append(found)
            places += [(place, 0.7) for place in _further(low, start, end, found[0][1])]
        elif before := _before(reading, start):
            places.append((before, 0.7))
    places += beside(reading)
    return [Hit(*place, EntityType.DATE_OF_BIRTH, score, "birth") for place, score in places]


def _after(reading: Reading, start: int, end: int) -> tuple[Place, float] | None:
    """The date that follows a word of birth; a year or a month alone only right after it."""
    low = reading.low
    word = low[start:end]
    doubtful = word in _DOUBTFUL and reading.plain[start + 1].isascii()
    reach, near = (_AT_ONCE, _AT_ONCE) if doubtful else (_REACH, _NEAR_REACH)
    found = DATE.search(low, end, end + reach + _DATE_LENGTH)
    partial = (
        PARTIAL.search(low, end, end + near + _DATE_LENGTH)
        if word != "b." or low[start - 1 : start] == "(" or low[start - 2 : start] == ", "
        else None
    )
    if partial and (partial.start() - end > near or (found and partial.end() > found.start())):
        partial = None
    if (not found or partial) and SPOKEN_HINT.search(low, end, end + reach + _SPOKEN_LENGTH):
        spoken = SPOKEN.search(low, end, end + reach + _SPOKEN_LENGTH)
        if spoken and spoken.start() - end <= reach and (not partial or spoken.start() <= partial.start()):
            found, partial = spoken, None
    if partial and not any(mark in low[end : partial.start()] for mark in _SENTENCE_ENDS):
        group = partial.group().isdigit() and (low[end : end + 1] == "s" or _COHORT.search(low, end, partial.start()))
        if partial.group().isdigit() and not _YEAR_OF.fullmatch(low, end, partial.start()):
            group = True
        return None if group else (partial.span(), 0.7)
    if found and found.start() - end <= reach and _belongs(low, end, found.start()):
        return found.span(), 0.9
    return None


def _belongs(low: str, end: int, start: int) -> bool:
    """Whether nothing between a word of birth and a date gives the date to something else."""
    between = low[end:start]
    if "\n\n" in between and not _FORM.fullmatch(between):
        return False
    return not ANOTHER.search(between, between.rfind("\n") + 1) and not _COHORT.search(between)


def _further(low: str, start: int, end: int, at: int) -> Iterator[Place]:
    """The same day as other papers have it, or those of others where the word is of several."""
    several = low[end : end + 1] == "s" or "dates" in low[max(0, start - 10) : end]
    for _ in range(8 if several else 1):
        found = DATE.search(low, at, at + 96) if _DIGITS.search(low, at, at + 80) else None
        if not found or ANOTHER.search(low, at, found.start()):
            return
        alike = is_past(found.group()) and _OTHER_DATE.fullmatch(low, at, found.start())
        if not (alike or (several and "\n\n" not in low[at : found.start()])):
            return
        yield found.span()
        at = found.end()


def _before(reading: Reading, start: int) -> Place | None:
    """`1980-04-12 (DOB)`, `12 mars 1984 est sa date de naissance`, `On 3 March 1984 Jane Doe was born`."""
    low = reading.low
    for found in DATE.finditer(low, max(0, start - 90), start):
        if _SAYS.fullmatch(low, found.end(), start):
            return found.span()
        if low.startswith(("naissait", "naquit"), start) and low[found.end() : start].strip() in {"", ","}:
            return found.span()
        if low.startswith(("born", "ne"), start) and _NAME_BETWEEN.fullmatch(reading.view, found.end(), start):
            return found.span()
    return None
