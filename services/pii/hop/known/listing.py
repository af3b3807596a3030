"""What the audit lists of the substitutions that were made: each once at its place, with how often."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from services.pii.hop.base import Listed
from services.pii.hop.known.texts import KnownText
from services.pii.requests.spots import Text
from services.pii.substitutes.substitution import Entry

LISTED: Final = 2_000  # entities that the audit lists of one request


class Made(NamedTuple):
    """A substitution that was made, and in which text."""

    text: Text
    entry: Entry

    @property
    def original(self) -> str:
        return self.text.text[self.entry.entity.start : self.entry.entity.end]


def listed_in(text: Text, entries: Sequence[Entry]) -> Iterator[Listed]:
    """Of one text: its first ones where there are too many."""
    times, first = dict[str, int](), dict[str, Entry]()
    for entry in entries:
        digest = entry.digest
        times[digest] = times.get(digest, 0) + 1
        if digest not in first and len(first) < LISTED:
            first[digest] = entry
    place = text.place
    for digest, entry in first.items():
        yield Listed(
            type=str(entry.entity.type),
            place=place,
            count=times[digest],
            substitute=entry.substitute,
            original_hash=bytes.fromhex(digest),
            original_shape=entry.shape,
            recognizer=entry.entity.recognizer,
            score=entry.entity.score,
        )


def listing(texts: Sequence[Text], known: Sequence[KnownText]) -> tuple[list[Listed], int]:
    """Of all texts, and how many occurrences it does not list."""
    listed, made = list[Listed](), 0
    for text, one in zip(texts, known, strict=True):
        if one.swaps:
            made += len(one.swaps)
            if len(listed) < LISTED:
                listed += one.listed_at(text)[: LISTED - len(listed)]
    return listed, made - sum(one.count for one in listed)
