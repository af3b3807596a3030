"""Telephone numbers: of North America, of France, international, and any digits that a word calls a phone."""

import re

from phonenumbers import NumberParseException, is_possible_number, parse, region_code_for_country_code

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.numbers.layouts import DATE, Number
from services.pii.recognizers.phrases import Cue

_NORTH_AMERICA = re.compile(
    r"(?:\+?[01]{0,2}1[-. ]{0,2})?(?:\([0-9]{3}\)[-. ]{0,2}|[0-9]{3}(?: ?[-./] ?| ))[0-9]{3}(?: ?[-.] ?| )?[0-9]{4}"
)
_FRANCE = re.compile(r"(?:0|(?:\+|00)33[ .-]?(?:\(0\))?)[1-9](?:[ .-]?[0-9]{2}){4}")
_TRUNK = re.compile(r"\(?0[0-9]{1,4}\)?[ -.][0-9]{2,4}(?:[ -.]?[0-9]{2,4}){1,3}")
_GROUPS = re.compile(r"\+?\(?[0-9]{1,5}\)?(?:[-. /]{0,2}\(?[0-9]{1,5}\)?){1,6}")
_EXTENSION = re.compile(r"[ ,]{0,2}(?:x|ext\.?|extension|poste|p\.|#)[ .:]{0,2}[0-9]{1,6}(?![0-9A-Za-z])")
_DECIMAL = re.compile(r"[0-9]{4,}\.[0-9]{1,7}|[0-9]{1,2}\.[0-9]{4,}")
_SHORTEST, _LONGEST = 7, 15
_BARE, _LONGEST_BARE = 10, 13
_LOCAL = {"3-4", "3-2-2", "3-3", "2-2-2-2", "4-4", "3-3-3", "3-2-3", "2-3-3", "2-3-2-2", "3-3-2"}
_CLOSE = 25
_RIGHT_BEFORE = 12  # so near a word of orders and files speaks of the number, however it is grouped
# Area codes of Canada (https://cnac.ca/area_code_maps/canadian_area_codes.htm); toll-free ones are nobody's.
CANADA = frozenset(
    """
    204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 514
    519 537 548 568 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905
    942
    """.split()
)
_YEARS = re.compile(r"(?:19|20)[0-9]{2}[-/](?:19|20)[0-9]{2}")  # of a budget
_TRUNK_DIGITS = 8


def find_phone(number: Number, around: dict[Cue, int], low: str) -> Hit | None:
    """The number as a phone, its extension taken in; None where it is none."""
    score, kind = _score(number, around)
    if not score:
        return None
    end = number.end
    if extension := _EXTENSION.match(low, end):
        end = extension.end()
    elif low[end : end + 1].isalpha():
        return None
    return Hit(number.start, end, EntityType.PHONE, score, "phone", kind)


def _score(number: Number, around: dict[Cue, int]) -> tuple[float, str]:
    text, digits = number.text, number.digits
    length = len(digits)
    if (
        _YEARS.fullmatch(text)
        or not _SHORTEST <= length <= _LONGEST + 3
        or len(set(digits)) == 1
        or DATE.match(text)
        or _DECIMAL.fullmatch(text)
    ):
        return 0, ""
    called = Cue.PHONE in around
    other = around.get(Cue.OTHER, 99) < around.get(Cue.PHONE, 99)
    if text[0] == "+" or text.startswith("(+"):
        return _international(text, digits, called=called)
    if _NORTH_AMERICA.fullmatch(text):
        other = other and (text == digits or around[Cue.OTHER] <= _RIGHT_BEFORE)
        return (0.95 if called else 0.45 if other else 0.85 if _is_served(digits) else 0.65), "nanp"
    if _FRANCE.fullmatch(text):
        return (0.95 if called else 0.45 if other else 0.55 if text == digits else 0.8), "FR"
    if length > (_LONGEST_BARE if text == digits else _LONGEST):
        return 0, ""
    if called and (not other or around[Cue.PHONE] < _CLOSE) and _GROUPS.fullmatch(text):
        return 0.85, "nanp" if length == _BARE and _is_served(digits) else ""
    return (0, "") if other else _uncalled(number)


def _uncalled(number: Number) -> tuple[float, str]:
    """By layout alone."""
    text, digits = number.text, number.digits
    if text == digits:
        if len(digits) != _BARE or not _is_served(digits):
            return 0, "nanp"
        return (0.55 if digits[:3] in CANADA and digits[4:6] != "11" else 0.4), "nanp"
    if (_TRUNK.fullmatch(text) and len(digits) > _TRUNK_DIGITS) or (text.startswith("00") and len(digits) > _BARE):
        return 0.6, ""
    if number.shape() == "3-3-2-2" and digits[:3] in CANADA:
        return 0.7, "nanp"
    return (0.4 if number.shape() in _LOCAL else 0), ""


def _is_served(digits: str) -> bool:
    """Area code and exchange as North America numbers them."""
    return digits[-10] in "23456789" and digits[-7] in "23456789"


def _international(text: str, digits: str, *, called: bool) -> tuple[float, str]:
    if len(digits) > _LONGEST or not _GROUPS.fullmatch(text.replace("(+", "+").replace("(0)", "")):
        return (0.6 if called else 0), ""
    try:
        parsed = parse("+" + digits)
    except NumberParseException:
        return (0.7 if called else 0.5), ""
    region = region_code_for_country_code(parsed.country_code or 0)
    return (0.95 if is_possible_number(parsed) else 0.7), "nanp" if parsed.country_code == 1 else region
