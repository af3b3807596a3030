"""From examples to weights: one regression for tasks, one for complexity, one each for a cheap and a strong model."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from services.router.classifier.classify import gained
from services.router.classifier.tasks import COMPLEXITIES, TASKS, Complexity
from services.router.classifier.weights import (
    COLUMNS,
    Calibration,
    Weights,
    in_steps,
)
from services.router.training.design import rows, vocabulary
from services.router.training.examples import Example
from services.router.training.recipe import Recipe, worn
from services.router.training.regression import Fitted, Floats, Sparse, fit

# What is assumed of models where only a tier is known: benchmarks hold no small talk and no plans.
_CHEAP_AT = {Complexity.SIMPLE: 0.95, Complexity.MODERATE: 0.8, Complexity.COMPLEX: 0.5}
_STRONG_AT = {Complexity.SIMPLE: 0.98, Complexity.MODERATE: 0.93, Complexity.COMPLEX: 0.8}
_OF_ASSUMED = 0.5  # what an assumption weighs where a measured result weighs one
_FOLDS = 5
_SAMPLE = 3_000
_OF_PEOPLE = frozenset({"uncommonroute", "own"})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to fit; the defaults are what the committed weights were made with."""

    steps: int = 60
    tasks: float = 1.0
    complexity: float = 0.3
    models: float = 0.1
    least: int = 2


@dataclass(frozen=True, kw_only=True)
class Heads:
    """`centre` is what numbers were centred and scaled with."""

    centre: tuple[Floats, Floats]
    tasks: Fitted
    complexity: Fitted
    cheap: Fitted
    strong: Fitted


def train(examples: Sequence[Example], recipe: Recipe, settings: Settings) -> Weights:
    """Fits on four fifths to calibrate on the rest, then on all."""
    held = [one for one in examples if _fold(one) == 0]
    some = worn([one for one in examples if _fold(one) != 0], recipe)
    terms = vocabulary([one.text for one in some], least=settings.least)
    before = _heads(some, terms, settings)
    calibration = _calibrate(before, held, terms)
    every = worn(list(examples), recipe)
    terms = vocabulary([one.text for one in every], least=settings.least)
    heads = _heads(every, terms, settings)
    together = [heads.tasks, heads.complexity, _one(heads.cheap), _one(heads.strong)]
    steps, sizes = in_steps(np.concatenate([one.terms for one in together], axis=1))
    weights = Weights(
        version="",
        rows=terms,
        terms=steps,
        steps=sizes,
        measures=np.concatenate([one.measures for one in together], axis=1),
        bias=np.concatenate([one.bias for one in together]),
        centre=heads.centre[0],
        scale=heads.centre[1],
        calibration=_gains(heads, every, terms, calibration),
    )
    assert weights.terms.shape[1] == COLUMNS
    return replace(weights, version=_version(weights))


def _fold(one: Example) -> int:
    return hashlib.sha256((one.group or one.text).encode()).digest()[0] % _FOLDS


def _centre(found: Sequence[Example], terms: dict[str, int]) -> tuple[Floats, Floats]:
    """Of the numbers, over a sample."""
    dense = rows([one.text for one in found[:: max(1, len(found) // _SAMPLE)]], terms).dense
    return dense.mean(axis=0), 1.5 / (dense.std(axis=0) + 1e-6)


def _design(found: Sequence[Example], terms: dict[str, int], centre: tuple[Floats, Floats]) -> Sparse:
    made = rows([one.text for one in found], terms)
    return replace(made, dense=(made.dense - centre[0]) * centre[1])


def _heads(found: Sequence[Example], terms: dict[str, int], settings: Settings) -> Heads:
    centre = _centre(found, terms)
    every = _design(found, terms, centre)
    weight = np.array([one.weight for one in found], np.float32)
    _say(f"{len(found)} texts, {len(terms)} terms, {len(every.columns)} entries")

    measured = np.array([1.0 if one.cheap is not None else _OF_ASSUMED * one.weight for one in found], np.float32)

    def one_of(wanted: list[Floats | None], strength: float, *, even: bool, dense: bool) -> Fitted:
        at = np.array([place for place, one in enumerate(wanted) if one is not None])
        shares = np.stack([one for one in wanted if one is not None]).astype(np.float32)
        here = (weight if even else measured)[at]
        if even:
            amounts = (shares * here[:, None]).sum(axis=0)
            here = here * ((amounts.mean() / np.maximum(amounts, 1)) ** 0.5)[shares.argmax(axis=1)]
        return fit(every.take(at), shares, here, strength=strength, steps=settings.steps, dense=dense)

    tasks = np.eye(len(TASKS), dtype=np.float32)
    tiers = np.eye(len(COMPLEXITIES), dtype=np.float32)
    heads = Heads(
        centre=centre,
        tasks=one_of([tasks[TASKS.index(one.task)] if one.task else None for one in found],
                     settings.tasks, even=True, dense=False),
        complexity=one_of([tiers[COMPLEXITIES.index(one.complexity)] if one.complexity else None for one in found],
                          settings.complexity, even=True, dense=True),
        cheap=one_of([_pair(one.cheap, one, _CHEAP_AT) for one in found], settings.models, even=False, dense=True),
        strong=one_of([_pair(one.strong, one, _STRONG_AT) for one in found], settings.models, even=False, dense=True),
    )  # fmt: skip
    _say("fitted")
    return heads


def _pair(known: float | None, one: Example, assumed: dict[Complexity, float]) -> Floats | None:
    share = known if known is not None else assumed[one.complexity] if one.complexity else None
    return None if share is None else np.array([1 - share, share], np.float32)


def _one(pair: Fitted) -> Fitted:
    """Two classes as one column."""
    return Fitted(
        terms=pair.terms[:, 1:] - pair.terms[:, :1],
        measures=pair.measures[:, 1:] - pair.measures[:, :1],
        bias=pair.bias[1:] - pair.bias[:1],
    )


def _calibrate(heads: Heads, held: Sequence[Example], terms: dict[str, int]) -> tuple[float, float]:
    """Temperatures at which unseen text of people, not of templates, is least surprising."""
    own = [one for one in held if one.origin in _OF_PEOPLE]
    every = _design(own, terms, heads.centre)
    tasks = [(at, TASKS.index(one.task)) for at, one in enumerate(own) if one.task]
    tiers = [(at, COMPLEXITIES.index(one.complexity)) for at, one in enumerate(own) if one.complexity]
    _rank(heads, [one for one in held if one.cheap is not None and one.strong is not None], terms)
    return _temperature(heads.tasks.say(every), tasks), _temperature(heads.complexity.say(every), tiers)


def _rank(heads: Heads, held: Sequence[Example], terms: dict[str, int]) -> None:
    """Says how well unseen questions are put in the order of what a strong model adds, beside their length."""
    made = _design(held, terms, heads.centre)
    cheap, strong = (1 / (1 + np.exp(-_one(one).say(made)[:, 0])) for one in (heads.cheap, heads.strong))
    length = made.dense[:, 0]
    for origin in sorted({one.origin for one in held}):
        at = [place for place, one in enumerate(held) if one.origin == origin]
        added = np.array([(held[place].strong or 0) - (held[place].cheap or 0) for place in at])
        score = np.array([gained(low, high) for low, high in zip(cheap[at].tolist(), strong[at].tolist(), strict=True)])
        sure = np.array([held[place].cheap or 0 for place in at])
        off = calibration_error(cheap[at], sure)
        closed, by_length = _area(score, added), _area(length[at], added)
        _say(f"{origin}, {len(at)} unseen: gap closed {closed:.3f}, by length alone {by_length:.3f}")
        _say(f"{origin}: p_cheap off by {off:.3f}")


def calibration_error(said: npt.NDArray[Any], share: npt.NDArray[np.float64], bins: int = 10) -> float:
    """Mean distance between what is said and what is so, over bins of what is said."""
    at = np.minimum((said * bins).astype(np.int64), bins - 1)
    return float(sum(abs((said[at == one] - share[at == one]).sum()) for one in range(bins)) / len(said))


def _area(score: npt.NDArray[Any], added: npt.NDArray[np.float64]) -> float:
    """Mean share of the gap that is closed, over all shares of strong calls; random is .5."""
    return float((np.cumsum(added[np.argsort(-score, kind="stable")]) / added.sum()).mean())


def _temperature(said: Floats, right: list[tuple[int, int]]) -> float:
    at, label = np.array(right).T
    said = said[at]
    _say(f"unseen: {float((said.argmax(axis=1) == label).mean()):.3f} right of {len(at)}")

    def surprise(temperature: float) -> float:
        cooled = said / temperature
        cooled = cooled - cooled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(cooled).sum(axis=1)) - cooled[np.arange(len(at)), label]).mean())

    return min((0.3 + 0.05 * step for step in range(60)), key=surprise)


def _gains(
    heads: Heads, found: Sequence[Example], terms: dict[str, int], temperatures: tuple[float, float]
) -> Calibration:
    made = _design(found, terms, heads.centre)
    cheap, strong = (1 / (1 + np.exp(-_one(one).say(made)[:, 0])) for one in (heads.cheap, heads.strong))
    gain = [gained(low, high) for low, high in zip(cheap.tolist(), strong.tolist(), strict=True)]
    length = np.log1p([len(one.text) for one in found])
    return Calibration(
        task_temperature=temperatures[0],
        complexity_temperature=temperatures[1],
        gain_mean=float(np.mean(gain)),
        gain_spread=float(np.std(gain)),
        length_mean=float(length.mean()),
        length_spread=float(length.std()),
    )


def _version(weights: Weights) -> str:
    said = hashlib.sha256("\n".join(weights.rows).encode())
    said.update(weights.terms.tobytes())
    return said.hexdigest()[:12]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
