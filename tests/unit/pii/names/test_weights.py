"""Weights on disk and the form the search uses."""

from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from services.pii.names.features import OFFSETS, SLOTS
from services.pii.names.weights import LABELS, Weights, chain, read_weights, write_weights

_POSSIBLE = [
    labels
    for labels in product(range(len(LABELS)), repeat=3)
    if LABELS[labels[0]][0] != "I"
    and all(LABELS[two][0] != "I" or LABELS[one][2:] == LABELS[two][2:] for one, two in pairwise(labels))
]


def _worth(labels: tuple[int, ...], scores: np.ndarray, steps: np.ndarray) -> float:
    return float(
        sum(scores[at, label] for at, label in enumerate(labels))
        + sum(steps[one, two] for one, two in pairwise(labels))
    )


def test_steps_told_apart_from_worth_sum_to_the_same() -> None:
    chance = np.random.default_rng(1)
    steps = chance.normal(0, 3, (len(LABELS), len(LABELS))).astype(np.float32)
    scores = chance.normal(0, 3, (3, len(LABELS))).astype(np.float32)
    told = chain(steps)
    moved = scores + told.worth
    moved[[0, -1]] -= told.worth / 2
    for labels in _POSSIBLE:
        assert _worth(labels, moved, told.steps) == pytest.approx(_worth(labels, scores, steps), abs=1e-4)


def test_a_name_never_goes_on_where_none_began() -> None:
    told = chain(np.zeros((len(LABELS), len(LABELS)), np.float32))
    for before, after in product(range(len(LABELS)), repeat=2):
        allowed = not LABELS[after].startswith("I") or LABELS[before][2:] == LABELS[after][2:]
        assert (told.steps[before, after] > -1) == allowed


def test_weights_come_back_from_disk(tmp_path: Path) -> None:
    blocks = np.zeros((3, len(OFFSETS), len(LABELS)), np.float32)
    blocks[1, 2, 3], blocks[2, 4, 6] = 1.5, -2.25
    slots = np.zeros((SLOTS, len(LABELS)), np.float32)
    slots[0, 0], slots[-1, -1] = 0.5, -3
    kept = Weights(
        features={"w=é": 1, "c=T": 2}, blocks=blocks, slots=slots, steps=np.eye(len(LABELS), dtype=np.float32)
    )
    write_weights(tmp_path / "weights.npz", kept)
    back = read_weights(tmp_path / "weights.npz")
    assert back.features == kept.features
    for one, other in ((back.blocks, blocks), (back.slots, slots), (back.steps, kept.steps)):
        assert np.abs(one - other).max() < 1e-4
