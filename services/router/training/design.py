"""Texts as rows of numbers, by the very code that reads them when the classifier runs."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from services.router.classifier.build import marks, numbers
from services.router.classifier.words import known, pieces, read, sample, terms
from services.router.training.regression import Sparse

MOST = 40_000
_PIECES_OF = 3  # a word seen less often is read by its pieces


def vocabulary(texts: Iterable[str], *, least: int, most: int = MOST) -> dict[str, int]:
    """Rows of the terms that are worth one: the commonest, and every mark."""
    words: Counter[str] = Counter()
    found: Counter[str] = Counter()
    built: set[str] = set()
    for text in texts:
        head, tail = sample(text)
        said = read(head, tail)
        found.update(set(terms(said)))
        words.update({*said.head, *said.tail})
        built.update(marks(head + tail, len(text)))
    for word, times in words.items():
        if word.isalpha():
            for piece in pieces(word):
                found[piece] += 1 if times < _PIECES_OF else 2
    kept = sorted((-times, term) for term, times in found.items() if times >= least)
    names = sorted({*built, *(term for _, term in kept[: most - len(built)])})
    return {name: row for row, name in enumerate(names)}


def rows(texts: Sequence[str], vocabulary: dict[str, int]) -> Sparse:
    columns: list[int] = []
    values: list[float] = []
    starts = [0]
    dense = []
    for text in texts:
        head, tail = sample(text)
        said = read(head, tail)
        here, weight = known(said, vocabulary)
        built = [row for mark in marks(head + tail, len(text)) if (row := vocabulary.get(mark)) is not None]
        columns += sorted(here)
        columns += built
        values += [weight] * len(here)
        values += [1.0] * len(built)
        starts.append(len(columns))
        dense.append(numbers(head + tail, len(text), said.head + said.tail))
    return Sparse(
        columns=np.array(columns, np.int64),
        values=np.array(values, np.float32),
        starts=np.array(starts, np.int64),
        width=len(vocabulary),
        dense=np.array(dense, np.float32),
    )
