"""A text in parts that are substituted in one go, and apart from them what never comes back; pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from services.pii import domain
from services.pii.entities import Entity, EntityType

_SLICE: Final = 4_096  # characters substituted in one go


class Cut(NamedTuple):
    start: int
    end: int
    entities: Sequence[Entity]
    apart: bool = False


def cuts(text: str, entities: Sequence[Entity], *, apart: bool) -> Iterator[Cut]:
    """Together they are the text. `apart`: every secret in a part by itself."""
    for start, end, inside in domain.slices(text, entities, _SLICE):
        if apart:
            yield from _parted(start, end, inside)
        else:
            yield Cut(start, end, inside)


def _parted(start: int, end: int, entities: Sequence[Entity]) -> Iterator[Cut]:
    inside: list[Entity] = []
    for entity in entities:
        if entity.type is EntityType.SECRET:
            yield Cut(start, entity.start, inside)
            yield Cut(entity.start, entity.end, [entity], apart=True)
            start, inside = entity.end, []
        else:
            inside.append(entity)
    yield Cut(start, end, inside)
