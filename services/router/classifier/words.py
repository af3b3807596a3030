"""What of a text is looked at, and its words: bounded, so that a megabyte costs what two kilobytes cost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

HEAD = 1_100
TAIL = 500
_MOST_HEAD = 210
_MOST_TAIL = 90
_OPENING = 8
_CLOSING = 8
_UNKNOWN = 20  # unknown words whose pieces are read; the rest is noise
_LONGEST = 24
_PIECE = 4
_STEM = 5
_STEMS = 14

# A word, one sign of a script without blanks, a number, a fence, or one other sign.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+|\d+|```|[^\w\s]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Lower-case tokens of the beginning and, of a long text, of its end."""

    head: list[str]
    tail: list[str]


def sample(text: str) -> tuple[str, str]:
    """The beginning and, of a long text, the end: requests stand there, what they are about between."""
    return (text, "") if len(text) <= HEAD + TAIL else (text[:HEAD], text[-TAIL:])


def read(head: str, tail: str) -> Words:
    first = _TOKEN.findall(head.lower())
    if tail:
        return Words(head=first[:_MOST_HEAD], tail=_TOKEN.findall(tail.lower())[-_MOST_TAIL:])
    if len(first) > _MOST_HEAD + _MOST_TAIL:
        return Words(head=first[:_MOST_HEAD], tail=first[-_MOST_TAIL:])
    return Words(head=first, tail=[])


def terms(words: Words) -> list[str]:
    """Words, pairs of neighbours, and both ends once more with a mark: `^explain`, `%expla`, `$?`; may repeat."""
    head, tail = words.head, words.tail
    opening, closing = head[:_OPENING], (tail or head)[-_CLOSING:]
    found = [*head, *map("_".join, pairwise(head))]
    found += ["^" + word for word in opening]
    found.append("^^" + "_".join(head[:2]))
    if tail:
        found += tail
        found += map("_".join, pairwise(tail))
    found += ["$" + word for word in closing]
    found += ["%" + word[:_STEM] for word in (*head[:_STEMS], *closing) if len(word) > _STEM]
    return found


def pieces(word: str) -> list[str]:
    """Runs of four characters of an unknown word, its borders marked: what is left of it after a slip of the finger."""
    bound = f"<{word[:_LONGEST]}>"
    return ["~" + bound[at : at + _PIECE] for at in range(max(1, len(bound) - _PIECE + 1))]


def known(words: Words, rows: Mapping[str, int]) -> tuple[set[int], float]:
    """Rows of the terms that the model knows, and the weight that each of them has."""
    found = terms(words)
    unknown = [word for word in dict.fromkeys(found[: len(words.head)]) if word not in rows and word.isalpha()]
    for word in unknown[:_UNKNOWN]:
        found += pieces(word)
    here = set(map(rows.get, found))
    here.discard(None)
    return here, 4.0 / sqrt(len(here)) if here else 0.0  # type: ignore[return-value]  # no None is left
