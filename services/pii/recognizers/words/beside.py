"""Dates of birth without a word that says so: beside an age, a sex, a name, a child or a number of identity."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from services.pii.entities import EntityType
from services.pii.recognizers.hits import UNSURE, Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.words.dates import ANOTHER, DATE, date_at, is_old, is_past, year_of

Place = tuple[int, int]

_OPENED = re.compile(r"\((?<=[^\W\d_] \()(?=[0-9jfmasond])")
# A record: `name | F | date`, `45M, 1979/03/22`, `SMITH, JOHN  M  1979/03/22`.
_SEX = re.compile(r"[MFH](?<![A-Za-z_][MFH])(?:[ ]?[|,;/\t][ ]?|[ ]{2,4})(?=[0-9])")
_SEX_WORD = re.compile(r"(?:male|homme|femme|masculin|feminin)[ ]?[|,;/(][ ]?(?=[0-9jfmasond])")
_SEX_WORDS = ("male", "femme", "homme", "masculin", "feminin")
_SEX_BEHIND = re.compile(r"\|[mfoux](?=\|)")  # of a message between hospitals: `|19840302|F|`
_AGE_AND_SEX = re.compile(r"\([1-9][0-9]{0,2} ?[FMH]\)")  # `1971-05-04 (55F)`
_BARE_GAPS = frozenset({"", " ", ",", ", "})
_AGED = re.compile(r"\(?(?:age[e]?d? (?:de )?)?([0-9]{1,3})[ -]?$")
_AGE_SAID = re.compile(r"age(?:e|d)?[ :]{1,3}(?:de )?([1-9][0-9]{0,2})(?![0-9])")
_ENDED = re.compile(r"[ ,;:|(\[-]{0,4}$")
_AFTER_AGE = re.compile(r"[ ,;:|/(\[-]{1,4}")
_OLDEST, _FIRST_NOW, _LAST_NOW = 120, 1985, 2027  # a date of birth and an age come to the year of the text
_ASKING = ("calcul", "how old", "quel age", "age au ", "age on ", "age as of ", "work out", "compute", "determine")
_AGES_ASKED = re.compile(
    r"calcul\w{0,4} (?:l'|les |leurs? |son |the |their |each |his |her )?ages?\b|how old\b|quel age\b"
    r"|\bage (?:au|on|as of) |(?:work out|compute|determine)[^.\n]{0,24} ages?\b"
)
_LISTED = re.compile(r"[\"')\]]{0,2}(?:[ \t]{0,2}[,;|/(\t][ \t\"'(\[]{0,3}|[ ])")
_FIELD_BEFORE, _FIELD_BEHIND = re.compile(r"[,;|\t/(][ ]?[\"']?$"), re.compile(r"[\"')]?[ ]?(?:[,;|\t/\n]|$)")
_SEX_BETWEEN = re.compile(r"[ ,|;/]{1,3}[mfhx][ ,|;/]{1,3}")
_FIELD = re.compile(r"[\"')]?[ \t]?[/|,;\t\n-][ \t\"']{0,3}(?:[a-z]{2,4}\.? )?|[ ]{2,4}(?:[mfhx][ ]{1,4})?")
_NEXT_FIELD = re.compile(r"[\"')\]]{0,2}(?:[ \t]{2,8}|[ \t]{0,2}[,;|/\t][ \t\"']{0,3})")
_NUMBERED = frozenset({Cue.HEALTH, Cue.SIN, Cue.SSN, Cue.LICENCE, Cue.PASSPORT})
_PERSONAL = frozenset({Cue.AGE, Cue.BIRTH, *_NUMBERED})  # a text that has these speaks of somebody
_LASTING = frozenset({EntityType.HEALTH_NUMBER, EntityType.SIN, EntityType.SSN})  # papers have dates of their own
_REACH = 56
_AGE_REACH, _DATE_LENGTH, _LIST_LENGTH = 40, 24, 2_048
_AUTHOR = re.compile(  # who did something on that day, or whom a decision is named for
    r"\b(?:by|par|v\.?|c\.|vs\.?|from|opened for|signed|sworn|author|auteure?|signe|ouvert pour|dossier de)[ ]"
    r"(?:(?:dr|mme|mr?|mrs|ms|me)\.? )?$"
)
_CHILDREN = frozenset(
    "kids|children|enfants|twins|jumeaux|jumelles|dependants|dependents|personnes a charge".split("|")
)
_CHILDREN_REACH = 200
_CHILD = re.compile(r"(?<![\w-])[A-Z][\w'-]{1,24}(?: |,? ?\(|, | - )$")
_RUNS_ON = re.compile(r"[)\"']? ?(?:(?:to|au|a|until|jusqu'au|-) ?[0-9]|: )")  # a span of time, an entry of that day
_CORRECTED = ("instead of", "au lieu d", "should be", "should read", "devrait")
_PAPERS = re.compile(  # have dates of their own
    r"invoice|factur|contra[tc]|deed|acte\b|bail\b|lease|hired|embauch|dated|datee?\b|letter|lettre|rapport|report|paym|versem|"
    r"agreement|entente|order|commande|policy|police|deliver|livr|meeting|reunion|start|debut|term\b|echeance|due\b"
)
_CORRECTED_REACH = 96
_DIGITS, _GAP = re.compile(r"[0-9]"), 22  # a date before something ends so near it
_SLIP = 2  # characters in which two dates of one birth differ
_AGE_BARE = re.compile(r"\((?<=[ ,][1-9][0-9] \()(?=[0-9])")  # `Tina K., 17 (2009-05-11)`
_NOW = range(2024, 2028)
_KIN_MARK = re.compile(r"[\"')]?(?: ?[,|(:;/\t-] ?[\"']?|  +| - )(?=[0-9jfmasond])")
_KIN_END = re.compile(r"[\"')]?[ ]?(?:[\n,;|/)\t.]|$)")


def beside(reading: Reading) -> Iterator[tuple[Place, float]]:
    """Dates that no word of birth leads to, and how sure each is one."""
    low, cues = reading.low, reading.cues
    yield from ((place, 0.7) for sex in _SEX.finditer(reading.view) if (place := date_at(low, sex.end())))
    yield from _of_kin(reading)
    for start, kinds in zip(cues.starts, cues.cues, strict=True):
        if not _NUMBERED.isdisjoint(kinds) and (record := _in_record(low, start)):
            yield record, 0.6
    if {kind for kinds in cues.cues for kind in kinds} & _PERSONAL:
        yield from ((place, 0.55) for place in _bracketed(low))
    yield from _beside_ages(reading)
    yield from ((place, 0.6) for place in _corrected(low, cues.of(Cue.BIRTH)))
    yield from ((place, 0.6) for place in _beside_sexes(low))


def _of_kin(reading: Reading) -> Iterator[tuple[Place, float]]:
    """`daughter, 2012-06-14`, `spouse   14 FEB 1990`; with a word of birth in the text a blank is enough."""
    low = reading.low
    for start, end in reading.cues.of(Cue.KIN):
        if low[start:end] in _CHILDREN:
            yield from ((place, 0.6) for place in _of_children(reading, end))
        mark = _KIN_MARK.match(low, end)
        if mark and (place := date_at(low, mark.end())) and _KIN_END.match(low, place[1]):
            yield place, 0.6
        elif (
            low[end : end + 1] == " "
            and (place := date_at(low, end + (4 if low.startswith(" le ", end) else 1)))
            and is_past(low[slice(*place)])
            and reading.cues.has(Cue.BIRTH)
        ):
            yield place, 0.55


def _of_children(reading: Reading, end: int) -> Iterator[Place]:
    """`Kids: Rowan 2014-07-19, Isla (2017-12-03)`: each date right behind a name, in the line."""
    low = reading.low
    line = low.find("\n", end, end + _CHILDREN_REACH)
    stop = line if line >= 0 else min(len(low), end + _CHILDREN_REACH)
    for found in DATE.finditer(low, end, stop):
        if _CHILD.search(reading.view, end, found.start()) and not ANOTHER.search(
            low, max(end, found.start() - 24), found.start()
        ):
            yield found.span()


def _in_record(low: str, start: int) -> Place | None:
    """`1999.01.17 / MB PHIN`: the date in the field before the one that a word of identity heads."""
    if not _DIGITS.search(low, max(0, start - _GAP), start):
        return None
    for found in DATE.finditer(low, max(0, start - 34), start):
        if _FIELD.fullmatch(low, found.end(), start) and is_old(found.group()):
            return found.span()
    return None


def _bracketed(low: str) -> Iterator[Place]:
    """`from Dauphin (12 Aug 1992)`: a date alone in brackets."""
    for opened in _OPENED.finditer(low):
        place = date_at(low, opened.end())
        if place and low[place[1] : place[1] + 1] == ")" and is_past(low[slice(*place)]):
            yield place


def _beside_ages(reading: Reading) -> Iterator[tuple[Place, float]]:
    """`1980-04-12 (46 ans)`, `46 y/o, 1980-04-12`, `1971-05-04 (55F)`, `Tina K., 17 (2009-05-11)`."""
    low = reading.low
    for aged in _AGE_AND_SEX.finditer(reading.view):
        dates = DATE.finditer(low, max(0, aged.start() - _DATE_LENGTH), aged.start())
        yield from ((date.span(), 0.7) for date in dates if low[date.end() : aged.start()] in _BARE_GAPS)
    for opened in _AGE_BARE.finditer(low):
        place = date_at(low, opened.end())
        year = year_of(low[slice(*place)]) if place else None
        if place and year and year + int(low[opened.start() - 3 : opened.start() - 1]) in _NOW:
            yield place, 0.6
    yield from ((place, 0.75) for place in _by_ages(reading))


def _by_ages(reading: Reading) -> Iterator[Place]:
    """`46 y/o, 1980-04-12`, `1980-04-12, age 46`; date and age must come to a likely year."""
    low = reading.low
    for start, end in reading.cues.of(Cue.AGE):
        head = max(0, start - 16)
        if aged := _AGED.search(low[head:start]):
            yield from _around_age(low, head + aged.start(), end, int(aged[1]))
    if "age" not in low and "how old" not in low:
        return
    for said in _AGE_SAID.finditer(low):
        if not low[max(0, said.start() - 1)].isalpha() or said.start() == 0:
            yield from _around_age(low, said.start(), said.end(), int(said[1]))
    dated = "19" in low or "20" in low
    asked = _AGES_ASKED.search(low) if dated and any(word in low for word in _ASKING) else None
    if asked:
        for found in DATE.finditer(low, asked.end(), asked.end() + _LIST_LENGTH):
            begun = _FIELD_BEFORE.search(low[max(0, found.start() - 4) : found.start()])
            if begun and _FIELD_BEHIND.match(low, found.end()) and is_past(found.group()):
                yield found.span()


def _around_age(low: str, start: int, end: int, age: int) -> Iterator[Place]:
    for found in DATE.finditer(low, max(0, start - _AGE_REACH), start):
        if _ENDED.fullmatch(low, found.end(), start) and _agree(found.group(), age):
            yield found.span()
    mark = _AFTER_AGE.match(low, end)
    if mark and (place := date_at(low, mark.end())) and year_of(low[slice(*place)]) and _agree(low[slice(*place)], age):
        yield place


def _agree(date: str, age: int) -> bool:
    year = year_of(date)
    return age <= _OLDEST and (year is None or _FIRST_NOW <= year + age <= _LAST_NOW)


def _beside_sexes(low: str) -> Iterator[Place]:
    """`femme, 3 mars 1984` and `|19840302|F|`."""
    if ("19" in low or "20" in low) and any(word in low for word in _SEX_WORDS):
        for sex in _SEX_WORD.finditer(low):
            if (place := date_at(low, sex.end())) and is_past(low[slice(*place)]):
                yield place
    if "|" in low:
        for mark in _SEX_BEHIND.finditer(low):
            for found in DATE.finditer(low, max(0, mark.start() - 12), mark.start() + 1):
                if found.end() == mark.start():
                    yield found.span()


def _corrected(low: str, told: Iterable[Place]) -> Iterator[Place]:
    """`the bracelet says 1931-04-04 instead of 1931-04-14`: what records of people mistake so is a birth."""
    for word in _CORRECTED:
        mark = low.find(word)
        while mark >= 0:
            for one, other in _pairs(low, mark - _DATE_LENGTH, mark + _REACH):
                if one.end() <= mark < other.start():
                    yield from (one.span(), other.span())
            mark = low.find(word, mark + 1)
    for start, end in told:
        for one, other in _pairs(low, start - _CORRECTED_REACH, end + _CORRECTED_REACH):
            if one.group() != other.group() and _is_slip(one.group(), other.group()):
                yield from (one.span(), other.span())


def _pairs(low: str, start: int, stop: int) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """Neighbouring dates of one year long ago, of no paper and no visit."""
    start = max(0, start)
    if low.count("19", start, stop) + low.count("20", start, stop) < 2:  # noqa: PLR2004 - two years are written out
        return
    dates = [date for date in DATE.finditer(low, start, stop) if is_past(date.group())]
    for one, other in pairwise(dates):
        if year_of(one.group()) == year_of(other.group()):
            head = max(0, one.start() - _REACH)
            if not ANOTHER.search(low, head, one.start()) and not _PAPERS.search(low, head, one.start()):
                yield one, other


def _is_slip(one: str, other: str) -> bool:
    """A digit or two typed wrong, or the same ones in another order."""
    if len(one) != len(other):
        return False
    return sum(a != b for a, b in zip(one, other, strict=True)) <= _SLIP or sorted(one) == sorted(other)


def find_beside(reading: Reading, hits: Iterable[Hit]) -> list[Hit]:
    """Dates in the field beside a name or a number of identity, as lists of people have them.

    `Doe, Jane / 06-JUN-1991`, `1939-08-08 F Doe Jane`, `carte santé 0093 172 846   1er avril 1944`.
    """
    low, births = reading.low, list[Hit]()
    for hit in hits:
        if hit.type is EntityType.PERSON:
            births += [Hit(*place, EntityType.DATE_OF_BIRTH, score, "birth") for place, score in _at_name(low, hit)]
        elif hit.type in _LASTING and hit.score >= UNSURE and not reading.cues.heads(hit.start):
            births += [Hit(*place, EntityType.DATE_OF_BIRTH, 0.6, "birth") for place in _at_number(low, hit)]
    return births


def _at_name(low: str, name: Hit) -> Iterator[tuple[Place, float]]:
    mark = _LISTED.match(low, name.end)
    place = date_at(low, mark.end()) if mark else None
    if (
        place
        and _is_of_person(low[slice(*place)])
        and not _RUNS_ON.match(low, place[1])
        and not _AUTHOR.search(low, max(0, name.start - 24), name.start)
    ):
        yield place, 0.6
    head = max(0, name.start - _DATE_LENGTH)
    if not _DIGITS.search(low, max(head, name.start - _GAP), name.start):
        return
    for found in DATE.finditer(low, head, name.start):
        if _SEX_BETWEEN.fullmatch(low, found.end(), name.start):
            yield found.span(), 0.7


def _is_of_person(date: str) -> bool:
    """Old, and if the year has two figures it stands first: `95-10-02`."""
    return is_past(date) or (date[:2].isdigit() and date[:2] > "31" and is_old(date))


def _at_number(low: str, number: Hit) -> Iterator[Place]:
    mark = _NEXT_FIELD.match(low, number.end)
    if mark and (place := date_at(low, mark.end())) and is_past(low[slice(*place)]):
        yield place
    if not _DIGITS.search(low, max(0, number.start - _GAP), number.start):
        return
    for found in DATE.finditer(low, max(0, number.start - _DATE_LENGTH - 8), number.start):
        between = _NEXT_FIELD.fullmatch(low, found.end(), number.start) or low[found.end() : number.start] == " "
        birth = number.kind == "QC" and _digits(found.group())[-6:] == _birth_of(low[number.start : number.end])
        if between and (is_past(found.group()) or birth):
            yield found.span()


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _birth_of(number: str) -> str:
    """Year, month and day as Quebec's health numbers have them, fifty added to the month of women."""
    digits = _digits(number)
    return f"{digits[:2]}{int(digits[2:4] or 0) % 50:02}{digits[4:6]}"
