"""Scores of a classifier of requests on labelled prompts: tasks, complexity, the order of pairs, steadiness.

Definitions: macro-F1 over the labels that occur in the gold; expected calibration error over ten bins; APGR is the mean
share of the gap between a weak and a strong model that is closed, over all shares of strong calls (random .5).
"""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

TIERS = {"SIMPLE": "simple", "MEDIUM": "moderate", "COMPLEX": "complex", "REASONING": "complex"}
PAIRS = (
    ("mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct"),
    ("qwen2.5-7b-instruct", "llama-3.1-nemotron-51b-instruct"),
)
SMALL = ("mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct", "qwen2.5-7b-instruct", "gemma-2-9b-it")
_LOOKED_AT = 1_500


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a classifier says of one prompt.

    `strong` is any measure of how much a strong model is needed, `cheap` the probability that a cheap one does it well.
    """

    task: str
    complexity: str
    confidence: float
    strong: float
    cheap: float


Classify = Callable[[str], Said]


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def macro_f1(right: Sequence[str], said: Sequence[str]) -> float:
    return float(np.mean([f1(right, said, label) for label in sorted(set(right))]))


def f1(right: Sequence[str], said: Sequence[str], label: str) -> float:
    matched = sum(one == other == label for one, other in zip(right, said, strict=True))
    return 2 * matched / (right.count(label) + list(said).count(label)) if matched else 0.0


def precision(right: Sequence[str], said: Sequence[str], label: str) -> float:
    hits = [one for one, other in zip(right, said, strict=True) if other == label]
    return hits.count(label) / len(hits) if hits else 0.0


def calibration_error(confidence: Sequence[float], right: Sequence[float], bins: int = 10) -> float:
    sure, good = np.array(confidence), np.array(right, float)
    off = 0.0
    for low, high in pairwise(np.linspace(0, 1, bins + 1)):
        here = (sure > low) & (sure <= high)
        if here.any():
            off += float(here.mean()) * abs(float(sure[here].mean() - good[here].mean()))
    return off


def closed_gap(score: Numbers, weak: Numbers, strong: Numbers) -> float:
    """APGR; ties are broken by a fixed order of chance."""
    score = score + np.random.RandomState(0).rand(len(score)) * 1e-9
    order = np.argsort(-score, kind="stable")
    reached = np.concatenate([[weak.sum()], weak.sum() + np.cumsum((strong - weak)[order])]) / len(weak)
    share = (reached - weak.mean()) / (strong.mean() - weak.mean())
    return float(((share[1:] + share[:-1]) / 2).mean())


def hurt(text: str, chance: Random) -> str:
    """About two of a hundred characters of the beginning swapped, dropped, doubled or in the other case."""
    out = list(text[:_LOOKED_AT])
    for _ in range(max(1, len(out) // 50)):
        at = chance.randrange(max(1, len(out) - 1))
        match chance.randrange(4):
            case 0:
                out[at], out[at + 1 : at + 2] = (out[at + 1] if at + 1 < len(out) else out[at]), [out[at]]
            case 1:
                out[at] = ""
            case 2:
                out[at] *= 2
            case _:
                out[at] = out[at].swapcase()
    return "".join(out) + text[_LOOKED_AT:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Steady:
    """Shares of decisions that stay: the task, the complexity, the side of the middle."""

    task: float
    complexity: float
    side: float


def steady(before: Sequence[Said], after: Sequence[Said]) -> Steady:
    middle = sorted(one.strong for one in before)[len(before) // 2]
    both = list(zip(before, after, strict=True))
    return Steady(
        task=float(np.mean([one.task == other.task for one, other in both])),
        complexity=float(np.mean([one.complexity == other.complexity for one, other in both])),
        side=float(np.mean([(one.strong > middle) == (other.strong > middle) for one, other in both])),
    )
