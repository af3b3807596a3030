"""The way back of one request: made of its originals when there is an answer to restore."""

from collections.abc import Callable, Iterator, Sequence, Sized

from services.pii.hop.known.base import Asked
from services.pii.hop.known.cutting import cuts
from services.pii.hop.known.texts import Conversation, First, KnownText, originals, swapped
from services.pii.restoring.restorer import Restorer
from services.pii.substitutes.substitution import CHECKED, Substitution


class WayBack:
    """services.pii.replies.restoring.Restoring. It holds the originals, and lives as long as the request."""

    __slots__ = ("_conversation", "_made", "_make", "entries")

    def __init__(self, make: Callable[[], Substitution], conversation: Conversation | None, substituted: int) -> None:
        """What is found out for the first restorer is noted with the conversation, for its next request."""
        self._make: Callable[[], Substitution] | None = make
        self._made: Substitution | None = None
        self._conversation = conversation
        self.entries: Sized = range(substituted)

    def restorer(self, *, json: bool = False) -> Restorer:
        if self._made is None:
            assert self._make is not None
            self._made, self._make = self._make(), None
        restorer = self._made.restorer(json)
        if self._conversation is not None:
            self._conversation.offers, self._conversation = self._made.offers, None
        return restorer


def echoes(texts: Sequence[str], known: Sequence[KnownText], *, apart: bool) -> Iterator[tuple[int, str, str]]:
    """What is tried before an answer is restored: the text's number, a part of it, and that with its substitutes."""
    left = CHECKED
    for at, (text, one) in enumerate(zip(texts, known, strict=True)):
        if not one.swaps:
            continue
        for cut in cuts(text, one.entities, apart=apart):
            if cut.apart or not cut.entities:
                continue
            inside = [swap for swap in one.swaps if cut.start <= swap.start and swap.end <= cut.end]
            if inside:
                original = text[cut.start : cut.end]
                given = swapped(original, inside, cut.start)
                left -= len(given)
                yield at, original, given
            if left <= 0:
                return


def substituted(firsts: Sequence[First]) -> int:
    """How many originals come back."""
    return sum([first.changed and not first.apart for first in firsts])


def learnt_way_back(
    asked: Asked, known: Conversation, now: Sequence[KnownText], conversation: Conversation | None
) -> WayBack:
    """Where every original was known. They are cut from the request now and learnt when there is an answer."""
    texts, firsts = asked.texts.texts, known.firsts
    held = [(first.entity, original) for first, original in originals(texts, firsts) if not first.apart]
    key, scope, offers, before = asked.key, asked.scope, known.offers, known.drawn()
    tried = list[tuple[str, str]]()
    if offers is None or (offers and any(one.swaps for one in now[known.count :])):
        some = echoes([one.text for one in texts], now, apart=asked.apart)
        tried = [(original, given) for at, original, given in some if offers is None or at >= known.count]

    def make() -> Substitution:
        made = Substitution(key, scope, None, before)
        for entity, original in held:
            made.learn(original, entity)
        if offers is not None:
            made.decide(offers=offers)
        for original, given in tried:
            made.note(original, given)
        return made

    return WayBack(make, conversation, substituted(firsts))
