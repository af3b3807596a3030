"""Numbers people are known by: cards, insurance, health, accounts, passports, licences; none that was issued."""

import re
from collections.abc import Callable

from services.pii.restoring.folding import fold
from services.pii.substitutes.choosing import Choices
from services.pii.substitutes.dates import Dates
from services.pii.substitutes.people import People
from services.pii.substitutes.shapes import digits_of as _digits
from services.pii.substitutes.shapes import fill, luhn, reshape

# Prefixes of the brands' published test numbers, by what the original begins with; the longest first.
_TEST_PREFIXES = (
    ("6011", "601100"),
    ("3528", "356600"),
    ("34", "378282"),
    ("37", "378282"),
    ("30", "305693"),
    ("36", "362272"),
    ("38", "385200"),
    ("35", "356600"),
    ("62", "620000"),
    ("65", "601100"),
    ("64", "601100"),
    ("50", "675900"),
    ("4", "400000"),
    ("5", "555555"),
    ("2", "222300"),
    ("3", "378282"),
    ("6", "675900"),
)
_RAMQ = re.compile(r"([a-z]{4})[ \-]?(\d{2})[ \-]?(\d{2})[ \-]?(\d{2})[ \-]?(\d{2})")
_BC_WEIGHTS = (2, 4, 8, 5, 10, 9, 7, 3)
_ENDINGS = 2000
_IBAN = 34  # the longest of ISO 13616
_FOUR = re.compile(".{1,4}")
_CARD, _AMERICAN, _SHORT, _ENDING, _NINE, _TEN, _TRANSIT, _INSTITUTION = 16, 15, 8, 4, 9, 10, 5, 3
_ROUTING_UNASSIGNED = "5"  # ABA prefixes 33-60 belong to nobody


class Numbers:
    """The numbers of one request."""

    def __init__(self, choices: Choices, people: People, dates: Dates) -> None:
        self._choices = choices
        self._people = people
        self._dates = dates

    def card(self, text: str) -> str:
        """A test number of the same brand and length, right by Luhn."""

        def draw(digits: str, attempt: int) -> str:
            prefix = next((test for begun, test in _TEST_PREFIXES if digits.startswith(begun)), f"{digits[:1]}00000")
            prefix = prefix[: max(1, len(digits) - 5)]
            return luhn(prefix + self._choices.digits("card", digits, attempt, len(digits) - len(prefix) - 1))

        out = self._numbered(text, draw, ending=True)
        new, old = _digits(out), _digits(text)
        if len(new) == len(old) == _CARD:
            self._offer_groups(new, old, (4, 4, 4, 4))
        elif len(new) == len(old) == _AMERICAN:
            self._offer_groups(new, old, (4, 6, 5))
        return out

    def social_security(self, text: str) -> str:
        """9xx-01..49-xxxx: SSA never issues an area of 9, and the IRS's own numbers there have groups from 50 on."""

        def draw(digits: str, attempt: int) -> str:
            number = self._choices.number("ssn", digits, attempt)
            new = f"9{number % 100:02d}{number // 100 % 49 + 1:02d}{number // 4900 % 9999 + 1:04d}"
            return new if len(digits) == _NINE else new[-len(digits) :].rjust(len(digits), "9")

        out = self._numbered(text, draw, ending=True)
        self._offer_groups(_digits(out), _digits(text), (3, 2, 4))
        return out

    def social_insurance(self, text: str) -> str:
        """First digit 8, right by Luhn: no SIN begins with it. (Nor with 0, but the CRA's own numbers do.)"""

        def draw(digits: str, attempt: int) -> str:
            return luhn("8" + self._choices.digits("sin", digits, attempt, max(0, len(digits) - 2)))

        out = self._numbered(text, draw, ending=True)
        self._offer_groups(_digits(out), _digits(text), (3, 3, 3))
        return out

    def health(self, text: str, province: str) -> str:
        """Quebec's from the substituted name and date; Ontario's begins with 0; British Columbia's fails its check."""
        folded = fold(text)
        quebec = _RAMQ.fullmatch(folded)
        if quebec is not None:
            return self._quebec(text, quebec)

        def draw(digits: str, attempt: int) -> str:
            noise = self._choices.digits("health", digits, attempt, len(digits))
            if len(digits) == _TEN and digits[0] == "9" and province in {"", "BC"}:
                body = "9" + noise[1:9]
                check = (11 - sum(w * int(d) % 11 for w, d in zip(_BC_WEIGHTS, body[1:], strict=True))) % 11
                return f"{body}{(check + 1 + int(noise[9]) % 9) % 10 if check < _TEN else noise[9]}"
            if len(digits) == _TEN:
                return luhn("0" + noise[1:9])
            return "0" + noise[1:]

        return self._numbered(text, draw, ending=True)

    def bank(self, text: str) -> str:
        """Transit and account anew; an institution's number, which is public, stays."""
        groups = re.findall(r"\d+", text)

        def draw(digits: str, attempt: int) -> str:
            noise = self._choices.digits("bank", digits, attempt, len(digits))
            if len(groups) == 1 and len(digits) == _NINE and digits[0] == "0":
                return digits[:4] + noise[4:]  # 0, institution, transit: as in electronic payments
            if len(groups) == 1 and len(digits) == _NINE and _is_routing(digits):
                return _routing(_ROUTING_UNASSIGNED + noise[1:8])
            at, out = 0, ""
            for number, group in enumerate(groups):
                keeps = len(group) == _INSTITUTION and number > 0 and len(groups[number - 1]) == _TRANSIT
                out += group if keeps else noise[at : at + len(group)]
                at += len(group)
            return out

        return self._numbered(text, draw, ending=True)

    def iban(self, text: str) -> str:
        """The same country and length, right by mod 97."""
        compact = re.sub(r"[^0-9A-Za-z]", "", text).upper()

        def draw(attempt: int) -> str:
            body = reshape(self._choices, "iban", compact[4:], attempt)
            check = 98 - int("".join(str(int(c, 36)) for c in f"{body}{compact[:2]}00")) % 97
            following = iter(f"{compact[:2]}{check:02d}{body}")
            return "".join(next(following) if c.isalnum() else c for c in text)

        if not compact.isascii() or not _TEN < len(compact) <= _IBAN or not compact[:2].isalpha():
            return self.document(text)
        out = self._choices.pick(draw, text)
        aliases = self._choices.aliases
        aliases.add(out, text)
        bare = re.sub(r"[^0-9A-Za-z]", "", out).upper()
        aliases.offer(lambda: [(bare, compact), (" ".join(_FOUR.findall(bare)), " ".join(_FOUR.findall(compact)))])
        return out

    def document(self, text: str) -> str:
        """Passports, licences and numbers of unknown make: letters for letters, digits for digits."""
        key = re.sub(r"[^0-9a-z]", "", fold(text))
        out = self._choices.pick(lambda attempt: self._document(text, key, attempt), text)
        self._choices.aliases.add(out, text)
        bare, old = (re.sub(r"[\s.\-]", "", value) for value in (out, text))
        if len(bare) >= _SHORT - 2 and bare != out and not out.isalpha():
            self._choices.aliases.offer(lambda: [(bare, old)])
        return out

    def _document(self, text: str, key: str, attempt: int) -> str:
        if not key.isascii() or len(key) != sum(c.isalnum() for c in text):
            return reshape(self._choices, "document", text, attempt)
        following = iter(reshape(self._choices, "document", key.upper(), attempt))
        drawn = "".join(next(following) if c.isalnum() else c for c in text)
        return "".join(new.lower() if old.islower() else new for new, old in zip(drawn, text, strict=True))

    def _quebec(self, text: str, found: re.Match[str]) -> str:
        letters, year, month, day, tail = found.groups()
        born = self._dates.on_card(year, month, day)

        def draw(attempt: int) -> str:
            noise = self._choices.digits("ramq", found.group(), attempt, 6)
            digits = f"{born}{noise[:2]}" if born is not None else f"{year}{month}{noise[2:4]}{tail}"
            four = self._people.letters(letters) if attempt < 8 else self._people.letters(letters + str(attempt))  # noqa: PLR2004
            following = iter(four + digits)
            drawn = "".join(next(following) if c.isalnum() else c for c in text)
            return drawn.lower() if text.islower() else drawn

        out = self._choices.pick(draw, text)
        self._choices.aliases.add(out, text)
        new, old = (re.sub(r"[ \-]", "", value) for value in (out, text))
        self._offer_groups(new, old, (4, 4, 4))
        return out

    def _numbered(self, text: str, draw: Callable[[str, int], str], *, ending: bool) -> str:
        """Digits by `draw` in the layout of the text, letters anew; comes back in the same layout and bare."""
        old = _digits(text)
        if len(old) < _ENDING:
            return self.document(text)
        # Ten thousand endings are not for everybody: a long list of numbers does without.
        ending = ending and len(old) >= _SHORT and self._choices.aliases.endings < _ENDINGS
        letters = any(c.isalpha() for c in text)
        aliases = self._choices.aliases

        def candidate(attempt: int) -> str:
            out = fill(text, draw(old, attempt))
            if not letters:
                return out
            drawn = reshape(self._choices, "letters", text, attempt)
            return "".join(new if c.isalpha() else kept for c, kept, new in zip(text, out, drawn, strict=True))

        def fits(out: str) -> bool:
            return self._choices.is_free(out, text) and (
                not ending
                or (aliases.takes_ending(last := _digits(out)[-_ENDING:]) and self._choices.word_is_free(last))
            )

        out = self._choices.pick(candidate, text, fits)
        aliases.add(out, text)
        new = _digits(out)
        if len(new) == len(old):
            if len(old) >= _SHORT - 1:
                aliases.add(new, old)
            if ending:
                aliases.add_ending(new[-_ENDING:], old[-_ENDING:])
        return out

    def _offer_groups(self, new: str, old: str, sizes: tuple[int, ...]) -> None:
        if len(new) == len(old) == sum(sizes):
            self._choices.aliases.offer(
                lambda: [(sign.join(_grouped(new, sizes)), sign.join(_grouped(old, sizes))) for sign in (" ", "-", "")]
            )


def _grouped(digits: str, sizes: tuple[int, ...]) -> list[str]:
    out, at = [], 0
    for size in sizes:
        out.append(digits[at : at + size])
        at += size
    return out


def _is_routing(digits: str) -> bool:
    return digits == _routing(digits[:8])


def _routing(eight: str) -> str:
    """Eight digits with the check digit of the American Bankers Association."""
    total = sum(int(d) * w for d, w in zip(eight, (3, 7, 1, 3, 7, 1, 3, 7), strict=True))
    return f"{eight}{-total % 10}"
