"""What a request's text is taken for: classified, overridden by its caller, or carried on from the turn before."""

from dataclasses import dataclass

from services.router.choice.asking import Asked
from services.router.choice.sessions import Remembered, carried
from services.router.classifier.classify import Classifier
from services.router.classifier.tasks import TASKS, Classified, Complexity, Task

# What an answer is taken to have, in tokens, before a model's own verbosity and the caller's limit. Assumed.
_OUTPUT = {Complexity.SIMPLE: 120, Complexity.MODERATE: 320, Complexity.COMPLEX: 650}
_THINKING = 2.0
# How often a cheap and a strong model do such a request well, as the classifier was taught where nothing was measured.
_CHEAP = {Complexity.SIMPLE: 0.95, Complexity.MODERATE: 0.8, Complexity.COMPLEX: 0.5}
_STRONG = {Complexity.SIMPLE: 0.98, Complexity.MODERATE: 0.93, Complexity.COMPLEX: 0.8}
_MEASURED = 0.25  # share of its own `p_cheap`, which is of benchmarks and off by a tenth on others
_EASE = 0.8
_USUAL = 6.4  # the odds of a moderate request
_LONGEST = 40  # characters of a turn that may only say "go on"
_GOES_ON = frozenset(
    "y|yes|yes please|yep|yeah|sure|ok|okay|ok thanks|go|go on|go ahead|continue|please continue|keep going|carry on"
    "|proceed|next|more|again|do it|please|please do|right|correct|sounds good|thanks|thank you|no|nope"
    "|oui|ouais|oui merci|d'accord|daccord|ok merci|vas-y|vas y|allez|allez-y|continue stp|continuez|poursuis"
    "|poursuivez|la suite|suite|suivant|encore|plus|fais-le|s'il te plaît|s'il vous plaît|parfait|merci|non".split("|")
)
_AROUND = " \t\r\n.,;:!?…"
_INDEX = {task: at for at, task in enumerate(TASKS)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """`shares`: probabilities of tasks by their place in TASKS; `rest` belongs to no task in particular.

    `meant` is the turn that counts, `hardest` the one that its difficulty is taken from, see sessions.py. `ease` is the
    factor by which the odds of a good answer are better than for a moderate request.
    """

    task: Task
    confidence: float
    complexity: Complexity
    shares: tuple[tuple[int, float], ...]
    rest: float
    ease: float
    output_tokens: float
    meant: Classified
    hardest: Classified
    easier: int


def judge(classifier: Classifier, asked: Asked, before: Remembered | None, now_s: float) -> Judged:
    """Pure over its arguments. A turn without words, or with "go on" alone, is what the turn before it was."""
    if before is not None and goes_on(asked.text):
        return judged(asked, before.meant, before.hardest, before.easier)
    meant = classifier.classify(asked.text, has_tools=asked.tools > 0)
    hardest, easier = carried(before, meant, now_s)
    return judged(asked, meant, hardest, easier)


def judged(asked: Asked, meant: Classified, hardest: Classified, easier: int = 0) -> Judged:
    """A task of the caller's own is certain; only then is the classifier not asked for it."""
    task, confidence, likely = meant.task, meant.confidence, meant.task_probabilities
    if asked.task is not None:
        task, confidence, likely = asked.task, 1.0, ((asked.task, 1.0),)
    return Judged(
        task=task,
        confidence=confidence,
        complexity=hardest.complexity,
        shares=tuple((_INDEX[one], share) for one, share in likely),
        rest=max(0.0, 1.0 - sum(share for _, share in likely)),
        ease=_ease(hardest),
        output_tokens=_OUTPUT[hardest.complexity] * (_THINKING if asked.thinking else 1.0),
        meant=meant,
        hardest=hardest,
        easier=easier,
    )


def usual(task: Task, confidence: float, complexity: Complexity) -> Classified:
    """What a classifier may have said, of which only this much is known: the rest as it is taught."""
    cheap = _CHEAP[complexity]
    return Classified(
        task=task,
        task_probabilities=((task, confidence),),
        confidence=confidence,
        complexity=complexity,
        difficulty=1 - cheap,
        p_cheap=cheap,
    )


def _ease(found: Classified) -> float:
    """From the middle between a cheap model, mostly by convention, and a strong one."""
    cheap = _MEASURED * found.p_cheap + (1 - _MEASURED) * _CHEAP[found.complexity]
    well = (cheap + _STRONG[found.complexity]) / 2
    return float((well / (1.0 - well) / _USUAL) ** _EASE)


def goes_on(text: str) -> bool:
    """Whether a turn says nothing of its own, in English or French."""
    return len(text) <= _LONGEST and (
        (said := text.strip(_AROUND).casefold().replace("\u2019", "'")) in _GOES_ON or not said
    )
