"""What the texts of a conversation came to: places, types and substitutes; of originals keyed hashes alone."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from services.pii.entities import Entity, EntityType
from services.pii.hop.base import Listed
from services.pii.requests.spots import Text
from services.pii.substitutes.prompt import Relied

_TEXT, _ENTITY, _SPREAD, _FIRST, _NAME, _WORD, _LISTED = 200, 220, 160, 330, 210, 90, 260  # bytes, about


class Swap(NamedTuple):
    """A substitute and where it goes."""

    start: int
    end: int
    substitute: str


class First(NamedTuple):
    """Where an original stood when it was first substituted: the number of the text, and its place in it.

    `changed`: it has a substitute and not just itself. `apart`: the way back does without it.
    """

    at: int
    entity: Entity
    changed: bool
    apart: bool


class Name(NamedTuple):
    """What a name is looked for as in other texts."""

    type: EntityType
    kind: str
    whole: bool
    sure: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownText:
    """`told`: the entities that the text itself gives; `entities`: with what the others give away."""

    told: tuple[Entity, ...] = ()
    entities: tuple[Entity, ...] = ()
    swaps: tuple[Swap, ...] = ()
    listed: tuple[Listed, ...] = ()

    def given(self, text: str) -> str:
        """The text with its substitutes."""
        return swapped(text, self.swaps) if self.swaps else text

    def listed_at(self, text: Text) -> Sequence[Listed]:
        """What the audit lists, which names the text's place."""
        if not self.listed or self.listed[0].place == (place := text.place):
            return self.listed
        return [_moved(one, place) for one in self.listed]


NOTHING: Final = KnownText()


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """The texts that one request added, and what all together had to learn for them.

    `drawn`: what was drawn for `firsts`, and for those apart. `names`: by a keyed hash of the name. `substitutes`: by
    type and the original's keyed hash, and by kind, with its shape; "" where it stays. `grown`: how many bytes more
    there are with the substitutes.
    """

    texts: tuple[KnownText, ...]
    firsts: tuple[First, ...] = ()
    drawn: tuple[tuple[int | str, ...], tuple[int | str, ...]] = ((), ())
    names: Mapping[bytes, Name] = field(default_factory=dict)
    substitutes: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    relied: Relied = field(default_factory=Relied)
    counts: Mapping[str, int] = field(default_factory=dict)
    grown: int = 0
    size: int = field(init=False)  # in bytes, about

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", self._size())

    def _size(self) -> int:
        size = len(self.texts) * _TEXT + len(self.firsts) * _FIRST + len(self.names) * _NAME
        size += sum(map(len, self.drawn)) * _WORD
        size += sum(map(len, self.relied.words))
        size += (len(self.relied.words) + len(self.relied.dates) * 3 + len(self.relied.addresses)) * _WORD
        for text in self.texts:
            spread = 0 if text.entities is text.told else len(text.entities)
            size += len(text.told) * _ENTITY + spread * _SPREAD + len(text.swaps) * _WORD + len(text.listed) * _LISTED
            size += sum(len(one.substitute) for one in text.swaps)
        return size


class Kept(NamedTuple):
    """What stood beside the texts and left as it is: how much of it, and its keyed hash."""

    words: int = 0
    digest: bytes = b""

    @classmethod
    def of(cls, words: Sequence[str], key: bytes) -> "Kept":
        data = "\0".join(words).encode("utf-8", "surrogatepass")
        return cls(len(words), hashlib.blake2b(data, key=key, digest_size=16, person=b"kept").digest())

    def beyond(self, words: Sequence[str], key: bytes) -> Sequence[str]:
        """What of these was not there; all of them, where what was there has changed."""
        same = 0 < self.words <= len(words) and Kept.of(words[: self.words], key) == self
        return words[self.words :] if same else words


@dataclass(kw_only=True, slots=True)
class Conversation:
    """The texts of one request in the stretches in which they came to be known.

    `offers`: whether further forms of substitutes come back, None while no answer was restored.
    """

    stretches: tuple[Stretch, ...] = ()
    kept: Kept = field(default_factory=Kept)
    offers: bool | None = None
    count: int = 0

    @property
    def texts(self) -> Sequence[KnownText]:
        if len(self.stretches) == 1:
            return self.stretches[0].texts
        return [text for stretch in self.stretches for text in stretch.texts]

    @property
    def firsts(self) -> Sequence[First]:
        return [first for stretch in self.stretches for first in stretch.firsts]

    @property
    def counts(self) -> Counter[str]:
        counts = Counter[str]()
        for stretch in self.stretches:
            if stretch.counts:
                counts.update(stretch.counts)
        return counts

    @property
    def made(self) -> int:
        """How many substitutions."""
        return sum([sum(stretch.counts.values()) for stretch in self.stretches])

    @property
    def grown(self) -> int:
        """How many bytes more the texts have with their substitutes."""
        return sum(stretch.grown for stretch in self.stretches)

    def drawn(self, *, apart: bool = False) -> Sequence[int | str]:
        return [each for stretch in self.stretches for each in stretch.drawn[apart]]

    def name(self, digest: bytes) -> Name | None:
        """What it was looked for as in the end."""
        for stretch in reversed(self.stretches):
            if (found := stretch.names.get(digest)) is not None:
                return found
        return None

    def substitute(self, digest: str, kind: str) -> tuple[str, str] | None:
        """A known original's substitute and shape."""
        for stretch in self.stretches:
            if (found := stretch.substitutes.get((digest, kind))) is not None:
                return found
        return None

    def and_then(self, stretch: Stretch | None, kept: Kept, offers: bool | None) -> "Conversation":
        """With more texts, or the same ones."""
        if stretch is None:
            return self if self.kept == kept else replace(self, kept=kept)
        return Conversation(
            stretches=(*self.stretches, stretch), kept=kept, offers=offers, count=self.count + len(stretch.texts)
        )


def swapped(text: str, swaps: Sequence[Swap], begins: int = 0) -> str:
    """The text, or a part of it that begins elsewhere, with these substitutes in it."""
    parts, at = list[str](), 0
    for start, end, substitute in swaps:
        parts += (text[at : start - begins], substitute)
        at = end - begins
    parts.append(text[at:])
    return "".join(parts)


def originals(texts: Sequence[Text], firsts: Sequence[First]) -> Iterator[tuple[First, str]]:
    """Cut from the request at hand."""
    for first in firsts:
        entity = first.entity
        yield first, texts[first.at].text[entity.start : entity.end]


def _moved(one: Listed, place: str) -> Listed:
    return Listed(
        type=one.type,
        place=place,
        count=one.count,
        substitute=one.substitute,
        original_hash=one.original_hash,
        original_shape=one.original_shape,
        recognizer=one.recognizer,
        score=one.score,
    )
