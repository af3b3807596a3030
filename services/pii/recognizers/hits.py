"""What a rule says of a part of a reading, before overlaps are resolved, and how a rule looks from outside."""

from typing import NamedTuple, Protocol

from services.pii.entities import EntityType
from services.pii.recognizers.reading import Reading

UNSURE = 0.5  # below it an entity counts for a `strict` policy only


class Hit(NamedTuple):
    """`start` and `end` index the view of a reading; the rest is an `Entity`'s."""

    start: int
    end: int
    type: EntityType
    score: float
    recognizer: str
    kind: str = ""


class Recognizer(Protocol):
    """A rule: cheap where nothing of its kind stands, linear in the text, and it never raises."""

    def __call__(self, reading: Reading) -> list[Hit]: ...
