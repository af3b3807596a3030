"""One view of a text for matching: as long, without case, accents and the forms of blanks, quotes and dashes."""

import re
import unicodedata

# What a word is made of after folding. Other scripts are borders: a name inside Chinese text stands free.
WORD_LETTERS = "0-9a-z\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff"
WORD = re.compile(f"[{WORD_LETTERS}]+")
_ESCAPED_WORD = re.compile(rf"\\(?:u[0-9a-f]{{4}}|[nrt])([{WORD_LETTERS}]+)")
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


# Latin-1 folds into Latin-1: what texts are mostly made of needs a table of bytes alone.
_LATIN = bytes(_TABLE[point] for point in range(256))
_BORDERS = bytes(point if WORD.match(chr(point)) else ord(" ") for point in range(256))
_BEYOND = re.compile("[^\x00-\xff]+")
_TRIES = 12  # runs beyond Latin-1 that are looked for one by one
_LETTERS_BEYOND = re.compile("[\u0100-\u024f\u1e00-\u1eff]")


def fold(text: str) -> str:
    """The text as it is matched; `len(fold(text)) == len(text)`."""
    if text.isascii():
        if text.isalnum():
            return text.lower()
        return text.encode("ascii").translate(_LATIN).decode("ascii")
    parts, at = list[str](), 0
    for _ in range(_TRIES):
        try:
            rest = (text[at:] if at else text).encode("latin-1")
        except UnicodeEncodeError as beyond:
            # The codec finds what it cannot write several times as fast as an expression does.
            start, end = at + beyond.start, at + beyond.end
            parts += (
                text[at:start].encode("latin-1").translate(_LATIN).decode("latin-1"),
                text[start:end].translate(_TABLE),
            )
            at = end
        else:
            folded = rest.translate(_LATIN).decode("latin-1")
            return "".join([*parts, folded]) if parts else folded
    return "".join([*parts, _folded(text[at:])])


def _folded(text: str) -> str:
    """Where much is beyond Latin-1."""
    folded = text.encode("latin-1", "replace").translate(_LATIN).decode("latin-1")
    parts, at = list[str](), 0
    for run in _BEYOND.finditer(text):
        parts += (folded[at : run.start()], run.group().translate(_TABLE))
        at = run.end()
    return "".join([*parts, folded[at:]]) if parts else folded


def words_of(folded: str) -> list[str]:
    r"""All words of a folded text: what WORD finds, several times as fast, and those behind escapes (`\njane`)."""
    if "\\" in folded:
        return [*_words_of(folded), *_ESCAPED_WORD.findall(folded)]
    return _words_of(folded)


def _words_of(folded: str) -> list[str]:
    try:
        letters = folded.encode("latin-1")
    except UnicodeEncodeError:
        if _LETTERS_BEYOND.search(folded):
            return WORD.findall(folded)
        letters = folded.encode("latin-1", "replace")
    return letters.translate(_BORDERS).decode("latin-1").split()


def is_word(character: str) -> bool:
    """Whether a folded character continues a word."""
    return WORD.match(character) is not None
