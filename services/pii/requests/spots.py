"""What reading a request gives: its texts, each with its place, and what leaves beside them as it is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from libs.contracts.errors import InvalidRequest

# A key is shown in a place only where it reads like a name in a program: callers' own keys may be personal data too.
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z_$-]{0,39}[0-9]{0,3}")
_BETWEEN_WORDS = re.compile(r"[\W_]+|(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST_PLACE = 200
_LONGEST_KEY = 64
_SHORT_TURN = 256  # characters of a turn that may say little without the one before it
_LAST_WORDS = 300
_LONGEST_QUESTION = 160
_A_NUMBER = re.compile(r"[0-9]{3}")
_SENTENCES = re.compile(r"(?<=[.?!])[\s*_\"')]+|\n+")
INSIDE = ""  # the key under which the root of a text that is JSON itself is held: no part of a place


@dataclass(kw_only=True, slots=True)
class Spot:
    """Where a value stands: `holder[key]`. `document` numbers the JSON written as a string that it is inside of, or -1.

    Not frozen, as it is made for every value of a body.
    """

    holder: Any
    key: str | int
    above: "Spot | None" = None
    document: int = -1

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    @property
    def place(self) -> str:
        """As in `messages[2].content[0].text`; cut in the middle where it is long."""
        parts = [_shown(spot.key) for spot in self._upwards()]
        place = "".join(reversed(parts)).lstrip(".")
        half = _LONGEST_PLACE // 2
        return place if len(place) <= _LONGEST_PLACE else f"{place[:half]}…{place[-half:]}"

    @property
    def nearest_key(self) -> str:
        return next((spot.key for spot in self._upwards() if isinstance(spot.key, str) and spot.key), "")

    @property
    def is_said(self) -> bool:
        """Whether it is what somebody says in a turn, or a part of that."""
        content = self.above.above if self.key == "text" and self.above is not None else self
        if content is None or content.key != "content" or content.above is None or content.document >= 0:
            return False
        turns = content.above.above
        return turns is not None and turns.key == "messages" and turns.above is not None and turns.above.above is None

    def _upwards(self) -> "Iterator[Spot]":
        """Itself and all above it but for the body."""
        spot: Spot | None = self
        while spot is not None and spot.above is not None:
            yield spot
            spot = spot.above


def is_plain(key: str) -> bool:
    return _PLAIN_KEY.fullmatch(key) is not None


def question_of(said: str) -> str:
    """What the end of a turn asks: its last question, or else its last sentence where that tells no number itself."""
    sentences = [one for one in map(str.strip, _SENTENCES.split(said[-_LAST_WORDS:])) if one]
    asked = [one for one in sentences if one.endswith("?")] or [
        one for one in sentences[-1:] if not _A_NUMBER.search(one)
    ]
    return asked[-1][-_LONGEST_QUESTION:] if asked else ""


def _shown(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    if key == INSIDE:
        return ""
    return f".{key}" if is_plain(key) else ".*"


@dataclass(kw_only=True, slots=True)
class Text:
    """A text that may hold personal data. A whole number of seven digits or more is one too: `number` is its type.

    `before`: of what is said in a turn, what was said right before it, which it may answer.
    """

    text: str
    spot: Spot
    number: type[int | float] | None = None
    keyed: bool = False
    before: str = ""

    @property
    def place(self) -> str:
        return self.spot.place

    @property
    def cue(self) -> str:
        """What the caller's own key says of it, in words (`date of birth` of `dateOfBirth`): where a value stands
        alone, this is all there is to know it by. "" for members of the dialect.
        """
        key = self.spot.nearest_key if self.keyed else ""
        return _BETWEEN_WORDS.sub(" ", key).strip().lower() if len(key) <= _LONGEST_KEY else ""

    @property
    def question(self) -> str:
        """What the turn before a short one asks; "" for all other texts."""
        return question_of(self.before) if self.before and len(self.text) <= _SHORT_TURN else ""


@dataclass(kw_only=True, slots=True)
class Document:
    """JSON that a member holds as a string: `spot` is the member, `root` holds the parsed value under INSIDE."""

    spot: Spot
    root: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Everything read from one body, which it still refers to.

    `kept`: what leaves as it is and stands in the prompt: keys, names of tools. No substitute may be one of its words.
    `sealed`: signed thoughts, which leave as they are too, with their places: substitutes are what they are made of.
    `odd_keys`: callers' own keys that do not read like names in a program.
    """

    body: dict[str, Any]
    texts: tuple[Text, ...]
    kept: tuple[str, ...]
    sealed: tuple[Text, ...]
    odd_keys: tuple[str, ...]
    documents: tuple[Document, ...]
    media: int  # images, recordings and files that pass unread


def written(texts: Texts, substituted: Sequence[str]) -> dict[str, Any]:
    """The body with these in place of `texts.texts`, one each. The body is used up: its values are changed.

    Raises InvalidRequest naming the member where a string's JSON is nested deeper than it can be written again.
    """
    changed: set[int] = set()
    for text, new in zip(texts.texts, substituted, strict=True):
        if new != text.text:
            spot = text.spot
            spot.holder[spot.key] = new if text.number is None else _number(text.number, text.text, new)
            changed.add(spot.document)
    # A document inside another one was found after it: it is written first.
    for at in range(len(texts.documents) - 1, -1, -1):
        if at in changed:
            document = texts.documents[at]
            spot = document.spot
            spot.holder[spot.key] = _dumped(document)
            changed.add(spot.document)
    return texts.body


def _dumped(document: Document) -> str:
    try:
        return orjson.dumps(document.root[INSIDE]).decode()
    except TypeError:  # orjson reads 1,024 levels and writes 254
        place = document.spot.place
        raise InvalidRequest(f"'{place}' is nested too deeply; 250 levels are the limit.", param=place) from None


def _number(kind: type[int | float], old: str, new: str) -> int | float | str:
    """A number again where it can be one of the same length; as a string it can at least be told and restored."""
    same = new.isascii() and new.isdigit() and len(new) == len(old) and new[0] != "0"
    return kind(new) if same else new
