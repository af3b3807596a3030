"""What was seen once in a request is found everywhere in it; a name also by its parts of four letters and more."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from services.pii.entities import Entity, EntityType
from services.pii.escapes import is_behind, meant
from services.pii.recognizers.overlaps import covered
from services.pii.recognizers.reading import fold, joined, lower

_PART = re.compile(r"[^\W\d_]{4,}")
_TELLING = re.compile(r"[0-9@]")  # a value without either is a word like others
_LEAST = 4  # characters
_JOINTS = "._"  # of a user's name: `jane.doe`
_SCORE = 0.8
_QUICK = 40_000  # characters looked through, times names
_TITLES = frozenset(
    """
    madame monsieur mademoiselle docteur docteure professeur professeure maitre doctor professor miss mister madam
    honourable honorable saint sainte soeur frere father sister brother chief elder judge juge senator minister ministre
    """.split()
)
# Names that are words: a part of this list counts only where it is written as a name is.
_WORDS = frozenset(
    """
    will mark grace hope rose bill frank page long young white black brown green stone wood woods field hill hall cook
    baker mason carter hunter fisher butler price rich major king prince bishop pope knight bush rice lane park parks
    rivers lake west east north south winter summer august june april melody harmony faith joy charity dawn ruby pearl
    amber iris lily daisy violet jade crystal penny sunny sandy dusty rusty rocky guy gene chase drew grant lance miles
    pierce reed sterling wade wells banks bell best bond booth branch bright brooks case church cross day dean drake
    field fields flowers ford fox french friend frost gold golden good gray grey hand hardy house hunt hyde jack john
    just keys lamb land large last law light little love low marsh moon moss noble north paige paris park peace pitt
    poole power powers race rain read sage sharp short silver small smart snow speed stark steel still street strong
    sweet swift thorn town walker wall ward waters weeks wild wise wolf world worth wright year
    belle blanc blanche bois bonne bourgeois brun charpentier chateau claire clement comte court croix dame desire doux
    fleur fontaine forest fort gars gentil grand grande gros haut jean jeune jolie joly juste laurier leblanc legrand
    leroy lemoine lion loup maison marchand marin martin meunier mort moulin neuf noel olive page paix pain
    paradis pierre
    pont porte prudent rene riche riviere roche rose rouge roux royer sauvage serge sire soleil tailleur terre tour
    may art pat ray eve ivy sky
    vert vigne ville vincent voisin that this with from have your when what where which there their they been were
    """.split()
)


@dataclass(frozen=True, kw_only=True)
class Names:
    """What to look for: names and values `whole` anywhere, parts of names and places outside of code."""

    kinds: tuple[tuple[EntityType, str], ...]
    is_whole: tuple[bool, ...]
    is_sure: tuple[bool, ...]  # of a name of several words: found in lower case too
    words: tuple[str, ...]

    @cached_property
    def automaton(self) -> AhoCorasick:
        """Made when first needed; of the kind that is made fastest, as it lives for one request."""
        return AhoCorasick(self.words, matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA)

    def may_stand_twice(self, text: str) -> bool:
        """Whether any of them can stand in the text they were found in a second time; quick where that is short."""
        if len(text) * len(self.words) > _QUICK:
            return True
        low = lower(fold(text))
        return any(low.count(word) > 1 for word in self.words)


def names_of(found: Iterable[tuple[str, Sequence[Entity]]]) -> Names | None:
    """The names in texts whose entities are known; None where there is none."""
    whole: dict[str, tuple[EntityType, str]] = {}
    parts: dict[str, bool] = {}
    places: set[str] = set()
    for text, entities in found:
        for one in entities:
            if one.score < 0.5:  # noqa: PLR2004 - unsure
                continue
            seen = meant(text[one.start : one.end])
            match one.type:
                case EntityType.PERSON:
                    _take_name(seen, whole, parts)
                case EntityType.LOCATION:
                    if len(seen) >= _LEAST and seen[0].isupper():
                        places.add(lower(fold(seen)))
                case _ if len(seen) >= _LEAST and _TELLING.search(seen):
                    whole[lower(fold(seen))] = (one.type, one.kind)
    if not parts and not whole and not places:
        return None
    rest = [part for part in {**parts, **dict.fromkeys(places)} if part not in whole]
    phrases = [*whole, *rest]
    return Names(
        kinds=(
            *whole.values(),
            *((EntityType.PERSON if part in parts else EntityType.LOCATION, "") for part in rest),
        ),
        is_whole=tuple(phrase in whole for phrase in phrases),
        is_sure=tuple(parts.get(phrase, phrase in whole) for phrase in phrases),
        words=tuple(phrases),
    )


def _take_name(seen: str, whole: dict[str, tuple[EntityType, str]], parts: dict[str, bool]) -> None:
    if seen.islower():
        return
    name = lower(fold(seen))
    words = [word for word in _PART.findall(name) if word not in _TITLES]
    several = len(name.split()) > 1
    if several and words:
        whole[name] = (EntityType.PERSON, "")
        if all(word.isalpha() for word in name.split()):
            whole |= dict.fromkeys((joint.join(name.split()) for joint in _JOINTS), whole[name])
    for word in words:
        parts[word] = several or parts.get(word, False)


def spread(
    text: str, entities: Sequence[Entity], names: Names, start: int = 0, end: int | None = None,
    code: Callable[[], Sequence[tuple[int, int]]] = tuple,
) -> list[Entity]:  # fmt: skip
    """Further places of the names in a part of a text, none on an entity that is there; sorted.

    `code` says where the text's code stands; it is asked only where that matters.
    """
    end = len(text) if end is None else end
    low = lower(fold(text[start:end]))
    taken = sorted((one.start, one.end) for one in entities)
    found = []
    for index, first, last in names.automaton.find_matches_as_indexes(low):
        at, stop = start + first, start + last
        if (
            (at and joined(text[at - 1]) and not is_behind(text, at))
            or (stop < len(text) and joined(text[stop]))
            or covered(taken, at, stop)
        ):
            continue
        if not names.is_whole[index] and (
            _is_in(code(), at)
            or (not names.is_sure[index] and text[at].islower())
            or is_another_word(text, at, stop)
            or text[max(0, at - 1) : at] in {"@", "_", "/", "."}
            or text[stop : stop + 1] in {"@", "_", "(", "="}
        ):
            continue
        kind = names.kinds[index]
        found.append(Entity(start=at, end=stop, type=kind[0], score=_SCORE, recognizer="seen", kind=kind[1]))
    return found


def _is_in(fenced: Sequence[tuple[int, int]], at: int) -> bool:
    index = bisect_right(fenced, (at, len(fenced) and fenced[-1][1])) - 1
    return index >= 0 and at < fenced[index][1]


def is_another_word(text: str, start: int, end: int) -> bool:
    """Whether a name that is a word too is rather the word here."""
    return lower(fold(text[start:end])) in _WORDS and not _is_written_as_name(text, start, end)


def _is_written_as_name(text: str, start: int, end: int) -> bool:
    """A capital that no sentence begins with."""
    if not text[start].isupper() or text[start:end].isupper():
        return False
    before = text[max(0, start - 3) : start].rstrip(" \t\"'*")
    return bool(before) and before[-1] not in ".!?:\n-•>" and start > 0
