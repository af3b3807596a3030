"""Numbers whose groups stand far apart, or with unusual signs between them, right behind the word that names them."""

import re
from typing import Final

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.numbers.checks import is_luhn
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_SCORE: Final = 0.75
_LEAD: Final = 16  # characters between the word and the number
_LONGEST: Final = 48
_CHECKED: Final = frozenset({Cue.SIN, Cue.CARD})
_NO_DIGIT = re.compile("[^0-9]")
_NOTHING_ELSE = re.compile(r"[^0-9\n]{0,16}?(?=[0-9])")


def _groups(*sizes: int) -> re.Pattern[str]:
    """As `046   454   286` and `046·454·286`; the same signs in all gaps."""
    first, *rest = (f"[0-9]{{{size}}}" for size in sizes)
    between = r"([ \t]{1,6}|[ ]?[\u00b7\u2022_~*][ ]?)"
    return re.compile(first + between + r"\1".join(rest) + r"(?![0-9])")


_LAYOUTS: Final = {
    Cue.SIN: (EntityType.SIN, _groups(3, 3, 3)),
    Cue.SSN: (EntityType.SSN, _groups(3, 2, 4)),
    Cue.HEALTH: (EntityType.HEALTH_NUMBER, _groups(4, 3, 3)),
    Cue.PHONE: (EntityType.PHONE, _groups(3, 3, 4)),
    Cue.CARD: (EntityType.CREDIT_CARD, _groups(4, 4, 4, 4)),
}


def find_wide(reading: Reading) -> list[Hit]:
    """Only behind its word: columns of a table are laid out so too."""
    hits, cues = list[Hit](), reading.cues
    for end, kinds in zip(cues.ends, cues.cues, strict=True):
        lead = _NOTHING_ELSE.match(reading.view, end, end + _LEAD + 1)
        if lead is None:
            continue
        for kind in kinds:
            if kind not in _LAYOUTS:
                continue
            type_, layout = _LAYOUTS[kind]
            found = layout.match(reading.view, lead.end(), lead.end() + _LONGEST)
            if found and (kind not in _CHECKED or is_luhn(_NO_DIGIT.sub("", found.group()))):
                hits.append(Hit(*found.span(), type_, _SCORE, kind.value))
    return hits
