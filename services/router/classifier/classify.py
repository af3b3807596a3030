"""A text's task, complexity and difficulty: look-ups and sums over the weights, pure and the same on every replica."""

from functools import cache
from math import exp
from pathlib import Path

import numpy as np

from services.router.classifier.build import marks, numbers
from services.router.classifier.tasks import COMPLEXITIES, TASKS, Classified, Complexity, Task
from services.router.classifier.weights import AT_CHEAP, AT_COMPLEXITY, AT_STRONG, Floats, Weights, read_weights
from services.router.classifier.words import known, read, sample

WEIGHTS = Path(__file__).parent / "data" / "weights.npz"

_SHOWN = 3
_SURE = 30.0
_OF_LENGTH = 0.25  # what a long text adds to its difficulty; flat between 0 and 0.5
_OF_FAILURE = 0.1  # of what a cheap model gets wrong, how much a strong one is trusted with beyond what was measured
_RISK = 0.08  # likelier than this to be complex, and nothing is called simple

# Only images, only results of tools: there is nothing to judge by, and no guess is made for the cheap side.
_NOTHING = Classified(
    task=Task.QUESTION_ANSWERING,
    task_probabilities=((Task.QUESTION_ANSWERING, 1 / len(TASKS)),),
    confidence=1 / len(TASKS),
    complexity=Complexity.MODERATE,
    difficulty=0.5,
    p_cheap=0.5,
)


class Classifier:
    """Says of a text what it asks for; loads in a fraction of a second, holds no state."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @property
    def version(self) -> str:
        """Of the weights, for the record."""
        return self._weights.version

    def classify(self, text: str, *, has_tools: bool = False) -> Classified:
        """`text` is the last turn of the user, whole or its beginning and end; nothing else of the request.

        A request that offers tools is a step of an agent's work: unless it is small talk it is at least `moderate`.
        """
        if not text or text.isspace():
            return _NOTHING
        said, length = self._say(text)
        held = self._weights.calibration
        tasks = _shares(said[:AT_COMPLEXITY], held.task_temperature)
        likely = sorted(range(len(TASKS)), key=tasks.__getitem__, reverse=True)[:_SHOWN]
        task = TASKS[likely[0]]
        complexity = _complexity(_shares(said[AT_COMPLEXITY:AT_CHEAP], held.complexity_temperature))
        if has_tools and complexity is Complexity.SIMPLE and task is not Task.CONVERSATION:
            complexity = Complexity.MODERATE
        cheap, strong = _sigmoid(said[AT_CHEAP]), _sigmoid(said[AT_STRONG])
        gain = (gained(cheap, strong) - held.gain_mean) / held.gain_spread
        gain += _OF_LENGTH * (length - held.length_mean) / held.length_spread
        return Classified(
            task=task,
            task_probabilities=tuple((TASKS[at], tasks[at]) for at in likely),
            confidence=tasks[likely[0]],
            complexity=complexity,
            difficulty=_sigmoid(gain),
            p_cheap=cheap,
        )

    def _say(self, text: str) -> tuple[list[float], float]:
        """What all terms and measures together say, a number a column; and the text's length on its own scale."""
        weights = self._weights
        head, tail = sample(text)
        sampled = head + tail
        words = read(head, tail)
        rows, weight = known(words, weights.rows)
        built = [row for mark in marks(sampled, len(text)) if (row := weights.rows.get(mark)) is not None]
        said = self._sum(list(rows)) * np.float32(weight) + self._sum(built)
        said = said * weights.steps + weights.bias
        measured = numbers(sampled, len(text), words.head + words.tail)
        said += ((np.array(measured, np.float32) - weights.centre) * weights.scale) @ weights.measures
        together: list[float] = said.tolist()
        return together, measured[0]

    def _sum(self, rows: list[int]) -> Floats:
        total: Floats = self._weights.terms.take(rows, axis=0).sum(axis=0, dtype=np.int32).astype(np.float32)
        return total


@cache
def load(path: Path = WEIGHTS) -> Classifier:
    """The classifier with the weights of a file, read once. Raises OSError, ValueError."""
    return Classifier(read_weights(path))


def classify(text: str, *, has_tools: bool = False) -> Classified:
    """`Classifier.classify` with the weights that stand beside this file."""
    return load().classify(text, has_tools=has_tools)


def gained(cheap: float, strong: float) -> float:
    """What a strong model adds; where both may fail it still adds more often than not."""
    return strong - cheap + _OF_FAILURE * (1.0 - cheap)


def _complexity(shares: list[float]) -> Complexity:
    """The likeliest, but for one mistake that costs more than the others: complex taken for simple."""
    likely = COMPLEXITIES[max(range(len(shares)), key=shares.__getitem__)]
    return Complexity.MODERATE if likely is Complexity.SIMPLE and shares[-1] > _RISK else likely


def _shares(said: list[float], temperature: float) -> list[float]:
    most = max(said)
    raised = [exp((one - most) / temperature) for one in said]
    total = sum(raised)
    return [one / total for one in raised]


def _sigmoid(value: float) -> float:
    return 1 / (1 + exp(-max(-_SURE, min(_SURE, value))))
