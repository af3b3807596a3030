"""The door of `python-crfsuite`: sequences in, weights out."""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pycrfsuite

from services.pii.names.features import BORDER, OFFSETS, PADDING, SLOTS, Keys, Word, keys, look, slots
from services.pii.names.gazetteer import Gazetteer
from services.pii.names.tokens import Case
from services.pii.names.weights import LABELS, Weights
from services.pii.training.examples import Sequence

# Which features are read at which distance: a word in full, its neighbours roughly.
_READ = {0: "wcespknlti", -1: "wces", 1: "wces", -2: "wc", 2: "wc"}


_SIZE = np.float32(12)  # brings a perceptron's weights to the size that the decoder's margins are made for
_NOTHING = 0.03


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to fit; the defaults are what the committed weights were made with."""

    iterations: int = 8
    least: int = 3


class Reader:
    """Attributes of sequences as numbers, through one view of the gazetteer; numbers are shared between readers.

    Numbers below SLOTS are slots of pairs; those above are names of features with their offset.
    """

    def __init__(self, gazetteer: Gazetteer, numbers: dict[str, int]) -> None:
        self._gazetteer = gazetteer
        self._numbers = numbers
        self._words: dict[tuple[str, str], int] = {}
        self._features: list[list[list[int]]] = []
        self._keys: list[Keys] = []
        self._add(BORDER)

    def attributes(self, sequence: Sequence) -> list[npt.NDArray[np.uint32]]:
        border = [0] * PADDING
        words = border + [self._look(token, case) for token, case in sequence.tokens] + border
        window = np.arange(len(sequence.tokens)) + np.arange(len(OFFSETS))[:, None]
        brought = np.stack([self._keys[word] for word in words])
        together = slots(brought[window, np.arange(len(OFFSETS))[:, None]]).tolist()
        features = self._features
        return [
            np.array(
                together[at]
                + features[words[at]][0]
                + features[words[at + 1]][1]
                + features[words[at + 2]][2]
                + features[words[at + 3]][3]
                + features[words[at + 4]][4],
                np.uint32,
            )
            for at in range(len(sequence.tokens))
        ]

    def _look(self, token: str, case: Case) -> int:
        known = (token, case.value)
        row = self._words.get(known)
        if row is None:
            row = self._words[known] = self._add(look(token, case, self._gazetteer))
        return row

    def _add(self, word: Word) -> int:
        numbers = self._numbers
        self._features.append(
            [
                [
                    numbers.setdefault(f"{offset}{name}", SLOTS + len(numbers))
                    for name in word.features
                    if name[0] in _READ[offset]
                ]
                for offset in OFFSETS
            ]
        )
        self._keys.append(keys([word])[0])
        return len(self._keys) - 1


def fit(sequences: Iterable[Sequence], views: Many[Gazetteer], settings: Settings) -> Weights:
    """Each sequence is read through one of the views in turn; what is seen too seldom is left out."""
    numbers: dict[str, int] = {}
    readers = [Reader(view, numbers) for view in views]
    rows = [row for row in sequences if row.tokens]
    read = [readers[at % len(readers)].attributes(row) for at, row in enumerate(rows)]
    seen = np.zeros(SLOTS + len(numbers), np.int64)
    for start in range(0, len(read), 1_000):
        part = [one for row in read[start : start + 1_000] for one in row]
        seen += np.bincount(np.concatenate(part), minlength=len(seen))
    kept = seen >= settings.least
    names = np.array([*(f"#{slot}" for slot in range(SLOTS)), *numbers], object)
    trainer = _Trainer(verbose=True)
    for row, attributes in zip(rows, read, strict=True):
        trainer.append([names[one[kept[one]]].tolist() for one in attributes], list(row.labels))
    del read
    trainer.select("averaged-perceptron")
    trainer.set_params({"max_iterations": settings.iterations, "feature.minfreq": settings.least})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.crfsuite"
        trainer.train(str(path))
        return _weights(path)


class _Trainer(pycrfsuite.Trainer):  # type: ignore[misc]  # untyped
    """Says how far it is."""

    def message(self, message: str) -> None:
        self.logparser.feed(message)
        if "Iteration" in message:
            sys.stderr.write(message)


def mean(many: Many[Weights]) -> Weights:
    names = sorted({name for one in many for name in one.features})
    features = {name: row for row, name in enumerate(names, 1)}
    blocks = np.zeros((len(features) + 1, len(OFFSETS), len(LABELS)), np.float32)
    for one in many:
        blocks[[features[name] for name in one.features]] += one.blocks[list(one.features.values())]
    share = np.float32(1 / len(many))
    return pruned(
        Weights(
            features=features,
            blocks=blocks * share,
            slots=np.sum([one.slots for one in many], axis=0) * share,
            steps=np.sum([one.steps for one in many], axis=0) * share,
        )
    )


def pruned(weights: Weights) -> Weights:
    """Without what is next to nothing."""
    blocks = np.where(np.abs(weights.blocks) < _NOTHING, np.float32(0), weights.blocks)
    slots = np.where(np.abs(weights.slots) < _NOTHING, np.float32(0), weights.slots)
    said = np.flatnonzero(np.abs(blocks).sum(axis=(1, 2)))
    names = list(weights.features)
    return Weights(
        features={names[row - 1]: at for at, row in enumerate(said.tolist(), 1)},
        blocks=np.concatenate((blocks[:1], blocks[said])),
        slots=slots,
        steps=weights.steps,
    )


def _weights(path: Path) -> Weights:
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    told = tagger.info()
    column = {label: at for at, label in enumerate(LABELS)}
    steps = np.zeros((len(LABELS), len(LABELS)), np.float32)
    for (before, after), weight in told.transitions.items():
        steps[column[before], column[after]] = weight
    names: Counter[str] = Counter()
    together = np.zeros((SLOTS, len(LABELS)), np.float32)
    cells: list[tuple[str, int, int, float]] = []
    for (attribute, label), weight in told.state_features.items():
        if attribute[0] == "#":
            together[int(attribute[1:]), column[label]] = weight
            continue
        offset = next(one for one in (-1, -2, 0, 1, 2) if attribute.startswith(str(one)))
        name = attribute[len(str(offset)) :]
        names[name] += 1
        cells.append((name, OFFSETS.index(offset), column[label], weight))
    features = {name: row for row, name in enumerate(sorted(names), 1)}
    blocks = np.zeros((len(features) + 1, len(OFFSETS), len(LABELS)), np.float32)
    for name, offset_at, label_at, weight in cells:
        blocks[features[name], offset_at, label_at] = weight
    return pruned(Weights(features=features, blocks=blocks / _SIZE, slots=together / _SIZE, steps=steps / _SIZE))
