"""Weights folded into one row a token, kept for the next time the token comes: a text is then look-ups and sums."""

import numpy as np

from services.pii.names.features import BORDER, OFFSETS, PADDING, TOGETHER, Word, keys, look, slots
from services.pii.names.gazetteer import Gazetteer
from services.pii.names.tokens import NEWLINE, Case
from services.pii.names.weights import LABELS, Floats, Weights, chain

ROWS = 1 << 15
_BORDER = 0
_LONGEST = 64  # a longer token (a word and a run of blanks) is kept in its short form
_WIDTH = len(OFFSETS)
_MOST = 10  # features of one word


class Table:
    """Rows by token and case; it starts anew when it is full, so that no text makes it grow."""

    def __init__(self, weights: Weights, gazetteer: Gazetteer, rows: int = ROWS) -> None:
        self._weights = weights
        self._worth = chain(weights.steps).worth
        self._gazetteer = gazetteer
        self._rows = rows
        self._said = np.zeros((rows * _WIDTH, len(LABELS)), np.float32)
        self._keys = np.zeros((rows * _WIDTH, len(TOGETHER)), np.uint32)
        self._size = 0
        self._known: dict[Case, dict[str, int]] = {}
        self.clear()

    def rows(self, tokens: list[str], case: Case) -> list[int]:
        """Row of each token of one line; ask `has_room` first."""
        known = self._known[case]
        found = list(map(known.get, tokens))
        if None in found:
            self._learn([token for token, row in zip(tokens, found, strict=True) if row is None], case)
            return [known[token] if token in known else known[_short(token)] for token in tokens]
        return found  # type: ignore[return-value]  # no None is left

    def has_room(self, tokens: int) -> bool:
        return self._size + tokens <= self._rows

    def clear(self) -> None:
        """Forget all tokens; rows handed out before are void."""
        self._known = {case: {} for case in Case}
        self._size = 0
        self._add([BORDER])
        self._learn([NEWLINE], Case.MIXED)

    def score(self, rows: list[int]) -> Floats:
        """What all features together say for each token and label."""
        border = [_BORDER] * PADDING
        at = np.array(border + rows + border, np.intp)
        at *= _WIDTH
        # One row of places an offset: sums then run over whole rows, which numpy does many times faster.
        places = np.stack([at[offset : offset + len(rows)] for offset in range(_WIDTH)])
        places += _OFFSET_ROWS
        total: Floats = self._said.take(places, axis=0).sum(axis=0)
        total += self._weights.slots.take(slots(self._keys.take(places, axis=0)).T, axis=0).sum(axis=0)
        half = self._worth * np.float32(0.5)
        total[0] -= half
        total[-1] -= half
        return total

    def _learn(self, tokens: list[str], case: Case) -> None:
        known = self._known[case]
        new = [token for token in dict.fromkeys(map(_short, tokens)) if token not in known]
        if new:
            first = self._add([look(token, case, self._gazetteer) for token in new])
            known.update(zip(new, range(first, first + len(new)), strict=True))

    def _add(self, words: list[Word]) -> int:
        """Rows for words, all at once; the first of them."""
        first = self._size
        get = self._weights.features.get
        found = np.zeros((len(words), _MOST), np.intp)
        for row, word in zip(found, words, strict=True):
            row[: len(word.features)] = [get(name, 0) for name in word.features]
        here = slice(first * _WIDTH, (first + len(words)) * _WIDTH)
        said = self._weights.blocks.take(found, axis=0).sum(axis=1)
        said[:, OFFSETS.index(0)] += self._worth
        self._said[here] = said.reshape(-1, len(LABELS))
        self._keys[here] = keys(words).reshape(-1, len(TOGETHER))
        self._size += len(words)
        return first


_OFFSET_ROWS = np.arange(_WIDTH)[:, None]


def _short(token: str) -> str:
    return token if len(token) <= _LONGEST else token.rstrip() + " "
