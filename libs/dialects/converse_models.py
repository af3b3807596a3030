"""What each family of models takes of a Converse request, told from its id."""

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFlags:
    """What a model takes of the Converse request. `sampling`: temperature and top_p, one of the two, or neither.

    `thinking`: switched on by a token budget, by effort alone (`adaptive`), or not here. `structured`: schemas kept.
    """

    claude: bool = False
    sampling: Literal["both", "one", "none"] = "both"
    thinking: Literal["none", "budget", "adaptive"] = "none"
    structured: bool = True


# Ids carry region and version around the name: us.anthropic.claude-sonnet-4-5-20250929-v1:0. First match counts.
_CLAUDES: tuple[tuple[str, ModelFlags], ...] = (
    (r"claude-(3-7)(?!\d)", ModelFlags(claude=True, thinking="budget", structured=False)),
    (r"claude-(3|v2|instant)(?!\d)", ModelFlags(claude=True, structured=False)),
    (r"claude-(opus|sonnet)-4-(\d{8}|v\d)", ModelFlags(claude=True, thinking="budget", structured=False)),
    (r"claude-opus-4-1(?!\d)", ModelFlags(claude=True, sampling="one", thinking="budget", structured=False)),
    (r"claude-(opus|sonnet|haiku)-4-5(?!\d)", ModelFlags(claude=True, sampling="one", thinking="budget")),
    (r"claude-(opus|sonnet|haiku)-4-6(?!\d)", ModelFlags(claude=True, sampling="one", thinking="adaptive")),
    (r"claude", ModelFlags(claude=True, sampling="none", thinking="adaptive")),
)


def flags_of(model_id: str) -> ModelFlags:
    """From the id alone. An unknown Claude is taken for a new one: those refuse sampling parameters."""
    return next((flags for pattern, flags in _CLAUDES if re.search(pattern, model_id)), ModelFlags())
