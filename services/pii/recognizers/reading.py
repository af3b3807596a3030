"""A slice of a text as the rules read it: invisible characters gone, escapes and letters folded, cue words found."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from services.pii.escapes import unescaped
from services.pii.recognizers.cues import CueMap, find_cues

_SPACES = frozenset("\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))))
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # full-width letters, digits and signs
_LINES = frozenset("\u0085\u2028\u2029")
_QUOTES = dict.fromkeys("\u2018\u2019\u02bc\u2032\u2039\u203a", "'") | dict.fromkeys(
    "\u201c\u201d\u201e\u00ab\u00bb", '"'
)
# Letters that look like Latin ones: enough to read a number, a key or an address written to slip through.
_LOOKALIKES = dict(
    zip(
        "АВЕКМНОРСТУХЅІЈасеорухѕіјһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν",  # noqa: RUF001 - that is what they are
        "ABEKMHOPCTYXSIJaceopyxsijhdqwABEZHIKMNOPTYXoiv",
        strict=True,
    )
)
# Scripts that write words without blanks between them: Thai and Lao, Burmese, Khmer, Chinese and Japanese.
_WORDLESS = tuple(
    range(first, last)
    for first, last in ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x2E80, 0xAC00), (0xF900, 0xFE00),
                        (0xFFF0, 0x10000), (0x1B000, 0x1B300), (0x20000, 0x40000))
)  # fmt: skip
_UNSEEN = frozenset(
    [*range(0x0300, 0x0370), *range(0xFE00, 0xFE10), 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xE0000, 0xE01F0)]
)  # combining accents (a decomposed text reads like a composed one), variation selectors, fillers, tags
_MANY = 12
_REMEMBERED = 20_000  # texts choose what is remembered, so that it needs a bound
_EMPHASIS = re.compile(  # Markdown's: `_416-924-7731_`
    r"(?<![^\s(\[\"'*>|:,;-])(_{1,3})(?=[^\s_])([^_\n]{1,200}?)(?<=\S)\1(?![\w@])"
)
_FOREIGN = re.compile(r"[^\x00-\x7f]")

_folds: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Reading:
    """`plain` is the text without what nobody sees, with what escapes mean; `view` is that folded, `low` in lower case.

    The three are of one length; character `i` stands from `offsets[i]` to `ends[i]` in the text (None: where it stands
    here).
    """

    plain: str
    view: str
    low: str
    offsets: tuple[int, ...] | None
    cues: CueMap
    fenced: tuple[tuple[int, int], ...] = ()
    ends: tuple[int, ...] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Borders in the slice's own text for borders in the view."""
        if self.offsets is None or self.ends is None:
            return start, end
        return self.offsets[start], self.ends[end - 1]

    def in_code(self, position: int) -> bool:
        return any(start <= position < end for start, end in self.fenced)


def read(text: str, fenced: tuple[tuple[int, int], ...] = ()) -> Reading:
    known = unescaped(text)
    offsets, ends = (tuple(known.starts), tuple(known.ends)) if known else (None, None)
    text = known.text if known else text
    if "_" in text:
        text = _EMPHASIS.sub(_plain, text)
    plain, view = text, text
    if not text.isascii():
        foreign = set(_FOREIGN.findall(text))
        if any(_is_half(character) for character in foreign):
            text = text.translate({ord(character): "\ufffd" for character in foreign if _is_half(character)})
        plain, seen = _visible(text, foreign)
        if seen is not None:
            ends = tuple([ends[at] for at in seen] if ends else [at + 1 for at in seen])
            offsets = tuple([offsets[at] for at in seen]) if offsets else seen
        if any(ord(character) in _WIDE for character in foreign):
            plain = plain.translate(_WIDE)
        view = _folded(plain, foreign)
    low = lower(view)
    if offsets is not None and fenced:
        fenced = tuple((_index(offsets, start), _index(offsets, end)) for start, end in fenced)
    return Reading(plain, view, low, offsets, find_cues(plain, low), fenced, ends)


def _plain(emphasis: re.Match[str]) -> str:
    marks = " " * len(emphasis[1])
    return f"{marks}{emphasis[2]}{marks}"


def fold(plain: str) -> str:
    """Accents off, full-width and look-alike letters to ASCII, any digit to 0-9, any blank to a space; same length."""
    return plain if plain.isascii() else _folded(plain, set(_FOREIGN.findall(plain)))


def _is_half(character: str) -> bool:
    """Half of a surrogate pair: JSON can say it, UTF-8 cannot."""
    return "\ud800" <= character <= "\udfff"


def _folded(plain: str, foreign: set[str]) -> str:
    changes: dict[str, str | int | None] = {}
    for character in foreign:
        folded = _folds.get(character)
        if folded is None:
            folded = _fold(character)
            if len(_folds) < _REMEMBERED:
                _folds[character] = folded
        if folded != character:
            changes[character] = folded
    if len(changes) > _MANY:
        return plain.translate(str.maketrans(changes))
    for character, to in changes.items():
        plain = plain.replace(character, str(to))
    return plain


def lower(view: str) -> str:
    """Lower case of the same length: a few letters of Unicode become two when they are lowered."""
    low = view.lower()
    if len(low) == len(view):
        return low
    return "".join(one if len(one := character.lower()) == 1 else character for character in view)


def joined(character: str) -> bool:
    """Whether a word goes on with this character."""
    return character.isalnum() and not (character > "\u0dff" and _is_wordless(ord(character)))


def _is_wordless(code: int) -> bool:
    return any(code in script for script in _WORDLESS)


def _visible(text: str, foreign: set[str]) -> tuple[str, tuple[int, ...] | None]:
    unseen = {character for character in foreign if _is_unseen(character)}
    if not unseen:
        return text, None
    offsets = tuple(index for index, character in enumerate(text) if character not in unseen)
    return "".join([text[index] for index in offsets]), offsets


@lru_cache(maxsize=4_096)
def _is_unseen(character: str) -> bool:
    return ord(character) in _UNSEEN or unicodedata.category(character) == "Cf"


def _fold(character: str) -> str:
    if character in _SPACES:
        return " "
    if character in _LINES:
        return "\n"
    if same := _QUOTES.get(character) or _LOOKALIKES.get(character):
        return same
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    category = unicodedata.category(character)
    if category == "Pd" or character == "\u2212":
        return "-"
    if category == "Cs":
        return ";"
    if category != "No":
        base = unicodedata.normalize("NFKD", character)[:1]
        if base.isascii() and base.strip():
            return base
    return ";" if _is_wordless(ord(character)) else character


def _index(offsets: tuple[int, ...], position: int) -> int:
    low, high = 0, len(offsets)
    while low < high:
        middle = (low + high) // 2
        if offsets[middle] < position:
            low = middle + 1
        else:
            high = middle
    return low
