"""Names that one text of a request gives away, in its other texts; what is known of texts stays unless new names do."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from services.pii.entities import Entity
from services.pii.hop.finding import Turn
from services.pii.hop.known.texts import Conversation, Name
from services.pii.recognizers.reading import fold, lower
from services.pii.recognizers.slices import Code
from services.pii.recognizers.spreading import Names, names_of, spread
from services.pii.requests.spots import Text

_SLICE: Final = 32_768  # characters looked through for names in one go
_BESIDE: Final = 128  # of the next ones, for a name that stands across the border
_NOTHING: Final[Mapping[bytes, Name]] = {}


class Spread(NamedTuple):
    """All entities of each of the texts that were not known, and the names that those told, by their keyed hashes."""

    entities: Sequence[Sequence[Entity]]
    names: Mapping[bytes, Name]


async def spreading(
    texts: Sequence[Text], known: Conversation, told: Sequence[Sequence[Entity]], key: bytes, turn: Turn
) -> Spread | None:
    """`told`: what the texts beyond the known ones give themselves. None: more is found in a text that was known."""
    fresh = texts[known.count :]
    if len(texts) < 2 or not fresh:  # noqa: PLR2004 - nothing to spread to
        return Spread(told, _NOTHING)
    new = [(one.text, found) for one, found in zip(fresh, told, strict=True) if found]
    names = names_of([*_told(texts, known), *new])
    if names is None:
        return Spread(told, _NOTHING)
    # A conversation of one text did not spread yet: all of its names are new.
    some = names if known.count < 2 else names_of(new)  # noqa: PLR2004
    more = _named(names, some.words if some is not None else (), key)
    if known.count:
        changed = [word for word, digest, name in more if known.name(digest) != name]
        if not await _stays(texts, known, names, changed, turn):
            return None
    entities = [await _found(one.text, found, names, turn) for one, found in zip(fresh, told, strict=True)]
    return Spread(entities, {digest: name for _, digest, name in more})


def _told(texts: Sequence[Text], known: Conversation) -> Iterator[tuple[str, Sequence[Entity]]]:
    for one, text in zip(known.texts, texts, strict=False):
        if one.told:
            yield text.text, one.told


def _named(names: Names, words: Sequence[str], key: bytes) -> list[tuple[str, bytes, Name]]:
    """Some of the names, each with its keyed hash and what it is looked for as."""
    wanted = None if words is names.words else frozenset(words)
    mac, found = hashlib.blake2b(key=key, digest_size=16, person=b"name"), list[tuple[str, bytes, Name]]()
    for word, kind, whole, sure in zip(names.words, names.kinds, names.is_whole, names.is_sure, strict=True):
        if wanted is None or word in wanted:
            own = mac.copy()
            own.update(word.encode("utf-8", "surrogatepass"))
            found.append((word, own.digest(), Name(*kind, whole, sure)))
    return found


async def _stays(texts: Sequence[Text], known: Conversation, names: Names, changed: Sequence[str], turn: Turn) -> bool:
    """Whether the known texts have the same entities with these names. Names that stand in none change nothing."""
    if not changed and known.count > 1:
        return True
    automaton = AhoCorasick(changed, implementation=Implementation.ContiguousNFA) if changed else None
    for one, text in zip(known.texts, texts, strict=False):
        if (
            known.count == 1
            or automaton is None
            or any(automaton.find_matches_as_indexes(lower(fold(part))) for part in _parts(text.text))
        ):
            again = await _found(text.text, one.told, names, turn)
            if [*again] != [*one.entities]:
                return False
        await turn.over()
    return True


def _parts(text: str) -> Iterator[str]:
    for start in range(0, len(text), _SLICE):
        yield text[start : start + _SLICE + _BESIDE]


async def _found(text: str, told: Sequence[Entity], names: Names, turn: Turn) -> Sequence[Entity]:
    """What a text gives itself and what others give away of it."""
    more, code = list[Entity](), Code(text)
    for start in range(0, len(text), _SLICE):
        seen = more[-1].end if more else 0
        new = spread(text, told, names, start, min(len(text), start + _SLICE + _BESIDE), code)
        more += [each for each in new if each.start >= seen]
        await turn.over()
    return sorted([*told, *more], key=lambda each: each.start) if more else told
