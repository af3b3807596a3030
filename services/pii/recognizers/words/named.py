"""Identifiers without a layout of their own, known by the word right before them: a PIN, a transit number."""

import re

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.numbers.layouts import DATE
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_MIXED = re.compile(
    r"(?:[A-Za-z]{1,9}[ -]?(?=[0-9])|(?=[0-9]))[0-9][A-Za-z0-9]{0,16}"
    r"(?:[ -][A-Za-z0-9]{0,8}[0-9][A-Za-z0-9]{0,8}){0,4}(?![A-Za-z0-9_])"
)
_BETWEEN = re.compile(
    r"[\"')\]]{0,2}[ \t]{0,3}(?:\(?(?!cover|bill|serv|version|cours|memo|safe|pays?\b|paid|act\b|sect|guid|fee|turn"
    r"|room|chamb|page|form|spe)"
    r"[a-z]{2,12}\)?[ \t]{1,2})?(?:(?:no|num|number|numero|nbr|nr|id)\b)?"
    r"[ \t.:#=\-*\"'|,\[\]n°ºo]{0,8}(?:(?:is|was|est|etait)[ \t:]{1,2})?[\"']?",
    re.IGNORECASE,
)
_NAMED = {
    Cue.HEALTH: (EntityType.HEALTH_NUMBER, 5, 16, "health"),
    Cue.PASSPORT: (EntityType.PASSPORT, 6, 12, "passport"),
    Cue.LICENCE: (EntityType.DRIVER_LICENCE, 5, 18, "licence"),
    Cue.BANK: (EntityType.BANK_ACCOUNT, 6, 24, "account"),
    Cue.TRANSIT: (EntityType.BANK_ACCOUNT, 4, 9, "transit"),
    Cue.INSTITUTION: (EntityType.BANK_ACCOUNT, 3, 4, "institution"),
    Cue.POSTAL: (EntityType.POSTAL_CODE, 3, 9, "postal_code"),
    Cue.PHONE: (EntityType.PHONE, 4, 6, "extension"),
    Cue.PIN: (EntityType.SECRET, 3, 8, "pin"),
}
_EXTENSIONS = frozenset({"joignable", "joignables", "joignable au", "poste", "ext", "bip", "dect"})
_SHORT, _LONG_ENOUGH = frozenset({"hn", "hc", "h.c.", "hcp", "hin", "uli", "assure", "assuree", "healthcare"}), 8
_REACH, _HEAD, _DIGIT = 28, 10, re.compile(r"[0-9]")
_NO_VALUE = re.compile(
    r"(?:version|room|page|bed|lit|chambre|ward|unit|form|bill|loi)[ .-]?[0-9]|(?-i:[a-z]{3,9} )", re.IGNORECASE
)


def find_named(reading: Reading) -> list[Hit]:
    """What stands right after a word that names it."""
    hits: list[Hit] = []
    cues = reading.cues
    for start, end, kinds in zip(cues.starts, cues.ends, cues.cues, strict=True):
        for kind in kinds:
            hit = _value(reading, end, kind, reading.low[start:end]) if kind in _NAMED else None
            hits += [hit] if hit else []
    return hits


def _value(reading: Reading, end: int, cue: Cue, word: str) -> Hit | None:
    """The identifier that stands right after a cue, over `number`, `no.`, `is`, a colon or quotes."""
    kind, least, most, recognizer = _NAMED[cue]
    if not _DIGIT.search(reading.view, end, end + _REACH + _HEAD):
        return None
    between = _BETWEEN.match(reading.view, end, end + _REACH)
    at = between.end() if between else end
    found = _MIXED.match(reading.view, at)
    if not found:
        return None
    text = found.group()
    if DATE.match(reading.view, at) or _NO_VALUE.match(text):
        return None
    compact = text.replace(" ", "").replace("-", "")
    digits = sum(map(str.isdigit, compact))
    if cue is Cue.PHONE and (word not in _EXTENSIONS or not text.isdigit()):
        return None
    if cue not in {Cue.HEALTH, Cue.LICENCE, Cue.PASSPORT, Cue.POSTAL} and not compact.isdigit():
        return None
    if not least <= len(compact) <= most or digits < min(3, least) or (digits < 5 and not compact.isdigit()):  # noqa: PLR2004
        return None
    if word in _SHORT and digits < _LONG_ENOUGH and cue is Cue.HEALTH:
        return None
    if cue is Cue.PASSPORT and compact.isdigit() and word.startswith(("pp", "pass ", "pass.")):
        return None
    asked = any(mark in reading.view[end:at] for mark in ":#=") or at == end
    weak = cue is Cue.BANK or word in {"license", "licence", "patient", "branch", "postal", "bank", "accounts"}
    return Hit(at, found.end(), kind, 0.75 if asked or not weak else 0.55, recognizer)
