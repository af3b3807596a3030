"""Dates of birth: the date that follows a word of birth, stands beside an age, a name or a number of identity."""

import re
from collections.abc import Iterable, Iterator

from services.pii.entities import EntityType
from services.pii.recognizers.hits import UNSURE, Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.words.dates import DATE, PARTIAL, SPOKEN, SPOKEN_HINT, date_at, is_past, year_of

Place = tuple[int, int]

_OPENED = re.compile(r"\((?<=[^\W\d_] \()(?=[0-9jfmasond])")
_SEX = re.compile(r"[MFH](?<![A-Za-z0-9_][MFH])[ ]?[|,;/][ ]?(?=[0-9])")  # a record: name | F | date
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
_FIELD = re.compile(r"[\"')]?[ \t]?[/|,;\t][ \t\"']{0,3}(?:[a-z]{2,4}\.? )?")
_NEXT_FIELD = re.compile(r"[\"')\]]{0,2}(?:[ \t]{2,8}|[ \t]{0,2}[,;|/\t][ \t\"']{0,3})")
_NUMBERED = frozenset({Cue.HEALTH, Cue.SIN, Cue.SSN, Cue.LICENCE, Cue.PASSPORT})
_PERSONAL = frozenset({Cue.AGE, Cue.BIRTH, *_NUMBERED})  # a text that has these speaks of somebody
_LASTING = frozenset({EntityType.HEALTH_NUMBER, EntityType.SIN, EntityType.SSN})  # papers have dates of their own
_REACH, _NEAR_REACH = 56, 14
_AGE_REACH, _AT_ONCE, _DATE_LENGTH, _SPOKEN_LENGTH, _LIST_LENGTH = 40, 4, 24, 80, 2_048
_DOUBTFUL = frozenset({"ne le", "ne en", "b.", "n. le"})  # the French "not", abbreviations: a date must follow at once
_FEASTS = re.compile(  # not somebody's day, but everybody's or a company's
    r"s\b|[ ](?:du|des|de la|nationale?)\b|[ ]de (?:mariage|service|fondation|noces)"
    r"|[ ]de l'(?:entreprise|organisme|ecole)"
)
_OF_FEASTS = frozenset({"fete", "anniversaire", "anniv"})
_ANOTHER = re.compile(  # the date behind these is of something else
    r"\b(?:admi[ts]|seen\b|visit|signe|expir|exp\b|issued|valid|rendez-vous|rdv\b|appointment|vue? le|recue? le|delivr|"
    r"hired|embauch|died|dece|meurt|mort|discharged|today|aujourd'hui|renew|renouvel|since\b|depuis\b|hospitalis)"
)
_SENTENCE_ENDS = (". ", "; ", "! ")
_FORM = re.compile(r"[\s:*._]{0,8}(?:\([^()\n]{1,30}\))?[\s:*._]{0,8}")  # a field on a line of its own
_SAYS = re.compile(
    r"[ ]?[(\[-]?[ ]?|[ ,]{1,2}(?:is|was|est|etait|as|comme|c'est) "
    r"(?:(?:my|his|her|their|your|the|ma|sa|ta|votre|leur|la) )?|, (?:my|his|her|their|ma|sa|leur) "
)
_NAME_BETWEEN = re.compile(r",?(?: [A-Z][A-Za-z'.-]{0,24}){1,4} (?:was|is|est|fut|etait) ")


def find_births(reading: Reading) -> list[Hit]:
    """Only where a word of birth, an age or a sex stands: a date alone is nobody's birth."""
    low, cues = reading.low, reading.cues
    places = [(place, 0.7) for sex in _SEX.finditer(reading.view) if (place := date_at(low, sex.end()))]
    for start, end in cues.of(Cue.BIRTH):
        if low[start:end] in _OF_FEASTS and _FEASTS.match(low, end):
            continue
        if found := _after(reading, start, end):
            places.append(found)
        elif before := _before(reading, start):
            places.append((before, 0.7))
    for start, kinds in zip(cues.starts, cues.cues, strict=True):
        if not _NUMBERED.isdisjoint(kinds) and (record := _in_record(low, start)):
            places.append((record, 0.6))
    if _PERSONAL & {kind for kinds in cues.cues for kind in kinds}:
        places += [(place, 0.55) for place in _bracketed(low)]
    for aged in _AGE_AND_SEX.finditer(reading.view):
        head = max(0, aged.start() - _DATE_LENGTH)
        dates = DATE.finditer(low, head, aged.start())
        places += [(date.span(), 0.7) for date in dates if low[date.end() : aged.start()] in _BARE_GAPS]
    places += [(place, 0.75) for place in _beside_ages(reading)]
    places += [(place, 0.6) for place in _beside_sexes(low)]
    return [Hit(*place, EntityType.DATE_OF_BIRTH, score, "birth") for place, score in places]


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
    if mark and (place := date_at(low, mark.end())) and is_past(low[slice(*place)]):
        yield place, 0.6
    head = max(0, name.start - _DATE_LENGTH)
    for found in DATE.finditer(low, head, name.start):
        if _SEX_BETWEEN.fullmatch(low, found.end(), name.start):
            yield found.span(), 0.7


def _at_number(low: str, number: Hit) -> Iterator[Place]:
    mark = _NEXT_FIELD.match(low, number.end)
    if mark and (place := date_at(low, mark.end())) and is_past(low[slice(*place)]):
        yield place
    for found in DATE.finditer(low, max(0, number.start - _DATE_LENGTH - 8), number.start):
        if _NEXT_FIELD.fullmatch(low, found.end(), number.start) and is_past(found.group()):
            yield found.span()


def _after(reading: Reading, start: int, end: int) -> tuple[Place, float] | None:
    """The date that follows a word of birth; a year or a month alone only right after it."""
    low = reading.low
    word = low[start:end]
    doubtful = word in _DOUBTFUL and reading.plain[start + 1].isascii()
    reach, near = (_AT_ONCE, _AT_ONCE) if doubtful else (_REACH, _NEAR_REACH)
    found = DATE.search(low, end, end + reach + _DATE_LENGTH)
    partial = (
        PARTIAL.search(low, end, end + near + _DATE_LENGTH) if word != "b." or low[start - 1 : start] == "(" else None
    )
    if partial and (partial.start() - end > near or (found and partial.end() > found.start())):
        partial = None
    if (not found or partial) and SPOKEN_HINT.search(low, end, end + reach + _SPOKEN_LENGTH):
        spoken = SPOKEN.search(low, end, end + reach + _SPOKEN_LENGTH)
        if spoken and spoken.start() - end <= reach and (not partial or spoken.start() <= partial.start()):
            found, partial = spoken, None
    if partial and not any(mark in low[end : partial.start()] for mark in _SENTENCE_ENDS):
        return partial.span(), 0.7
    if found and found.start() - end <= reach and _belongs(low, end, found.start()):
        return found.span(), 0.9
    return None


def _belongs(low: str, end: int, start: int) -> bool:
    """Whether nothing between a word of birth and a date gives the date to something else."""
    between = low[end:start]
    if "\n\n" in between and not _FORM.fullmatch(between):
        return False
    return not _ANOTHER.search(between, between.rfind("\n") + 1)


def _before(reading: Reading, start: int) -> Place | None:
    """`1980-04-12 (DOB)`, `12 mars 1984 est sa date de naissance`, `On 3 March 1984 Jane Doe was born`."""
    low = reading.low
    for found in DATE.finditer(low, max(0, start - 90), start):
        if _SAYS.fullmatch(low, found.end(), start):
            return found.span()
        if low.startswith(("born", "ne"), start) and _NAME_BETWEEN.fullmatch(reading.view, found.end(), start):
            return found.span()
    return None


def _beside_ages(reading: Reading) -> Iterator[Place]:
    """`1980-04-12 (46 ans)`, `46 y/o, 1980-04-12`, `1980-04-12, age 46`; date and age must come to a likely year."""
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


def _bracketed(low: str) -> Iterator[Place]:
    """`from Dauphin (12 Aug 1992)`: a date alone in brackets."""
    for opened in _OPENED.finditer(low):
        place = date_at(low, opened.end())
        if place and low[place[1] : place[1] + 1] == ")" and is_past(low[slice(*place)]):
            yield place


def _in_record(low: str, start: int) -> Place | None:
    """`1999.01.17 / MB PHIN`: the date in the field before the one that a word of identity heads."""
    for found in DATE.finditer(low, max(0, start - 34), start):
        if _FIELD.fullmatch(low, found.end(), start) and is_past(found.group()):
            return found.span()
    return None
