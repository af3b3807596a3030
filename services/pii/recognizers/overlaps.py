"""From what the rules and the tagger saw to entities that do not overlap, borders at the borders of words."""

from bisect import bisect_left, insort
from collections.abc import Iterable

from services.pii.entities import Entity, EntityType
from services.pii.escapes import is_behind
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.reading import joined

_NAMES = frozenset({EntityType.PERSON, EntityType.LOCATION})
_LETTERS_LEFT = 3  # a name cut by a better hit is kept when so many letters are left
_WIDEST = 64  # characters a border moves at most; what is longer than a word is a blob
_GAP = frozenset(" \t\n,")
_LONGEST_GAP = 6


def resolve(text: str, hits: Iterable[Hit]) -> list[Entity]:
    """The best hit at each place: rules before names, then by score, then by length; then widened and merged."""
    ordered = sorted(hits, key=lambda hit: (hit.type in _NAMES and hit.score < 1, -hit.score, hit.start - hit.end))
    taken: list[tuple[int, int]] = []
    kept: list[Hit] = []
    for hit in ordered:
        for start, end in _free(hit, taken):
            whole = start == hit.start and end == hit.end
            if whole or (hit.type in _NAMES and sum(map(str.isalpha, text[start:end])) >= _LETTERS_LEFT):
                insort(taken, (start, end))
                kept.append(hit if whole else hit._replace(start=start, end=end))
    kept.sort()
    return _merged(text, [widen(text, hit) for hit in kept])


def widen(text: str, hit: Hit) -> Hit:
    """The same with no border inside a run of letters and digits, blanks at its ends left out."""
    start, end = hit.start, hit.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    least, most = max(0, start - _WIDEST), min(len(text), end + _WIDEST)
    while start > least and joined(text[start]) and joined(text[start - 1]) and not is_behind(text, start):
        start -= 1
    while end < most and joined(text[end - 1]) and joined(text[end]):
        end += 1
    return hit if (start, end) == (hit.start, hit.end) else hit._replace(start=start, end=end)


def covered(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a place touches one of a sorted list of places."""
    index = bisect_left(taken, (start, start))
    return (index < len(taken) and taken[index][0] < end) or (index > 0 and taken[index - 1][1] > start)


def _free(hit: Hit, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of a hit that nothing better has."""
    index = bisect_left(taken, (hit.start, hit.start))
    if index and taken[index - 1][1] > hit.start:
        index -= 1
    parts, at = [], hit.start
    while index < len(taken) and taken[index][0] < hit.end:
        if taken[index][0] > at:
            parts.append((at, taken[index][0]))
        at = max(at, taken[index][1])
        index += 1
    if at < hit.end:
        parts.append((at, hit.end))
    return parts


def _merged(text: str, hits: list[Hit]) -> list[Entity]:
    """Parts of one address become one; what came to overlap by widening goes to the one before."""
    whole: list[Hit] = []
    for hit in hits:
        last = whole[-1] if whole else None
        if hit.start >= hit.end:
            continue
        if last and (hit.start < last.end or _is_same_address(text, last, hit)):
            whole[-1] = last._replace(end=max(last.end, hit.end), score=max(last.score, hit.score))
        else:
            whole.append(hit)
    return [entity(hit) for hit in whole]


def _is_same_address(text: str, last: Hit, hit: Hit) -> bool:
    between = text[last.end : hit.start]
    return (
        last.type is hit.type is EntityType.ADDRESS
        and hit.recognizer + last.recognizer != "streetstreet"  # a list of addresses
        and 0 < len(between) <= _LONGEST_GAP
        and set(between) <= _GAP
        and between.count("\n") < 2  # noqa: PLR2004 - a blank line parts two addresses
    )


def entity(hit: Hit) -> Entity:
    return Entity(
        start=hit.start, end=hit.end, type=hit.type, score=hit.score, recognizer=hit.recognizer, kind=hit.kind
    )
