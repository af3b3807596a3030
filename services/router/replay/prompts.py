"""What a classifier says of labelled prompts, beside another: the half of a router that no log without text replays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.router.classifier.classify import Classifier
from services.router.classifier.tasks import Classified, Complexity, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """A prompt, the tasks that are right for it (none: not said) and its complexity (None: not said)."""

    prompt: str
    tasks: frozenset[Task]
    complexity: Complexity | None


@dataclass(frozen=True, kw_only=True)
class Right:
    """Shares of the prompts that say so; `risky`: complex ones taken for simple; `sure`: mean confidence in tasks."""

    tasks: float
    sure: float
    complexities: float
    risky: float


def read_prompts(rows: Iterable[Mapping[str, Any]]) -> list[Labelled]:
    """Of `{"prompt", "task" or "accept": […], "complexity"}`. Raises ValueError."""
    found = []
    for n, row in enumerate(rows, 1):
        try:
            names = [row["task"]] if row.get("task") else row.get("accept") or ()
            complexity = Complexity(row["complexity"]) if row.get("complexity") else None
            found.append(Labelled(prompt=str(row["prompt"]), tasks=frozenset(map(Task, names)), complexity=complexity))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"prompt {n} cannot be read: {error}") from None
    return found


def right(prompts: Sequence[Labelled], said: Sequence[Classified]) -> Right:
    """How much of it is."""
    both = list(zip(prompts, said, strict=True))
    tasks = [found.task in one.tasks for one, found in both if one.tasks]
    rated = [(one.complexity, found.complexity) for one, found in both if one.complexity is not None]
    return Right(
        tasks=_share(tasks),
        sure=sum(found.confidence for one, found in both if one.tasks) / max(len(tasks), 1),
        complexities=_share([one == other for one, other in rated]),
        risky=_share([pair == (Complexity.COMPLEX, Complexity.SIMPLE) for pair in rated]),
    )


def classified(classifier: Classifier, prompts: Sequence[Labelled]) -> list[Classified]:
    return [classifier.classify(one.prompt) for one in prompts]


def _share(good: Sequence[bool]) -> float:
    return sum(good) / len(good) if good else 0.0
