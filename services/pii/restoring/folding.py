"""One view of a text for matching: as long, without case, accents and the forms of blanks, quotes and dashes."""

import re
import unicodedata

# What a word is made of after folding. Other scripts are borders: a name inside Chinese text stands free.
WORD_LETTERS = "0-9a-z\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff"
WORD = re.compile(f"[{WORD_LETTERS}]+")
_QUOTES = "\u2018\u2019\u02bc\u2032`"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_FULL_WIDTH = range(0xFF01, 0xFF5F)
_FULL_WIDTH_OFFSET = 0xFEE0


class _Table(dict[int, int]):
    """Code point to code point, filled as characters are met; one character never becomes two."""

    def __missing__(self, point: int) -> int:
        character = chr(point)
        if character.isspace():
            folded = " "
        elif character in _QUOTES:
            folded = "'"
        elif character in _DASHES:
            folded = "-"
        else:
            if point in _FULL_WIDTH:
                character = chr(point - _FULL_WIDTH_OFFSET)
            folded = unicodedata.normalize("NFD", character)[0].lower()
            if len(folded) != 1:
                folded = character
        self[point] = ord(folded)
        return self[point]


_TABLE = _Table()


_ASCII = bytes(_TABLE[point] for point in range(128)) + bytes(128)


def fold(text: str) -> str:
    """The text as it is matched; `len(fold(text)) == len(text)`."""
    if text.isascii():
        return text.encode("ascii").translate(_ASCII).decode("ascii")
    return text.translate(_TABLE)


def is_word(character: str) -> bool:
    """Whether a folded character continues a word."""
    return WORD.match(character) is not None
