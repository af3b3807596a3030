"""A line of text cut into words, numbers and marks, and the case it is written in."""

import re
from enum import StrEnum

# The blank behind a token is part of it: lengths then add up to offsets, and `foo.Bar` differs from `foo. Bar`.
TOKEN = re.compile(r"(?:[^\W\d_]{1,40}|\d{1,40}|[^\w\s]|_)\s*")
NEWLINE = "\n"
_JUDGED = 6  # shorter lines say nothing of how a text is written


class Case(StrEnum):
    """How a line is written; where it has one case only, the case of a word means nothing."""

    MIXED = "m"
    UPPER = "u"
    LOWER = "l"


def case_of(line: str) -> Case:
    if len(line) < _JUDGED:
        return Case.MIXED
    if line.islower():
        return Case.LOWER
    return Case.UPPER if line.isupper() else Case.MIXED


def cut(line: str) -> tuple[int, list[str]]:
    """Length of the line's leading blanks, and its tokens with the blanks behind each."""
    return len(line) - len(line.lstrip()), TOKEN.findall(line)
