"""Telephone numbers: the same layout and area, and numbers that are set aside for fiction."""

import re
from collections.abc import Iterator

from services.pii.restoring.folding import fold
from services.pii.substitutes.choosing import Choices
from services.pii.substitutes.shapes import digits_of, fill

# Area codes of the North American plan in Canada (CNA), by province.
_AREAS = {
    "AB": "403 587 780 825 368",
    "BC": "236 250 257 604 672 778",
    "MB": "204 431 584",
    "NB": "506 428",
    "NL": "709 879",
    "NS PE": "902 782",
    "NT NU YT": "867",
    "ON": "226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 905 942",
    "QC": "263 354 367 418 438 450 468 514 579 581 819 873",
    "SK": "306 474 639",
}
_SAME_PROVINCE = {area: codes.split() for codes in _AREAS.values() for area in codes.split()}
# ARCEP's numbers for films and books, by the digit after 0 or +33; Ofcom's for drama.
_FRANCE = {"1": "19900", "2": "26191", "3": "35301", "4": "46571", "5": "53649", "6": "63998", "7": "63998"}
_EXTENSION = re.compile(r"\s*(?:[x#]|ext\.?|extension|poste|post)\s*\.?:?\s*(\d{1,6})\Z")
_NANP, _LOCAL, _FRENCH = 10, 7, 9
_OWN_AREA_TRIES, _SAME_PROVINCE_TRIES = 6, 12
_LAYOUTS = ("{}-{}-{}", "{}.{}.{}", "{} {} {}", "{}) {}-{}", "{}){}-{}", "{}) {} {}", "{}{}{}", "1{}{}{}")


class Phones:
    """The telephone numbers of one request."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def substitute(self, text: str) -> str:
        """The number with another subscriber; an extension stays."""
        extension = _EXTENSION.search(fold(text))
        core = text[: extension.start()] if extension else text
        digits = digits_of(core)
        if len(digits) < _LOCAL - 2:
            digits = ""
        out = self._choices.pick(lambda attempt: fill(core, self._number(digits, attempt)), core) if digits else core
        if out == core or out.isalpha():
            out = self._choices.coined(core)
            self._choices.aliases.add(out + text[len(core) :], text)
            return out + text[len(core) :]
        new = digits_of(out)
        aliases = self._choices.aliases
        aliases.add(out, core)
        if len(digits) >= _LOCAL:
            aliases.add(new, digits)
            aliases.offer(lambda: _layouts(new, digits))
        if extension:
            whole = out + text[len(core) :]
            aliases.add(whole, text)
            more = extension.group(1)
            aliases.offer(lambda: _layouts(new + more, digits + more))
            return whole
        return out

    def _number(self, digits: str, attempt: int) -> str:
        size = len(digits)
        number = self._choices.number("phone", digits, attempt)
        if size == _LOCAL:
            return f"55501{number % 100:02d}"
        if (size == _NANP and digits[0] not in "01") or (size == _NANP + 1 and digits[0] == "1"):
            area = digits[-_NANP:-_LOCAL]
            if _OWN_AREA_TRIES <= attempt < _SAME_PROVINCE_TRIES:
                others = _SAME_PROVINCE.get(area, [area])
                area = others[number // 100 % len(others)]
            if attempt < _SAME_PROVINCE_TRIES:
                return f"{digits[:-_NANP]}{area}55501{number % 100:02d}"
            return f"{digits[:-_NANP]}{area}555{2000 + number % 8000:04d}"
        if digits.startswith("33") and size >= _FRENCH + 2 and attempt < _OWN_AREA_TRIES:
            return digits[:-_FRENCH] + self._french(digits[-_FRENCH:], number)
        if size == _NANP and digits[0] == "0" and attempt < _OWN_AREA_TRIES:
            return "0" + self._french(digits[1:], number)
        if (digits.startswith("44") or (digits[0] == "0" and size == _NANP + 1)) and attempt < _OWN_AREA_TRIES:
            return self._british(digits, number)
        kept = max(1, size - 7)
        return digits[:kept] + self._choices.digits("phone", digits, attempt, size - kept)

    def _french(self, digits: str, number: int) -> str:
        begun = _FRANCE.get(digits[0], digits[:2] + "990")
        return f"{begun}{number % 10_000:04d}"

    def _british(self, digits: str, number: int) -> str:
        subscriber = _NANP if len(digits) > _NANP else len(digits) - 1
        national = digits[-subscriber:]
        begun = {"7": "7700900", "2": "2079460"}.get(national[0], "1632960")
        return digits[:-subscriber] + f"{begun}{number % 1000:03d}"[-subscriber:].rjust(subscriber, "0")


def _layouts(new: str, old: str) -> Iterator[tuple[str, str]]:
    """Both numbers in the ways an answer may write them."""
    if len(old) >= _NANP:
        yield new, old
        a, b = new[-_NANP:], old[-_NANP:]
        for layout in _LAYOUTS:
            yield layout.format(a[:3], a[3:6], a[6:]), layout.format(b[:3], b[3:6], b[6:])
    if old.startswith("33") or (len(old) == _NANP and old[0] == "0"):
        a, b = new[-_FRENCH:], old[-_FRENCH:]
        for sign in (" ", ".", "-", ""):
            c, d = (sign.join((n[0], n[1:3], n[3:5], n[5:7], n[7:9])) for n in (a, b))
            yield f"0{c}", f"0{d}"
            yield f"33{sign}{c}", f"33{sign}{d}"
