"""A text and what is known of it."""

import re
from dataclasses import dataclass

from services.router.classifier.tasks import Complexity, Task

_SIGNS = re.compile(r"\W+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """`cheap` and `strong`: share of such models that answered well, 0..1; None is not known.

    Examples made of one prompt share `group`, so that none of them vouches for another.
    """

    text: str
    origin: str
    group: str = ""
    weight: float = 1.0
    task: Task | None = None
    complexity: Complexity | None = None
    cheap: float | None = None
    strong: float | None = None


def plain(text: str) -> str:
    return _SIGNS.sub(" ", text.lower()).strip()
