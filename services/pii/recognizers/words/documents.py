"""Numbers with letters, known by their layout: IBANs, postal codes, health cards, passports, driver's licences."""

import re

from services.pii.entities import EntityType
from services.pii.recognizers.cues import nearest
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.numbers.checks import is_iban
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_STOP = r"(?![A-Za-z0-9_])"
_BEHIND_LETTER = re.compile(r"[0-9](?:(?<=[A-Za-z][0-9])|(?<=[A-Za-z][ -][0-9]))")  # where nearly all of these begin
_CANADA = re.compile(
    r"(?i:[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][ -]?[0-9][ABCEGHJ-NPRSTV-Z][0-9])(?![A-Za-z0-9_\-+=])"
)
_BRITAIN = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}" + _STOP)
_IBAN = re.compile(r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?" + _STOP)
_IBAN_UNEVEN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{0,30}(?:[ -][0-9A-Z]{2,30}){0,7}" + _STOP)
_ZIP = re.compile(r"[0-9]{5}(?:-[0-9]{4})?(?![0-9A-Za-z_\-.])")
_STATES = frozenset(
    """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY DC PR VI GU AE AP AA
    """.split()
)
_RAMQ = re.compile(r"[A-Za-z]{4}[ -]?([0-9]{2})[ -]?([0-9]{2})[ -]?([0-9]{2})[ -]?[0-9]{2}" + _STOP)
_PASSPORT = re.compile(r"(?:[A-Z]{2}[0-9]{6}|[A-Z]{2} [0-9]{3} [0-9]{3}|[A-Z][0-9]{6}[A-Z]{2})" + _STOP)
_CANADIAN = re.compile(r"(?<![a-z])(?:canadien(?:ne)?|canadian|can)[ ,;:/#]{1,3}$")
_CANADIAN_REACH = 16
_MACHINE_READ = re.compile(r"P[A-Z<]CAN[A-Z<]{10,45}\n?[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{7}[A-Z<][0-9]{7}[A-Z0-9<]{2,18}")
_NEAR_TERRITORY = 32
_TERRITORY = re.compile(r"[A-Z](?:[0-9]{7}| ?[0-9]{3}[ -][0-9]{4})" + _STOP)
_LICENCES = (
    (re.compile(r"[A-Za-z][0-9]{4}[ -][0-9]{5}[ -]?[0-9]{5}" + _STOP), 0.85, "ON"),
    (re.compile(r"[A-Za-z][0-9]{4}[ -][0-9]{6}[ -][0-9]{2}" + _STOP), 0.85, "QC"),
    (re.compile(r"[A-Z][0-9]{3}-[0-9]{3}-[0-9]{2}-[0-9]{3}(?:-[0-9])?" + _STOP), 0.8, "US"),
    (re.compile(r"[A-Z]{5}[ -]?[0-3][0-9][0-1][0-9][0-9]{2}[ -]?[0-9]{3}" + _STOP), 0.6, "NS"),
    (re.compile(r"[A-Z][0-9]{14}" + _STOP), 0.55, "ON"),
    (re.compile(r"[A-Z][0-9]{12}" + _STOP), 0.55, "QC"),
)
_MANITOBA = re.compile(r"(?:[A-Z]{2}-){3}[A-Z](?<![A-Za-z0-9_].{10})[0-9]{3}[A-Z]{2}" + _STOP)
_MANITOBA_HEAD = 9
# What a word calls a licence, right behind it: provinces have many layouts, and change them.
_CALLED = re.compile(r"[\"' ]{0,2}[:=#]?[\"' ]{0,3}((?=(?:[A-Z-]*[0-9]){3})[A-Z0-9][A-Z0-9-]{5,16})(?![A-Za-z0-9_-])")
_OF_CLASS = re.compile(  # `4471829, BC class 5`
    r"(?<![0-9a-z-])([0-9][0-9-]{4,14}[0-9])[\"']?[ ]?[,;|(/]?[ ]?[\"']?(?:[a-z]{2} )?classe? [1-7](?![0-9])"
)
_LONGEST_HEAD = 5
_IDENTITY = {Cue.PASSPORT, Cue.LICENCE, Cue.HEALTH, Cue.OTHER, Cue.SIN, Cue.PHONE, Cue.BANK, Cue.IBAN, Cue.CARD}


def find_documents(reading: Reading) -> list[Hit]:
    """Identifiers by their layout, each weighed by the words near it."""
    view = reading.view
    hits: list[Hit | None] = []
    for found in _BEHIND_LETTER.finditer(view):
        at = found.start()
        if not view[at - 1].isalpha():
            head = _letters(view, at - 1)
            hits.append(_parted(reading, at - 1 - head, head))
            continue
        head = _letters(view, at)
        start = at - head
        if head == 1 and (manitoban := _MANITOBA.match(view, max(0, start - _MANITOBA_HEAD))):
            hits.append(Hit(*manitoban.span(), EntityType.DRIVER_LICENCE, 0.85, "licence", "MB"))
        elif head and not (head == 1 and start and view[start - 1] in "_-./+="):
            hits.append(_joined(reading, start, head))
    for _, end in reading.cues.of(Cue.LICENCE):
        if (called := _CALLED.match(view, end)) and not called[1].isdigit():
            hits.append(Hit(*called.span(1), EntityType.DRIVER_LICENCE, 0.8, "licence", ""))
    if "CAN" in view:
        hits += [
            Hit(*found.span(), EntityType.PASSPORT, 0.98, "passport", "CA") for found in _MACHINE_READ.finditer(view)
        ]
    if "class" in reading.low:
        places = [found.span(1) for found in _OF_CLASS.finditer(reading.low)]
        hits += [Hit(*place, EntityType.DRIVER_LICENCE, 0.7, "licence", "") for place in places]
    return [hit for hit in hits if hit]


def _joined(reading: Reading, start: int, head: int) -> Hit | None:
    """What begins with so many letters and a digit right after them."""
    match head:
        case 1:
            return (
                _postal_code(reading, start)
                or _travel(reading, start)
                or _licence(reading, start)
                or _territory(reading, start)
            )
        case 2:
            return _iban(reading, start) or _postal_code(reading, start) or _travel(reading, start)
        case 4:
            return _ramq(reading, start)
        case 5:
            return _licence(reading, start)
        case _:
            return None


def _parted(reading: Reading, start: int, head: int) -> Hit | None:
    """What begins with so many letters, a blank and a digit."""
    match head:
        case 2 if reading.view[start : start + 2] in _STATES and (code := _ZIP.match(reading.view, start + 3)):
            return Hit(*code.span(), EntityType.POSTAL_CODE, 0.75, "postal_code", "US")
        case 1:
            return _territory(reading, start)
        case 2:
            return _travel(reading, start)
        case 4:
            return _ramq(reading, start)
        case 5:
            return _licence(reading, start)
        case _:
            return None


def _letters(view: str, end: int) -> int:
    """How many letters stand right before a place, 0 where they are the tail of something longer."""
    start = end
    while start and end - start <= _LONGEST_HEAD and view[start - 1].isalpha():
        start -= 1
    longer = start and (view[start - 1].isalnum() or view[start - 1] == "_")
    return 0 if longer or end - start > _LONGEST_HEAD else end - start


def _iban(reading: Reading, start: int) -> Hit | None:
    found = _IBAN.match(reading.view, start) or _IBAN_UNEVEN.match(reading.view, start)
    if not found:
        return None
    text = found.group()
    while text:
        compact = text.replace(" ", "").replace("-", "")
        if 15 <= len(compact) <= 34 and is_iban(compact.upper()):  # noqa: PLR2004 - ISO 13616
            score = 0.99 if compact[:2].isupper() else 0.8
            return Hit(start, start + len(text), EntityType.IBAN, score, "iban", compact[:2].upper())
        text = text[: max(text.rfind(" "), text.rfind("-"), 0)]
    if Cue.IBAN in reading.cues.around(start, found.end()):
        return Hit(start, found.end(), EntityType.IBAN, 0.7, "iban", found.group()[:2].upper())
    return None


def _postal_code(reading: Reading, start: int) -> Hit | None:
    view = reading.view
    found = _CANADA.match(view, start)
    if not found:
        british = _BRITAIN.match(view, start)
        return Hit(*british.span(), EntityType.POSTAL_CODE, 0.55, "postal_code", "GB") if british else None
    text = found.group()
    spaced = len(text) > 6  # noqa: PLR2004 - six characters and what parts them
    letters = text[0] + text[2] + text[-2]
    score = 0.9 if spaced and (letters.isupper() or letters.islower()) else 0.65 if letters.isupper() else 0.35
    around = reading.cues.around(*found.span())
    if Cue.POSTAL in around or (score < 0.5 and Cue.ADDRESS in around):  # noqa: PLR2004
        score = 0.95
    elif nearest(around, {Cue.OTHER}) and not spaced:
        score = 0.35
    return Hit(*found.span(), EntityType.POSTAL_CODE, score, "postal_code", "CA")


def _ramq(reading: Reading, start: int) -> Hit | None:
    found = _RAMQ.match(reading.view, start)
    if not found or not 1 <= int(found[2]) % 50 <= 12 or not 1 <= int(found[3]) <= 31 or int(found[2]) > 62:  # noqa: PLR2004
        return None  # fifty is added to the month for women
    called = nearest(reading.cues.around(*found.span()), _IDENTITY)
    upper = found.group()[:4].isupper()
    score = 0.95 if called is Cue.HEALTH else 0.4 if called in {Cue.OTHER, Cue.IBAN} else 0.8 if upper else 0.4
    return Hit(*found.span(), EntityType.HEALTH_NUMBER, score, "ramq", "QC")


def _travel(reading: Reading, start: int) -> Hit | None:
    found = _PASSPORT.match(reading.view, start)
    if not found:
        return None
    called = nearest(reading.cues.around(*found.span()), _IDENTITY)
    if called not in {None, Cue.PASSPORT}:
        return None
    told = _CANADIAN.search(reading.low[max(0, start - _CANADIAN_REACH) : start])
    of_travel = told or reading.cues.has(Cue.PASSPORT) or reading.cues.has(Cue.TRAVEL)
    score = 0.95 if called else 0.6 if of_travel else 0.35
    return Hit(*found.span(), EntityType.PASSPORT, score, "passport", "CA")


def _territory(reading: Reading, start: int) -> Hit | None:
    """A health card of the Northwest Territories, where a word says so."""
    found = _TERRITORY.match(reading.view, start)
    if not found or Cue.HEALTH not in reading.cues.around(*found.span(), _NEAR_TERRITORY):
        return None
    return Hit(*found.span(), EntityType.HEALTH_NUMBER, 0.75, "health", "NT")


def _licence(reading: Reading, start: int) -> Hit | None:
    for pattern, score, province in _LICENCES:
        if found := pattern.match(reading.view, start):
            called = nearest(reading.cues.around(*found.span()), _IDENTITY)
            sure = 0.95 if called is Cue.LICENCE else score - 0.3 if called is not None else score
            return Hit(*found.span(), EntityType.DRIVER_LICENCE, sure, "licence", province)
    return None
