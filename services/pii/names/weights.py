"""The model's file: what each feature says for each label, at each offset."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.pii.names.features import OFFSETS, SLOTS

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")

_FORBIDDEN = -1e4

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """`features` gives the row in `blocks` (row, offset, label), row 0 is silent; `slots` (slot, label).

    `steps` (from, to) are gains of going from label to label.
    """

    features: dict[str, int]
    blocks: Floats
    slots: Floats
    steps: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Steps told apart from what a label is worth in its usual company (`worth`), which is added to every word.

    With that, staying with "nothing" gains nothing, a word alone is a name when its label leads, and a name that goes
    on gains nothing either: most words are decided without a look at their neighbours. The sums are the same, but for
    the first and the last word, which have one neighbour: half their `worth` is too much.
    """

    worth: Floats
    steps: Floats


def chain(steps: Floats) -> Chain:
    """A name goes on only where one of its kind began."""
    worth = np.array(
        [
            steps[at, at] if label == "O" or label.startswith("I-") else steps[0, at] + steps[at, 0] - steps[0, 0]
            for at, label in enumerate(LABELS)
        ],
        np.float32,
    )
    told = steps - (worth[:, None] + worth) * np.float32(0.5)
    for at, label in enumerate(LABELS):
        for before, other in enumerate(LABELS):
            if label.startswith("I-") and other[2:] != label[2:]:
                told[before, at] = _FORBIDDEN
    return Chain(worth=worth, steps=told)


def read_weights(path: Path) -> Weights:
    with np.load(path, allow_pickle=False) as kept:
        names = kept["features"].tobytes().decode().split("\n")
        blocks = np.zeros((len(names) + 1, len(OFFSETS) * len(LABELS)), np.float32)
        blocks.reshape(-1)[_cells(kept["block_steps"])] = kept["block_values"] * kept["scale"]
        slots = np.zeros((SLOTS, len(LABELS)), np.float32)
        slots.reshape(-1)[_cells(kept["slot_steps"])] = kept["slot_values"] * kept["scale"]
        return Weights(
            features={name: row for row, name in enumerate(names, 1)},
            blocks=blocks.reshape(-1, len(OFFSETS), len(LABELS)),
            slots=slots,
            steps=kept["steps"].astype(np.float32),
        )


def write_weights(path: Path, weights: Weights) -> None:
    """Values are kept as 16-bit steps of one scale, places as distances: most cells are empty."""
    scale = max(float(np.abs(weights.blocks).max()), float(np.abs(weights.slots).max())) / 32767
    block_values, block_steps = _sparse(weights.blocks, scale)
    slot_values, slot_steps = _sparse(weights.slots, scale)
    np.savez_compressed(
        path,
        features=np.frombuffer("\n".join(weights.features).encode(), np.uint8),
        scale=np.float32(scale),
        block_values=block_values,
        block_steps=block_steps,
        slot_values=slot_values,
        slot_steps=slot_steps,
        steps=weights.steps,
    )


def _sparse(cells: Floats, scale: float) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint32]]:
    values = np.round(cells.reshape(-1) / scale).astype(np.int16)
    places = np.flatnonzero(values)
    return values[places], np.diff(places, prepend=0).astype(np.uint32)


def _cells(distances: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    return np.cumsum(distances, dtype=np.int64)
