"""Writing an original in the form its substitute was seen in: its case, its blanks and dashes."""

import re

# Fold-equal signs that a model swaps freely: blanks, dashes, quotes.
_SIGN = re.compile("[\\s\u2010-\u2015\u2212\\-'\u2018\u2019\u02bc\u2032`]")


def render(seen: str, spellings: dict[str, str]) -> str:
    """The original for what was seen, which equals one of the spellings but for case, accents and signs."""
    exact = spellings.get(seen)
    if exact is not None:
        return exact
    signs = _SIGN.findall(seen)
    for substitute, original in spellings.items():
        if signs and _SIGN.sub(" ", substitute) == _SIGN.sub(" ", seen):
            return _with_signs(original, substitute, signs)
    substitute, original = next(iter(spellings.items()))
    return _in_case(_with_signs(original, substitute, signs) if signs else original, seen, substitute)


def _with_signs(original: str, substitute: str, signs: list[str]) -> str:
    """Signs of the answer where it changed those of the substitute, if the original has as many."""
    theirs, own = _SIGN.findall(substitute), _SIGN.findall(original)
    if len(own) != len(signs) or len(theirs) != len(signs):
        return original
    fitting = iter([kept if had == got else got for kept, had, got in zip(own, theirs, signs, strict=True)])
    return _SIGN.sub(lambda _: next(fitting), original)


def _in_case(original: str, seen: str, substitute: str) -> str:
    if seen.isupper() and not substitute.isupper():
        return original.upper()
    if seen.islower() and not substitute.islower():
        return original.lower()
    if seen[:1].isupper() and (original.isupper() or original.islower()) and not seen.isupper():
        return original.title() if original.isupper() else original[:1].upper() + original[1:]
    return original
