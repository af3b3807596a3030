"""Numbers that an authority gave to a person: social insurance and security, health cards, licences, passports."""

import re

from services.pii.entities import EntityType
from services.pii.recognizers.cues import nearest
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.numbers.checks import (
    is_bc_health,
    is_french_social,
    is_luhn,
    is_ontario_health,
    is_saskatchewan_health,
)
from services.pii.recognizers.numbers.layouts import Number
from services.pii.recognizers.numbers.phones import CANADA
from services.pii.recognizers.phrases import Cue

_SSN = re.compile(r"[0-9]{3}([-. ])[0-9]{2}\1[0-9]{4}")
_SIN = re.compile(r"[0-9]{3}([-. ])[0-9]{3}\1[0-9]{3}")
_HEALTH = re.compile(r"[0-9]{4}([- ])[0-9]{3}\1[0-9]{3}")
_ALBERTA = re.compile(r"[0-9]{5}[- ][0-9]{4}")
_VERSION = re.compile(r"[ -]?[A-Z]{2}(?![A-Za-z0-9])")
_SPACED = re.compile(r"[0-9](?: [0-9]){11,15}")
_NIR = re.compile(
    r"[123478][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}(?:[ .-]{0,3}[0-9]{2})?"
)
_NINE, _TEN = 9, 10
_PHONE, _RIGHT_BEFORE = "3-3-4", 12
_BEHIND = 9  # a word behind the number says less
_PERSONAL = {Cue.SIN, Cue.SSN, Cue.HEALTH, Cue.PHONE, Cue.LICENCE, Cue.PASSPORT, Cue.BANK, Cue.ROUTING, Cue.CARD,
             Cue.OTHER, Cue.TRANSIT, Cue.INSTITUTION}  # fmt: skip
_IDENTITY = {Cue.SIN, Cue.SSN, Cue.HEALTH, Cue.LICENCE, Cue.PASSPORT, Cue.BANK, Cue.ROUTING, Cue.CARD}


def find_identity(number: Number, around: dict[Cue, int], view: str) -> Hit | None:
    """The number as an identity's, by its layout, its check digit and the nearest word that names one."""
    called = nearest(around, _PERSONAL)
    length = len(number.digits)
    if length == _NINE:
        return _of_nine(number, called, around)
    if length == _TEN and called is Cue.HEALTH and number.shape() == _PHONE and around[called] > _BEHIND:
        return None  # no health card is grouped so: the word belongs to another number
    if length == _TEN:
        return _of_ten(number, called, view, around)
    if called is Cue.SSN and 12 <= length <= 16:  # noqa: PLR2004 - a NIR, a digit lost or its check digits left off
        return _hit(number, EntityType.SSN, 0.85, "nir", "FR")
    if _NIR.fullmatch(number.text) and is_french_social(number.digits) and (length > 13 or called is Cue.SSN):  # noqa: PLR2004
        return _hit(number, EntityType.SSN, 0.8, "nir", "FR")
    if _SPACED.fullmatch(number.text) and number.digits[0] in "12" and Cue.CARD not in around:
        return _hit(number, EntityType.SSN, 0.6, "nir", "FR")
    return None


def _of_nine(number: Number, called: Cue | None, around: dict[Cue, int]) -> Hit | None:
    text, digits = number.text, number.digits
    if called is Cue.HEALTH and not _SSN.fullmatch(text):
        province = "AB" if _ALBERTA.fullmatch(text) else "SK" if is_saskatchewan_health(digits) else ""
        return _hit(number, EntityType.HEALTH_NUMBER, 0.85, "health", province)
    if found := _SSN.fullmatch(text):
        return _of_social_security(number, called, around, dashed=found[1] == "-")
    if called is Cue.SSN and Cue.SIN in around and _SIN.fullmatch(text):
        called = Cue.SIN
    if called is Cue.SIN and text.replace("/", "") == text:
        return _hit(number, EntityType.SIN, 0.95 if is_luhn(digits) else 0.8, "sin")
    if called is Cue.SSN:
        return _hit(number, EntityType.SSN, 0.8, "ssn", "US")
    valid = is_luhn(digits) and digits[0] not in "08"
    if called in _IDENTITY or called is Cue.PHONE:
        grouped = called is Cue.PASSPORT and _SIN.fullmatch(text) and valid  # no passport is grouped so
        return _hit(number, EntityType.SIN, 0.7, "sin") if grouped else None
    if _ALBERTA.fullmatch(text) and called is None:
        return _hit(number, EntityType.HEALTH_NUMBER, 0.4, "health", "AB")
    if _SIN.fullmatch(text):
        weak = called is Cue.OTHER
        return _hit(number, EntityType.SIN, (0.45 if weak else 0.8) if valid else 0.2 if weak else 0.42, "sin")
    return None


def _of_social_security(number: Number, called: Cue | None, around: dict[Cue, int], *, dashed: bool) -> Hit:
    """Grouped as a number of the United States."""
    if called is Cue.SIN and Cue.SSN not in around:
        return _hit(number, EntityType.SIN, 0.8, "sin")
    if called is Cue.SSN:
        return _hit(number, EntityType.SSN, 0.95, "ssn", "US")
    other = called is Cue.OTHER
    sure = dashed and not (other and around[Cue.OTHER] <= _RIGHT_BEFORE)
    return _hit(number, EntityType.SSN, 0.85 if sure else 0.35 if other else 0.6, "ssn", "US")


def _of_ten(number: Number, called: Cue | None, view: str, around: dict[Cue, int]) -> Hit | None:
    digits = number.digits
    grouped = _HEALTH.fullmatch(number.text) is not None
    plain = number.text == digits
    version = _VERSION.match(view, number.end) if grouped or plain else None
    ontario, british = is_ontario_health(digits), is_bc_health(digits)
    province = "BC" if british else "ON" if ontario else "BC" if digits[0] == "9" else "NS" if grouped else ""
    end = version.end() if version else number.end
    if called is Cue.HEALTH:
        if plain and not (ontario or british) and around[called] > _RIGHT_BEFORE and digits[0] not in "019":
            served = digits[:3] in CANADA  # a telephone number, rather
            return _hit(number, EntityType.PHONE, 0.6, "phone", "nanp") if served else None
        score = 0.9
    elif called is not None and called is not Cue.OTHER and called is not Cue.CARD:
        return None
    elif grouped:
        score = 0.85 if version and ontario else 0.75 if (ontario or british) and called is None else 0.4
    elif version and ontario and called is None and view[number.end] in "- ":
        score = 0.55
    else:
        return None
    return Hit(number.start, end, EntityType.HEALTH_NUMBER, score, "health", "ON" if version else province)


def _hit(number: Number, kind: EntityType, score: float, recognizer: str, detail: str = "") -> Hit:
    return Hit(number.start, number.end, kind, score, recognizer, detail)
