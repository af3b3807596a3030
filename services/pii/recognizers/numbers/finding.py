"""Numbers: every run of digits of a reading, given to the rules in the order of what its layout says."""

import re

from services.pii.entities import EntityType
from services.pii.recognizers.cues import nearest
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.numbers.checks import card_brand, is_luhn, is_us_routing
from services.pii.recognizers.numbers.identities import find_identity
from services.pii.recognizers.numbers.layouts import DATE, Number, parts, runs, short_addresses
from services.pii.recognizers.numbers.phones import find_phone
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_IP = re.compile(r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}")
_CARD = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}")
_CHEQUE = re.compile(
    r"[0-9]{5}[- ][0-9]{3}[- ](?:[0-9]{5,12}(?:[- ][0-9]{1,3})?)"
    r"|[0-9]{5}-[0-9]{3}-[0-9]{2,5}-[0-9]{2,5}|[0-9]{5} (?:00[1-6]|010|016|030|039|614|621"
    r"|8[0-9]{2}) [0-9]{3,7}-[0-9]{1,4}"
    r"|[0-9]{3}[- ][0-9]{5}[- ][0-9]{6,12}"  # the institution first
)
# Forms with a box for each digit: a social security number, then a date of birth.
_SPACED_DATE = re.compile(r"[ \t]{1,4}([0-3] [0-9] [01] [0-9] (?:1 [89]|2 0) [0-9] [0-9])(?! ?[0-9])")
_FORM = re.compile(r"([12](?: [0-9]){12,15}) ([0-3] [0-9] [01] [0-9] (?:1 [89]|2 0) [0-9] [0-9])")
_MICR = re.compile(r"[⑆⑈⑉](?:[ -]?[0-9⑆⑈⑉]){14,40}")  # the line at the foot of a cheque
_NEAR_CARDS = {Cue.CARD, Cue.BANK, Cue.OTHER, Cue.PHONE, Cue.HEALTH, Cue.SSN, Cue.IBAN}
_CLOSE, _VERY_CLOSE = 20, 14
_CARD_LENGTHS = range(12, 20)
_EVERYTHING = {Cue.PHONE, Cue.SIN, Cue.SSN, Cue.HEALTH, Cue.CARD, Cue.BANK, Cue.TRANSIT, Cue.INSTITUTION, Cue.ROUTING,
               Cue.IBAN, Cue.PASSPORT, Cue.LICENCE, Cue.OTHER, Cue.BIRTH, Cue.PIN}  # fmt: skip
_BY_CUE = {
    Cue.BANK: (EntityType.BANK_ACCOUNT, range(5, 18), "account"),
    Cue.TRANSIT: (EntityType.BANK_ACCOUNT, range(5, 10), "transit"),
    Cue.INSTITUTION: (EntityType.BANK_ACCOUNT, range(5, 18), "account"),
    Cue.ROUTING: (EntityType.BANK_ACCOUNT, range(6, 18), "routing"),
    Cue.HEALTH: (EntityType.HEALTH_NUMBER, range(6, 15), ""),
    Cue.PASSPORT: (EntityType.PASSPORT, range(7, 10), ""),
    Cue.LICENCE: (EntityType.DRIVER_LICENCE, range(5, 15), ""),
    Cue.CARD: (EntityType.CREDIT_CARD, range(12, 20), ""),
    Cue.SIN: (EntityType.SIN, range(8, 11), ""),
}
_RANGE = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}-$")
_DEFANGED = re.compile(
    r"(?<![0-9.])[0-9]{1,3}(?:\[?\.\]?[0-9]{1,3}){3}(?![0-9.])"
)  # `203.0.113[.]7`, as analysts write
_AMOUNT = re.compile(r"[0-9 ]+\.[0-9]{2}")
_RECOVERY, _RECOVERY_LENGTH = re.compile(r"[0-9]{6}(?:[ -][0-9]{6}){7}"), 48  # of a disk under BitLocker
_SHORT = 7  # digits: fewer are no number of anybody's but an address
_SECTIONS = 16
_SIN_LENGTH = 9
_LONGEST_CARD = 12  # digits of a province's card
_PROVINCE_REACH = 32
_PROVINCE = re.compile(
    r"(?<![a-z])(?:ontario|ont\.|quebec|que\.|alberta|alta\.?|british columbia|colombie-britannique"
    r"|saskatchewan|sask\.?|manitoba|man\.|new brunswick|nouveau-brunswick|nova scotia|nouvelle-ecosse"
    r"|prince edward island|ile-du-prince-edouard|newfoundland|terre-neuve(?:-et-labrador)?|labrador|yukon|nunavut"
    r"|northwest territories|territoires du nord-ouest|[nc]\.-b\.|n\.-e\.|i\.-p\.-e\.|t\.-n\.(?:-l\.)?|t\.n\.-o\."
    r"|pei|on|qc|ab|bc|sk|mb|nb|ns|nl|yt|nt|nu)[ ]?[:#,-]?[ ]?(?:no\.?|n[o\u00b0]|#)?[ ]?$"
)
_PROVINCE_BEHIND = re.compile(
    r",? ?[(\[|]? ?(?:ontario|quebec|alberta|british columbia|saskatchewan|manitoba|new brunswick|nova scotia|yukon"
    r"|nunavut"
    r"|[nc]\.-b\.|n\.-e\.|i\.-p\.-e\.|t\.-n\.|t\.n\.-o\.|nouveau-brunswick|nouvelle-ecosse|pei|on|qc|ab|bc|sk|mb|nb|ns|nl|yt|nt"
    r"|nu)(?![a-z'-])"
)
_GROUPED = frozenset({"3-3-3", "4-3-3", "3-3-3-3", "5-4"})
_NOBODY = ("127.", "0.", "255.255.")


def find_numbers(reading: Reading) -> list[Hit]:
    """Every number that is somebody's among the runs of seven digits and more."""
    view = reading.view
    hits = [
        Hit(*found.span(), EntityType.BANK_ACCOUNT, 0.9, "micr", "CA")
        for found in (_MICR.finditer(view) if "⑆" in view else ())
    ]
    found = (_address(short, reading) for short in short_addresses(view) if _IP.fullmatch(short.text))
    hits += [hit for hit in found if hit]
    if "[.]" in view:
        defanged = (one for one in _DEFANGED.finditer(view) if "[" in one.group())
        hits += [Hit(*one.span(), EntityType.IP, 0.9, "ip", "") for one in defanged]
    for run in runs(view):
        if hit := _classify(run, reading):
            hits.append(hit)
            if hit.kind == "FR" and (birth := _SPACED_DATE.match(view, hit.end)):
                hits.append(Hit(*birth.span(1), EntityType.DATE_OF_BIRTH, 0.7, "birth"))
            continue
        if form := _FORM.fullmatch(run.text):
            hits.append(Hit(run.start, run.start + form.end(1), EntityType.SSN, 0.7, "nir", "FR"))
            hits.append(Hit(run.start + form.start(2), run.end, EntityType.DATE_OF_BIRTH, 0.7, "birth"))
            continue
        known = False
        for part in parts(view, run):
            if hit := _classify(part, reading):
                hits.append(hit)
                known = True
        if not known and not DATE.match(run.text) and (hit := _named(run, reading.cues.around(run.start, run.end))):
            hits.append(hit)
    return hits


def _classify(number: Number, reading: Reading) -> Hit | None:
    text, digits = number.text, number.digits
    if text.count(".") == 3 and _IP.fullmatch(text):  # noqa: PLR2004 - four parts
        return _address(number, reading)
    if DATE.match(text):
        return None
    if len(digits) == _RECOVERY_LENGTH and _RECOVERY.fullmatch(text):
        return Hit(number.start, number.end, EntityType.SECRET, 0.97, "recovery_key", "")
    around = reading.cues.around(number.start, number.end)
    card = _card(number, around) if len(digits) in _CARD_LENGTHS else None
    if card and card.score > 0.5:  # noqa: PLR2004 - better than unsure: nothing says it better
        return card
    if text[0] == "(" and _CHEQUE.fullmatch(text[1:]):  # in brackets
        number = Number(number.start + 1, number.end, text[1:], digits)
        text = number.text
    if _CHEQUE.fullmatch(text):
        sure = Cue.OTHER not in around
        named = Cue.BANK in around or Cue.TRANSIT in around or Cue.INSTITUTION in around
        score = 0.9 if named else 0.7 if sure else 0.45
        return Hit(number.start, number.end, EntityType.BANK_ACCOUNT, score, "cheque", "CA")
    identity = find_identity(number, around, reading.view) or _spoken_of(number, around, reading)
    if (identity is None or identity.score < 0.5) and _is_health(number, around, reading):  # noqa: PLR2004
        return Hit(number.start, number.end, EntityType.HEALTH_NUMBER, 0.55, "health", "")
    if identity and identity.score > 0.5:  # noqa: PLR2004
        return identity
    called = nearest(around, _EVERYTHING)
    phone = (
        find_phone(number, around, reading.low) if called in {None, Cue.PHONE, Cue.OTHER} or _is_phone(number) else None
    )
    best = max((hit for hit in (card, identity, phone) if hit), key=lambda hit: hit.score, default=None)
    if best and best.score > 0.5:  # noqa: PLR2004
        return best
    whole = " " not in text or text.count(" ") < 4  # noqa: PLR2004 - more are columns
    return (_named(number, around) if whole else None) or _of_province(number, reading) or best


def _spoken_of(number: Number, around: dict[Cue, int], reading: Reading) -> Hit | None:
    """Nine digits that nothing near explains, where the text speaks of social insurance numbers, however far away."""
    if len(number.digits) != _SIN_LENGTH or number.digits[0] in "08":
        return None
    called = nearest(around, _EVERYTHING)
    if (
        called in {Cue.PHONE, Cue.CARD}
        and number.shape() == "3-3-3"
        and is_luhn(number.digits)
        and reading.cues.has(Cue.SIN)
    ):
        return Hit(number.start, number.end, EntityType.SIN, 0.85, "sin")  # `lost her SIN card; her number is …`
    plain = number.text == number.digits
    if plain and Cue.OTHER not in around and is_luhn(number.digits) and reading.cues.has(Cue.PAYROLL):
        return Hit(number.start, number.end, EntityType.SIN, 0.55, "sin")
    if not plain or (called is not None and around[called] <= _VERY_CLOSE) or not reading.cues.has(Cue.SIN):
        return None
    return Hit(number.start, number.end, EntityType.SIN, 0.6 if is_luhn(number.digits) else 0.55, "sin")


def _is_health(number: Number, around: dict[Cue, int], reading: Reading) -> bool:
    """Grouped as health cards are, in a text that speaks of them, however far away."""
    if len(number.text) == len(number.digits) or len(number.digits) not in {9, 10} or not reading.cues.has(Cue.HEALTH):
        return False
    shape = number.shape()
    if shape != "4-3-3" and not (shape == "3-3-3" and not reading.cues.has(Cue.SIN)):
        return False
    called = nearest(around, _EVERYTHING)
    return called in {None, Cue.HEALTH, Cue.BIRTH, Cue.PHONE, Cue.CARD}


def _of_province(number: Number, reading: Reading) -> Hit | None:
    """`Nouvelle-Écosse 0091 491 177`, where the text speaks of health cards, or of licences."""
    before = reading.low[max(0, number.start - _PROVINCE_REACH) : number.start]
    if len(number.digits) > _LONGEST_CARD:
        return None
    if not _PROVINCE.search(before) and not (
        number.shape() in _GROUPED and _PROVINCE_BEHIND.match(reading.low, number.end)
    ):
        return None
    for cue, kind in ((Cue.HEALTH, EntityType.HEALTH_NUMBER), (Cue.LICENCE, EntityType.DRIVER_LICENCE)):
        if reading.cues.has(cue):
            return Hit(number.start, number.end, kind, 0.6, "province")
    return None


def _is_phone(number: Number) -> bool:
    """By its layout, whatever the words near it speak of: nothing else is grouped so."""
    return number.text[0] in "+(" or number.shape() == "3-3-4"


def _address(number: Number, reading: Reading) -> Hit | None:
    text, view = number.text, reading.view
    if text.startswith(_NOBODY) or text == "255.255.255.255":
        return None
    around = reading.cues.around(number.start, number.end, 12)
    before, after = view[number.start - 1 : number.start], view[number.end : number.end + 2]
    if (before in {".", "-"} and not _RANGE.search(view, max(0, number.start - 16), number.start)) or (
        after[:1] == "." and after[1:].isdigit()
    ):
        return None
    called = nearest(around, {Cue.IP, Cue.VERSION})
    # Numbers of sections have four parts too, small ones.
    section = len(number.digits) < _SHORT and called is None and max(map(int, text.split("."))) < _SECTIONS
    score = 0.35 if called is Cue.VERSION or section else 0.9
    private = text.startswith(("10.", "192.168.")) or (text.startswith("172.") and 16 <= int(text.split(".")[1]) < 32)  # noqa: PLR2004 - RFC 1918
    return Hit(number.start, number.end, EntityType.IP, score, "ipv4", "private" if private else "")


def _card(number: Number, around: dict[Cue, int]) -> Hit | None:
    if not _CARD.fullmatch(number.text):
        return None
    brand = card_brand(number.digits)
    called = nearest(around, _NEAR_CARDS)
    if called is Cue.OTHER and around[Cue.OTHER] > _CLOSE:
        called = None
    if brand and is_luhn(number.digits):
        sure = brand != "maestro" or len(number.digits) == 16  # noqa: PLR2004
        score = 0.95 if called is Cue.CARD else 0.4 if called is Cue.OTHER and number.text == number.digits else 0.85
        score = score if sure or called is Cue.CARD else 0.55 if called is None else 0.4
    elif called is Cue.CARD:
        score = 0.6
    else:
        grouped = number.shape() == "4-4-4-4" and brand and called is None
        score = 0.45 if grouped else 0
    return Hit(number.start, number.end, EntityType.CREDIT_CARD, score, "card", brand) if score else None


def _named(number: Number, around: dict[Cue, int]) -> Hit | None:
    """A number without a layout of its own: what the nearest word says."""
    called = nearest(around, _EVERYTHING)
    if called is None or called not in _BY_CUE:
        return None
    kind, lengths, detail = _BY_CUE[called]
    if len(number.digits) not in lengths or (called is Cue.CARD and not _CARD.fullmatch(number.text)):
        return None
    if called is Cue.BANK and _AMOUNT.fullmatch(number.text):
        return None
    if called is Cue.ROUTING and is_us_routing(number.digits):
        detail = "US"
    return Hit(number.start, number.end, kind, 0.75, called.value, detail)
