"""What cannot be changed and leaves as it is, callers' own keys and signed thoughts: no original may be in it."""

from collections.abc import Iterable, Sequence
from typing import Final

from ahocorasick_rs import AhoCorasick

from libs.contracts.errors import PiiUnsupportedContent
from services.pii.entities import Entity, EntityType
from services.pii.recognizers.spreading import is_another_word
from services.pii.requests.spots import Texts

# What a word used as a key often looks like: a map of cities or of colleagues is refused only where one of them was
# substituted elsewhere in the request.
_WORDS: Final = frozenset({EntityType.PERSON, EntityType.LOCATION})
_SHORTEST: Final = 3  # characters of an original that is looked for
_KEYS: Final = "a name of a member, in a tool's arguments or in a schema,"


def keys_of(texts: Texts) -> str:
    """The odd keys as one text."""
    return "\n".join(texts.odd_keys)


def check_keys(entities: Iterable[Entity]) -> None:
    """Raises PiiUnsupportedContent where a key is personal data by itself."""
    for entity in entities:
        if entity.type not in _WORDS:
            raise _refused(_KEYS, f"holds personal data ({entity.type})", "")


def check_originals(texts: Texts, originals: Sequence[str]) -> None:
    """Raises PiiUnsupportedContent where what was substituted elsewhere would leave here.

    In whatever case, but a name of one word where that is written as a word is: `I will`, beside somebody called Will.
    """
    fixed = [(_KEYS, "", keys_of(texts)), *((f"'{one.place}'", one.place, one.text) for one in texts.sealed)]
    wanted = sorted({one.casefold() for one in originals if len(one) >= _SHORTEST})
    if not wanted or not any(text for _, _, text in fixed):
        return
    automaton, exact = AhoCorasick(wanted), frozenset(originals)
    for what, place, text in fixed:
        low = text.casefold()
        for _, start, end in automaton.find_matches_as_indexes(low, overlapping=True):
            apart = not low[max(0, start - 1) : start].isalnum() and not low[end : end + 1].isalnum()
            if apart and not _is_word(text if len(text) == len(low) else low, start, end, exact):
                raise _refused(what, "holds what is substituted elsewhere in the request", place)


def _is_word(text: str, start: int, end: int, exact: frozenset[str]) -> bool:
    seen = text[start:end]
    return seen.isalpha() and ((seen.islower() and seen not in exact) or is_another_word(text, start, end))


def _refused(what: str, why: str, place: str) -> PiiUnsupportedContent:
    return PiiUnsupportedContent(
        f"{what} {why}; that cannot be changed there, so nothing was sent. Rename it, or leave it out.", param=place
    )
