"""A long text in slices of a few milliseconds' work, cut where little is lost, and where its code stands."""

import re
from collections.abc import Iterator

_LEAST, _MOST = 2_048, 4_096
_INDENT = 32  # characters a fence may stand in from the head of its line
_FENCES = ("```", "~~~")
# What a fence may be said to hold that is no program; without a word it is read.
_DATA = frozenset(
    "text txt plain plaintext md markdown csv tsv log json jsonl ndjson yaml yml xml html eml email".split()
)
_SHARE_IN_FENCE = 3
_LOOKED_AT = 16_384  # characters by which a text is taken for a program
_LINES, _SHARE = 12, 5  # so many lines of code at least, and one in so many
# Heads and ends of lines that prose does not have.
_CODE = re.compile(
    r"^[ \t]*(?:(?:def|class|function|func|fn|struct|enum|interface)[ ]\w+[ ]?[({:<]|import[ ][\w.*{]+"
    r"|from[ ][\w.]+[ ]import"
    r"|(?:return|raise|throw|let|const|var|public|private|static|elif|else|try|except|catch|#include|@\w+)\b"
    r"|(?:if|for|while|with|switch)[ (].*[:{]$|[\w.\[\]]+[ ]?(?:[-+*/|&]?=|:=)[ ]|[\w.]+\()"
    r"|[;{}\[(][ \t]*$",
    re.MULTILINE,
)


def slices(text: str) -> Iterator[tuple[int, int]]:
    """Borders that cover the text: at a blank line where there is one, a line's end, a sentence's, a blank."""
    start, length = 0, len(text)
    while length - start > _MOST + _LEAST:
        end = _cut(text, start + _LEAST, start + _MOST)
        yield start, end
        start = end
    yield start, length


def _cut(text: str, least: int, most: int) -> int:
    for border in ("\n\n", "\n", ". ", " "):
        at = text.rfind(border, least, most)
        if at >= 0:
            return at + len(border)
    at = most
    while at > least and text[at - 1].isalnum() and text[at].isalnum():
        at -= 1
    return at if at > least else most


def fences(text: str) -> list[tuple[int, int]]:
    """Blocks of code between fences of Markdown; one that is never closed goes to the end."""
    found: list[tuple[int, int]] = []
    opening = {fence: _fence(text, fence, 0) for fence in _FENCES}
    while any(start >= 0 for start in opening.values()):
        fence = min((start, fence) for fence, start in opening.items() if start >= 0)[1]
        start = opening[fence]
        close = _fence(text, fence, start + 3)
        end = len(text) if close < 0 else close + 3
        found.append((start, end))
        for other, at in opening.items():
            if 0 <= at < end:
                opening[other] = _fence(text, other, end)
    return found


def blocks(text: str) -> list[tuple[int, int]]:
    """The fences around code; what others hold, a letter or a list, is read like any text."""
    return [(start, end) for start, end in fences(text) if _is_code(text, start, end)]


def _is_code(text: str, start: int, end: int) -> bool:
    head = text.find("\n", start, end)
    label = text[start:head].strip("`~ \t\r").partition(" ")[0].lower() if head >= 0 else ""
    if label:
        return label not in _DATA
    inside = text[start + 3 : min(end, start + _LOOKED_AT)].strip("`~\n")
    return sum(1 for _ in _CODE.finditer(inside)) * _SHARE_IN_FENCE > inside.count("\n")


def programs(text: str) -> list[tuple[int, int]]:
    """Blocks of code between fences; without any fence, all of a text that reads as a program."""
    if found := fences(text):
        return [(start, end) for start, end in found if _is_code(text, start, end)]
    head = text[:_LOOKED_AT]
    lines = head.count("\n")
    if lines >= _LINES and sum(1 for _ in _CODE.finditer(head)) >= max(_LINES, lines // _SHARE):
        return [(0, len(text))]
    return []


class Code:
    """Where the code of one text stands, looked for when somebody first asks."""

    __slots__ = ("_found", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[tuple[int, int]] | None = None

    def __call__(self) -> list[tuple[int, int]]:
        if self._found is None:
            self._found = programs(self._text)
        return self._found

    @property
    def all(self) -> bool:
        """Whether all of the text is one program."""
        return self() == [(0, len(self._text))]


def _fence(text: str, fence: str, at: int) -> int:
    """The next fence at the head of a line, blanks and a quote's marks before it allowed."""
    at = text.find(fence, at)
    while at >= 0:
        before = text[max(0, at - _INDENT) : at]
        _, found, head = before.rpartition("\n")
        if (found or at <= _INDENT) and not head.strip(" \t>"):
            return at
        at = text.find(fence, at + 3)
    return -1
