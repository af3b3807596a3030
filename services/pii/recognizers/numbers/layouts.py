"""How digits are laid out: the patterns whose grouping alone says much, and the parts of a long run of numbers."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# A run of at least seven digits with a blank or a few separators between two of them; not after a letter or digit.
_RUN = re.compile(r"[0-9](?<![A-Za-z0-9_][0-9])(?<![0-9][.][0-9])(?:(?: ?[-.()/|]{1,3} ?| )?[0-9]){6,}")
_SEPARATORS = str.maketrans("", "", "-. ()/|+")
DATE = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-/.|])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])"
    r"|(?:0?[1-9]|[12][0-9]|3[01])([-/.|])(?:0?[1-9]|[12][0-9]|3[01])\2(?:(?:19|20)[0-9]{2}|[0-9]{2}))(?![-./|]?[0-9])"
)
_PARTS = re.compile(  # groupings that stand out inside a longer run
    r"(?<![0-9])(?:"
    r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.[0-9])"  # IPv4
    r"|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,3})?"  # a card
    r"|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{5}"  # an American Express card
    r"|[0-9]{5}[- ][0-9]{3}[- ][0-9]{7,12}"  # transit, institution, account
    r"|(?:1[-. ])?\(?[2-9][0-9]{2}(?:\) ?|[-. ])[0-9]{3}[-. ][0-9]{4}"  # a phone of North America
    r"|[0-9]{3}([-. ])[0-9]{2}\3[0-9]{4}"  # an SSN
    r"|[0-9]{3}([-. ])[0-9]{3}\4[0-9]{3}"  # a SIN
    r"|[0-9]{4}([- ])[0-9]{3}\5[0-9]{3}"  # a health card
    r"|0[1-9](?:([. ])[0-9]{2})(?:\6[0-9]{2}){3}"  # a phone of France
    r"|(?<![0-9]\.)[0-9]{7,19}"
    r")(?![0-9])"
)


_SHORT_ADDRESS = re.compile(r"(?<![0-9A-Za-z_.-])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z_-])(?!\.[0-9])")
_DOTTED = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")  # quickly looked for: it begins with a mark
_SHORTEST_RUN = 7
_VERSION_CODE = re.compile(r"[A-Z]{2}(?<=[0-9]{10}..)(?![A-Za-z0-9_])")  # of a health card of Ontario: `5584486674KD`


class Number(NamedTuple):
    """A run of digits with its separators, where it stands in the view."""

    start: int
    end: int
    text: str
    digits: str

    def shape(self) -> str:
        """Lengths of the groups: `3-3-4` for `514 555 0100`, `9` for nine digits without a break."""
        groups: list[str] = []
        length = 0
        for character in self.text:
            if character.isdigit():
                length += 1
            elif length:
                groups.append(str(length))
                length = 0
        groups.append(str(length))
        return "-".join(groups)


def runs(view: str) -> Iterator[Number]:
    """Every run of seven digits and more, an opening `(` or `+` taken in."""
    for found in _RUN.finditer(view):
        start, end = found.span()
        if (
            end < len(view)
            and (view[end].isalpha() or view[end] == "_")
            and view[end] not in "xXpPA"
            and (not _VERSION_CODE.match(view, end))
        ):
            end = _before_word(view, start, end)
        if view[start - 1 : start] == "(" and ")" in view[start:end]:
            start -= 1
        if view[start - 1 : start] == "+" and start:
            start -= 1
        text = view[start:end]
        digits = text.translate(_SEPARATORS)
        if len(digits) > 6:  # noqa: PLR2004 - as the pattern asks
            yield Number(start, end, text, digits)


def short_addresses(view: str) -> Iterator[Number]:
    """IPv4 addresses of fewer digits than a run has."""
    if not _DOTTED.search(view):
        return
    for found in _SHORT_ADDRESS.finditer(view):
        digits = found.group().replace(".", "")
        if len(digits) < _SHORTEST_RUN:
            yield Number(*found.span(), found.group(), digits)


def parts(view: str, number: Number) -> Iterator[Number]:
    """The groupings that stand out inside a run that is nothing as a whole."""
    for found in _PARTS.finditer(view, number.start, number.end):
        start, end = found.span()
        if (start, end) != (number.start, number.end):
            text = found.group()
            yield Number(start, end, text, text.translate(_SEPARATORS))


def _before_word(view: str, start: int, end: int) -> int:
    """Where a run ends when its last group goes on as a word: `555 0100 22nd` loses the last group."""
    at = end
    while at > start and view[at - 1].isdigit():
        at -= 1
    while at > start and not view[at - 1].isdigit():
        at -= 1
    return at
