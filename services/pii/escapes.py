r"""Escapes in a text as JSON and programs write them (`\n`, `\u00e9`): what they mean, and where they end."""

import re
from typing import NamedTuple

# JSON in a string of JSON has twice as many of the first sign.
_ESCAPE = re.compile(r"\\{1,8}(?:u([0-9A-Fa-f]{4})|([nrt\"]))")
_CHARACTER = re.compile(r"\\{1,8}u([0-9A-Fa-f]{4})")
_ENDS = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[nrt])\Z")
_LONGEST = 6
_MEANT = {"n": "\n", "r": "\r", "t": "\t", '"': '"'}
_PATH = 96  # characters of a path before a folder of it: `C:\Users\nathan` has no line's end in it


class Unescaped(NamedTuple):
    """A text with what its escapes mean; character `i` stands for `starts[i]` to `ends[i]` of the text as it was."""

    text: str
    starts: list[int]
    ends: list[int]


def unescaped(text: str) -> Unescaped | None:
    """None where there is none."""
    if "\\" not in text:
        return None
    parts, starts, ends, at = list[str](), list[int](), list[int](), 0
    for found in _ESCAPE.finditer(text):
        first, last = found.span()
        point, letter = found.groups()
        if letter and text[last : last + 1].islower() and _is_in_path(text, first):
            continue
        parts += (text[at:first], chr(int(point, 16)) if point else _MEANT[letter])
        starts += (*range(at, first), first)
        ends += (*range(at + 1, first + 1), last)
        at = last
    if not at:
        return None
    return Unescaped(
        "".join([*parts, text[at:]]), [*starts, *range(at, len(text))], [*ends, *range(at + 1, len(text) + 1)]
    )


def meant(text: str) -> str:
    """The text with the characters that its escapes number."""
    return _CHARACTER.sub(lambda found: chr(int(found[1], 16)), text) if "\\u" in text else text


def is_behind(text: str, at: int) -> bool:
    """Whether an escape ends at `at`: its letter and digits are no part of a word that begins there."""
    return _ENDS.search(text, max(0, at - _LONGEST), at) is not None


def _is_in_path(text: str, at: int) -> bool:
    """Whether a drive and folders stand right before."""
    drive = text.rfind(":\\", max(0, at - _PATH), at + 1)
    return (
        drive > 0
        and text[drive - 1].isalpha()
        and not text[max(0, drive - 2) : drive - 1].isalnum()
        and not set(text[drive:at]) & {" ", "\n", '"', "'"}
    )
