"""What the model looks at in one word and in neighbours; training and tagging share it, so that they never differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from services.pii.names.gazetteer import Gazetteer
from services.pii.names.tokens import Case

OFFSETS = (-2, -1, 0, 1, 2)  # where a feature's word stands, seen from the word it speaks of
SLOTS = 1 << 17
PADDING = 2

# What neighbours say together: offset and whether the word itself (w) or its class (c) is meant.
TOGETHER = (
    ((-1, "c"), (0, "c")),
    ((0, "c"), (1, "c")),
    ((-1, "w"), (0, "c")),
    ((0, "c"), (1, "w")),
    ((-1, "w"), (0, "w")),
    ((-1, "c"), (0, "c"), (1, "c")),
    ((-2, "w"), (-1, "w"), (0, "c")),
)
_SHIFT = np.uint32(32 - (SLOTS.bit_length() - 1))


def _cells(kind: str) -> npt.NDArray[np.intp]:
    """Where in a word's keys (offset, pair) the word, or its class, takes part."""
    return np.array(
        [
            OFFSETS.index(offset) * len(TOGETHER) + at
            for at, parts in enumerate(TOGETHER)
            for offset, what in parts
            if what == kind
        ]
    )


_WORD_CELLS, _CLASS_CELLS = _cells("w"), _cells("c")

_MARKS: Mapping[str, str] = {
    **dict.fromkeys("'\u2019`", "a"),
    **dict.fromkeys("-\u2010\u2011\u2013\u2014", "d"),
    **dict.fromkeys('"“”«»', "q"),
    **dict.fromkeys(".!?…", "s"),
    **dict.fromkeys("([{", "o"),
    **dict.fromkeys(")]}", "c"),
    **dict.fromkeys("<>", "g"),
    **dict.fromkeys("=;$\\%+^~", "y"),
}
_END_OF_LINE = "¶"
_OWN = frozenset(".,:@#/|_&*¶")
_LONG = 7

Keys = npt.NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One word as the model sees it: names of its features, and what pairs are made of."""

    features: tuple[str, ...]
    text: str
    group: str


def keys(words: Sequence[Word]) -> Keys:
    """One number for each word, offset and pair it may take part in, 0 elsewhere."""
    found = np.zeros((len(words), len(OFFSETS) * len(TOGETHER)), np.uint32)
    found[:, _WORD_CELLS] = _digests([word.text for word in words], b"w")[:, : len(_WORD_CELLS)]
    found[:, _CLASS_CELLS] = _digests([word.group for word in words], b"c")[:, : len(_CLASS_CELLS)]
    return found.reshape(-1, len(OFFSETS), len(TOGETHER))


def _digests(texts: list[str], kind: bytes) -> Keys:
    hashed = b"".join(blake2b(text.encode(), digest_size=64, person=kind).digest() for text in texts)
    return np.frombuffer(hashed, "<u4").astype(np.uint32, copy=False).reshape(len(texts), -1)


def _word(features: tuple[str, ...], text: str, group: str) -> Word:
    return Word(features=features, text=text, group=group)


def slots(brought: Keys) -> Keys:
    """Slot of each pair, a row a word, of what words bring by offset, word and pair."""
    found: Keys = np.bitwise_xor.reduce(brought, axis=0) >> _SHIFT
    return found


BORDER = _word(("w=<>", "c=<>"), "<>", "<>")


def look(token: str, case: Case, gazetteer: Gazetteer) -> Word:
    """The word of a token (blanks behind it included)."""
    core = token.rstrip() or _END_OF_LINE
    glued = "" if len(core) < len(token) or core == _END_OF_LINE else "+"
    if core.isalpha():
        return _letters(core, glued, case, gazetteer)
    if core[0].isdigit():
        group = f"D{min(len(core), 6)}"
        return _word((f"c={group}", f"e={group}{glued}"), "0", group)
    mark = core if core in _OWN else _MARKS.get(core, "x")
    group = f"P{mark}{glued}"
    return _word((f"w={mark}", f"c=P{mark}", f"e={group}"), mark, group)


def _letters(core: str, glued: str, case: Case, gazetteer: Gazetteer) -> Word:
    lower = core.lower()
    code = gazetteer.codes.get(lower, 0)
    shape = _shape(core, case)
    names, places, usual = code & 3, (code >> 2) & 7, code >> 5
    group = f"{shape}{names}{places}{min(usual // 2, 2)}"
    features = (
        f"w={lower}",
        f"c={group}",
        f"e={shape}{glued}",
        f"s={lower[-3:]}",
        f"p={lower[:3]}",
        f"k={shape}{usual}{min(len(core), _LONG)}",
        f"n={shape}{names}{usual}",
        f"l={shape}{places}{usual}",
        f"t={shape}{lower[-4:]}" if len(core) > 4 else f"t={shape}{lower[-2:]}",  # noqa: PLR2004
        f"i={shape}{lower[:4]}",
    )
    return _word(features, lower, group)


def _shape(core: str, case: Case) -> str:
    if case is not Case.MIXED:
        return case.value if len(core) > 1 else case.value + "1"
    if core.islower():
        return "x"
    if core.isupper():
        return "I" if len(core) == 1 else "X"
    return "T" if core[0].isupper() and core[1:].islower() else "M"
