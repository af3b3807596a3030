"""The best sequence of labels, against trying every one."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.pii.names.decoding import make_decoder
from services.pii.names.weights import LABELS

_LABELS = len(LABELS)


def _random(seed: int, tokens: int, lean: float) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    scores = chance.normal(0, 2, (tokens, _LABELS)).astype(np.float32)
    scores[:, 0] += lean
    return scores, chance.normal(0, 1, (_LABELS, _LABELS)).astype(np.float32)


def _worth(path: tuple[int, ...], scores: np.ndarray, steps: np.ndarray) -> float:
    return float(
        sum(scores[at, label] for at, label in enumerate(path)) + sum(steps[one, two] for one, two in pairwise(path))
    )


@given(seed=st.integers(0, 10_000), tokens=st.integers(1, 5), lean=st.floats(0, 6))
@settings(max_examples=40)
def test_no_other_sequence_is_worth_more(seed: int, tokens: int, lean: float) -> None:
    scores, steps = _random(seed, tokens, lean)
    found = make_decoder(steps, exact=True).decode(scores)
    path = tuple(found.get(at, 0) for at in range(tokens))
    best = max(_worth(other, scores, steps) for other in product(range(_LABELS), repeat=tokens))
    assert _worth(path, scores, steps) == pytest.approx(best, abs=1e-3)


@given(seed=st.integers(0, 10_000), lean=st.floats(2, 8))
@settings(max_examples=30)
def test_many_stretches_together_give_what_each_gives_alone(seed: int, lean: float) -> None:
    scores, steps = _random(seed, 400, lean)
    decoder = make_decoder(steps)
    certain = np.zeros((1, _LABELS), np.float32)
    certain[0, 0] = 100
    scores[-1] = certain
    alone: dict[int, int] = {}
    for start in range(0, 400, 20):
        scores[start] = certain
        part = np.concatenate((scores[start : start + 20], certain))
        alone.update({start + at: label for at, label in decoder.decode(part).items()})
    assert decoder.decode(scores) == alone


def test_words_that_are_nothing_cost_no_search() -> None:
    scores = np.zeros((50, _LABELS), np.float32)
    scores[:, 0] = 100
    assert make_decoder(np.zeros((_LABELS, _LABELS), np.float32)).decode(scores) == {}
