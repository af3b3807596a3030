"""Dates of birth: all of an account's are shifted by the same few days, so that the time between them stays."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.pii.restoring.folding import fold
from services.pii.substitutes.choosing import Choices
from services.pii.substitutes.shapes import fill

# Names of months as they are written, one list a style; the longest lists first where words are shared.
_MONTHS = tuple(
    tuple(line.split())
    for line in (
        "january february march april may june july august september october november december",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "janv févr mars avr mai juin juil août sept oct nov déc",
        "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
        "jan fév mar avr mai jun jul aoû sep oct nov déc",
        "january february march april may june july august sept october november december",
    )
)
_STYLE: dict[str, tuple[int, int]] = {}
for _style, _names in enumerate(_MONTHS):
    for _month, _name in enumerate(_names, 1):
        _STYLE.setdefault(fold(_name), (_style, _month))
_PART = re.compile(r"\d+|[^\W\d_]+")
_ORDINALS = frozenset({"st", "nd", "rd", "th", "er", "re", "e"})
_LITTLE = frozenset({"of", "de", "the", "le", "du", "d"})
_FULL_YEAR, _CARD_FEMALE, _PARTS = 4, 50, 3
_LEAST, _RANGE = 2, 26  # days
_YEARS = (99, 9998)
_COMPACT = 8
_MIDDLE = 12


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a text as a date: what it says, and how to write another date in its place."""

    said: date
    write: Callable[[date], str]


class Dates:
    """The dates of birth of one request."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        number = choices.number("date shift", "")
        self._shift = timedelta(days=(_LEAST + number % _RANGE) * (1 if number // _RANGE % 2 else -1))

    def substitute(self, text: str, french: bool = False) -> str:
        """The date, shifted, as it was written; day before month is read in French where both are possible."""
        readings = list(_readings(text, french))
        if not readings:
            return self._unread(text)
        reading = readings[0]

        def draw(attempt: int) -> str:
            return reading.write(reading.said + self._shifted(reading.said, attempt))

        out = self._choices.pick(draw, text, lambda out: out != text and self._choices.date_is_free(out), tries=4)
        aliases = self._choices.aliases
        if out.isalpha() and fold(shifted := draw(0)) not in aliases and shifted != text:
            out = shifted  # a list of all days: what counts is that no two dates become one
        aliases.add(out, text)
        if not out.isalpha():
            aliases.offer(lambda: _forms(out, readings, french))
        return out

    def on_card(self, year: str, month: str, day: str) -> str | None:
        """Six digits of Quebec's health card, shifted like every other date; women's months are 51 to 62."""
        female = int(month) > _CARD_FEMALE
        try:
            born = date(2000 + int(year), int(month) - (_CARD_FEMALE if female else 0), int(day))
        except ValueError:
            return None
        born += self._shift
        return f"{born.year % 100:02d}{born.month + (_CARD_FEMALE if female else 0):02d}{born.day:02d}"

    def _shifted(self, said: date, attempt: int) -> timedelta:
        if attempt == 0:
            return self._shift
        number = self._choices.number("date", said.isoformat(), attempt)
        return timedelta(days=(_LEAST + number % (_RANGE * 2)) * (1 if number // _RANGE // 2 % 2 else -1))

    def _unread(self, text: str) -> str:
        """What is no date we know: the digits anew, but years stay near."""

        def draw(attempt: int) -> str:
            def redrawn(found: re.Match[str]) -> str:
                digits = found.group()
                if len(digits) == _FULL_YEAR and digits[:2] in {"19", "20"}:
                    near = self._choices.number("year", digits, attempt) % 5 + 1
                    return f"{int(digits) + (near if near % 2 else -near)}"
                return self._choices.digits("date digits", text, attempt, len(digits))

            return re.sub(r"[0-9]+", redrawn, text)

        out = self._choices.pick(draw, text)
        self._choices.aliases.add(out, text)
        return out


def _forms(out: str, readings: list[_Reading], french: bool) -> Iterator[tuple[str, str]]:
    """Both dates in every layout, for each way to read them that both allow."""
    for again in _readings(out, french):
        was = next((reading.said for reading in readings if _order(reading) == _order(again)), None)
        if was is not None:
            yield from zip(_layouts(again.said), _layouts(was), strict=True)


def _order(reading: _Reading) -> str:
    """Which part is the day and which the month, seen by writing another date."""
    return re.sub(r"[^\W\d_]+", "m", reading.write(date(3333, 11, 22)))


def _readings(text: str, french: bool) -> Iterator[_Reading]:
    parts = [m for m in _PART.finditer(text) if fold(m.group()) not in _LITTLE]
    ordinal = [m for m in parts if fold(m.group()) in _ORDINALS and text[m.start() - 1 : m.start()].isdecimal()]
    parts = [m for m in parts if m not in ordinal]
    numbers = [m for m in parts if m.group().isdecimal() and m.group().isascii()]
    named = [m for m in parts if fold(m.group()) in _STYLE]
    if len(numbers) == 1 and not named and len(numbers[0].group()) == _COMPACT and len(parts) == 1:
        yield from _compact(text, numbers[0])
        return
    if len(parts) != _PARTS:
        # A day of the week before the date stays; anything else is not read.
        parts = parts[-_PARTS:] if len(named) == 1 and len(numbers) == _PARTS - 1 else []
    if len(named) == 1 and len(numbers) == _PARTS - 1:
        orders = [(numbers[0], named[0], numbers[1])]
        if len(numbers[0].group()) == _FULL_YEAR:
            orders = [(numbers[1], named[0], numbers[0])]
    elif len(numbers) == _PARTS and len(parts) == _PARTS:
        first, second, third = numbers
        if len(first.group()) == _FULL_YEAR:
            orders = [(third, second, first)]
        else:
            orders = [(second, first, third), (first, second, third)]
            if french or "." in text:
                orders.reverse()
    else:
        return
    for day, month, year in orders:
        reading = _reading(text, day, month, year, ordinal)
        if reading is not None:
            yield reading


def _reading(
    text: str, day: re.Match[str], month: re.Match[str], year: re.Match[str], ordinal: list[re.Match[str]]
) -> _Reading | None:
    style, number = _STYLE.get(fold(month.group()), (-1, 0))
    if len(year.group()) not in {2, _FULL_YEAR} or len(day.group()) > 2 or (style < 0 and len(month.group()) > 2):  # noqa: PLR2004
        return None
    full = int(year.group()) if len(year.group()) == _FULL_YEAR else 2000 + int(year.group())
    try:
        said = date(full, number or int(month.group()), int(day.group()))
    except ValueError:
        return None
    if not _YEARS[0] < said.year < _YEARS[1]:
        return None

    def write(new: date) -> str:
        changes = {
            day.span(): _padded(day.group(), new.day),
            month.span(): _named(style, month.group(), new.month) if number else _padded(month.group(), new.month),
            year.span(): str(new.year) if len(year.group()) == _FULL_YEAR else f"{new.year % 100:02d}",
        }
        for suffix in ordinal:
            changes[suffix.span()] = _ordinal(suffix.group(), new.day)
        out, at = "", 0
        for (start, end), value in sorted(changes.items()):
            out += text[at:start] + value
            at = end
        return out + text[at:]

    return _Reading(said, write)


def _compact(text: str, digits: re.Match[str]) -> Iterator[_Reading]:
    value = digits.group()
    for pattern in ("{0:%Y%m%d}", "{0:%d%m%Y}", "{0:%m%d%Y}"):
        year, month, day = (
            (value[:4], value[4:6], value[6:])
            if pattern.startswith("{0:%Y")
            else (value[4:], value[2:4], value[:2])
            if pattern.startswith("{0:%d")
            else (value[4:], value[:2], value[2:4])
        )
        if "1900" <= year <= "2099":
            try:
                said = date(int(year), int(month), int(day))
            except ValueError:
                continue
            yield _Reading(said, lambda new, pattern=pattern: fill(text, pattern.format(new)))  # type: ignore[misc]


def _padded(old: str, new: int) -> str:
    """As many digits as before where that says whether there is a zero in front."""
    return f"{new:02d}" if len(old) == 2 and (old[0] == "0" or new > 9) else str(new) if len(old) == 1 else f"{new:02d}"  # noqa: PLR2004


def _named(style: int, old: str, month: int) -> str:
    name = _MONTHS[style][month - 1]
    if old.isupper():
        return name.upper()
    return name.capitalize() if old[0].isupper() else name


def _ordinal(old: str, day: int) -> str:
    if fold(old) in {"er", "re", "e"}:
        return "er" if day == 1 else ""
    suffix = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")  # noqa: PLR2004 - 11th to 13th
    return suffix.upper() if old.isupper() else suffix


def _layouts(day: date) -> tuple[str, ...]:
    """The same date in the ways an answer may write it."""
    english, french, short = (_MONTHS[style][day.month - 1] for style in (0, 1, 2))
    year, number = day.year, day.day
    suffix = _ordinal("th", number)
    first = f"{number}er" if number == 1 else str(number)
    return (
        day.isoformat(),
        f"{day:%Y/%m/%d}",
        f"{english.capitalize()} {number}, {year}",
        f"{english.capitalize()} {number}{suffix}, {year}",
        f"{number} {english.capitalize()} {year}",
        f"{short.capitalize()} {number}, {year}",
        f"{number} {short.capitalize()} {year}",
        f"{first} {french} {year}",
        f"{day:%d/%m/%Y}",
        f"{day:%m/%d/%Y}",
        f"{number}/{day.month}/{year}",
        f"{day.month}/{number}/{year}",
        f"{day:%d.%m.%Y}",
        f"{day:%d-%m-%Y}",
    )
