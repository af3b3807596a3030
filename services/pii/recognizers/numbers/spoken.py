"""Telephone numbers as somebody says them: `five eight seven, 555, 0161`, `cinq cent six, 555, 0155`."""

import re
from collections.abc import Iterator

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_TELLING = ("seven", "nine", "zero", "sept", "neuf")  # hardly a number has none of these and no five
_UNIT = (
    r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|une?|deux|trois|quatre|cinq|sept|huit|neuf|double|triple)"
)
_TENS = (
    r"(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente|quarante|cinquante|soixante|quatre-vingts?)"
)
_HUNDRED = r"(?:hundred|cents?)"
_WORD = re.compile(rf"({_HUNDRED})|({_TENS})(?:[ -](?:et[ -])?(?:{_TENS}|{_UNIT})){{0,2}}|({_UNIT})|([0-9]{{1,4}})")
_SAID = re.compile(
    rf"(?:[^\n]{{0,40}}\?[ ]?\n(?:[^\n]{{0,40}}:|[ ]?-))?[^\n]{{0,56}}?(?<![a-z0-9])((?:(?:{_HUNDRED}|{_TENS}"
    rf"|{_UNIT}|[0-9]{{2,4}})(?![a-z0-9])(?:[ ,.-]{{1,3}}(?:et |and |then |puis )?)?){{4,14}})"
)
_COUNTING = re.compile(r"(?:one|un),? (?:two|deux),? (?:three|trois)")
_LENGTHS = frozenset({7, 10, 11})
_FEWEST_WORDS = 3
_WINDOW = 160


def find_spoken(reading: Reading) -> Iterator[Hit]:
    """Behind a word of telephones only."""
    low, last = reading.low, 0
    if "five" not in low and "cinq" not in low and sum(word in low for word in _TELLING) < _FEWEST_WORDS - 1:
        return
    for _, end in reading.cues.of(Cue.PHONE):
        if end < last or not (found := _SAID.match(low, end, end + _WINDOW)):
            continue
        start = found.start(1)
        stop = start + len(found[1].rstrip(" ,.-"))
        if not _COUNTING.search(low, start, stop) and _is_number(low[start:stop]):
            last = stop
            yield Hit(start, stop, EntityType.PHONE, 0.7, "spoken", "nanp")


def _is_number(said: str) -> bool:
    """As many digits as a telephone number has, most of them in words."""
    count = words = 0
    hundred = False
    for hundreds, tens, unit, digits in _WORD.findall(said):
        words += not digits
        if hundreds:  # `cinq cent six`: three digits, one was counted
            count, hundred = count + 2, True
        elif tens:
            count += 0 if hundred else 2
            hundred = False
        elif unit:
            count += 0 if hundred else 2 if unit == "double" else 1
            hundred = False
        else:
            count, hundred = count + len(digits), False
    return words >= _FEWEST_WORDS and count in _LENGTHS
