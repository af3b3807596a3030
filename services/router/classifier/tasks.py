"""What a request can be: its task and how much it asks for."""

from dataclasses import dataclass
from enum import StrEnum


class Task(StrEnum):
    """The sixteen; spelt as in the routing event."""

    CODE_GENERATION = "code_generation"
    CODE_REVIEW = "code_review"
    MATH = "math"
    REASONING = "reasoning"
    QUESTION_ANSWERING = "question_answering"
    DOCUMENT_QA = "document_qa"
    SUMMARIZATION = "summarization"
    TRANSLATION = "translation"
    REWRITING = "rewriting"
    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    CREATIVE_WRITING = "creative_writing"
    CONTENT_WRITING = "content_writing"
    BRAINSTORMING = "brainstorming"
    ANALYSIS = "analysis"
    CONVERSATION = "conversation"


class Complexity(StrEnum):
    """How much a request asks for, least first."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


TASKS = tuple(Task)
COMPLEXITIES = tuple(Complexity)


@dataclass(frozen=True, kw_only=True, slots=True)
class Classified:
    """What a text looks like.

    `confidence`: how often such a task is right, 0..1, calibrated. `task_probabilities`: the three likeliest, likeliest
    first. `difficulty` 0..1 ranks requests by what a stronger model would add, and is no probability. `p_cheap`: how
    often a small model does such a thing well.
    """

    task: Task
    task_probabilities: tuple[tuple[Task, float], ...]
    confidence: float
    complexity: Complexity
    difficulty: float
    p_cheap: float
