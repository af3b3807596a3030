"""The walk through a body with a stack of its own, and what it does with values of each general kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from libs.contracts.errors import PiiUnsupportedContent
from services.pii.requests.spots import INSIDE, Document, Spot, Text, Texts, is_plain

_NAME = re.compile(r"[A-Za-z0-9_.:/+=\[\]-]{1,512}")
_OPAQUE = re.compile(r"[A-Za-z0-9_.:/+=,;-]*")
_SHORTEST_NUMBER = 7  # digits of the shortest number that is anybody's
_EXACT = 2**53  # floats beyond it are no whole numbers any more
_TOGETHER = 1_000
_INNERMOST = 8  # JSON in a string of JSON in a string …: what lies deeper is read as the text it is


class Walk:
    """Reads one body piece by piece. `media`: images and files pass unread, as the account's policy allows."""

    def __init__(self, body: dict[str, Any], start: "Visit", *, media: bool) -> None:
        self._media = media
        self._passed = 0
        self._body = body
        self._left: list[tuple[Visit, Spot]] = [(start, Spot(holder={INSIDE: body}, key=INSIDE))]
        self._texts: list[Text] = []
        self._sealed: list[Text] = []
        self._documents: list[Document] = []
        self._levels: list[int] = []  # of each document: how many it is inside of
        self._kept: dict[str, None] = {}
        self._odd_keys: dict[str, None] = {}
        self._before = ""  # what was said last

    def advance(self, values: int) -> bool:
        """Looks at this many values more; whether any are left. Raises PiiUnsupportedContent, naming the place."""
        left = self._left
        for _ in range(values):
            if not left:
                return False
            visit, spot = left.pop()
            visit(self, spot)
        return bool(left)

    def texts(self) -> Texts:
        return Texts(
            body=self._body,
            texts=tuple(self._texts),
            kept=tuple(self._kept),
            sealed=tuple(self._sealed),
            odd_keys=tuple(self._odd_keys),
            documents=tuple(self._documents),
            media=self._passed,
        )

    # --- what visits say of a value ---

    def text(self, spot: Spot, value: str, *, keyed: bool = False) -> None:
        if not value:
            return
        if keyed or not spot.is_said:
            self._texts.append(Text(text=value, spot=spot, keyed=keyed))
            return
        self._texts.append(Text(text=value, spot=spot, before=self._before))
        self._before = value

    def number(self, spot: Spot, value: float) -> None:
        """Cards, phones and accounts are written as numbers too; counts, prices and coordinates are shorter."""
        if not isinstance(value, int) and not (value < _EXACT and value.is_integer()):
            return
        digits = str(int(value))
        if value > 0 and len(digits) >= _SHORTEST_NUMBER:
            self._texts.append(Text(text=digits, spot=spot, number=type(value), keyed=True))

    def document(self, spot: Spot, value: str) -> bool:
        """Whether the string is an object or a list in JSON: then what is in it is read instead."""
        level = self._levels[spot.document] + 1 if spot.document >= 0 else 0
        if level >= _INNERMOST or value.lstrip()[:1] not in ("{", "["):
            return False
        try:
            parsed = orjson.loads(value)
        except ValueError:
            return False
        root = {INSIDE: parsed}
        self._left.append((values, Spot(holder=root, key=INSIDE, above=spot, document=len(self._documents))))
        self._documents.append(Document(spot=spot, root=root))
        self._levels.append(level)
        return True

    def keep(self, word: str) -> None:
        self._kept[word] = None

    def seal(self, spot: Spot, value: str) -> None:
        """The model thought it of what it was shown: its words are the substitutes of the turn before, and stay so."""
        self._sealed.append(Text(text=value, spot=spot))

    def file(self, spot: Spot) -> None:
        """An image, a recording or a file. Raises PiiUnsupportedContent where the policy does not let it pass."""
        if not self._media:
            place = spot.place
            told = (
                f"'{place}' is an image, a recording or a file: personal data in it cannot be substituted, so nothing "
                "was sent. Leave it out, or use a policy whose 'images' is 'allow'."
            )
            raise PiiUnsupportedContent(told, param=place)
        self._passed += 1

    def items(self, spot: Spot, value: list[Any], visit: "Visit") -> None:
        self._push(spot, value, range(len(value)), lambda _: visit, 0)

    def members(
        self, spot: Spot, value: dict[str, Any], visits: "Mapping[str, Visit]", otherwise: "Visit", *, last: str = ""
    ) -> None:
        """The members of one of the dialect's own objects, in their order but for one that comes `last`."""
        order = [*(name for name in value if name != last), last] if last in value else [*value]
        self._push(spot, value, order, lambda name: visits.get(name, otherwise), 0)

    def _push(self, spot: Spot, value: Any, keys: Sequence[Any], visit: "Callable[[Any], Visit]", start: int) -> None:
        """To be visited in this order. Of very many the first are, and then comes the turn of the rest."""
        end, document = start + _TOGETHER, spot.document
        if len(keys) > end:
            self._left.append((lambda _, above: self._push(above, value, keys, visit, end), spot))
        self._left += [
            (visit(key), Spot(holder=value, key=key, above=spot, document=document))
            for key in reversed(keys[start:end])
        ]

    def own_members(self, spot: Spot, value: dict[str, Any], visit: "Visit") -> None:
        """The members of an object with keys of the caller's choice."""
        for key in value:
            self._kept[key] = None
            if not is_plain(key):
                self._odd_keys[key] = None
        self.members(spot, value, {}, visit)


Visit = Callable[[Walk, Spot], None]
_NONE: Mapping[str, Visit] = {}

# --- values of a general kind -------------------------------------------------------------------------------------


def text(walk: Walk, spot: Spot) -> None:
    """Words. Where they are JSON with escapes in it, which would hide them, the values are read one by one."""
    value = spot.value
    if not isinstance(value, str):
        strings(walk, spot)
    elif "\\" not in value or not walk.document(spot, value):
        walk.text(spot, value)


def called(walk: Walk, spot: Spot) -> None:
    """What somebody is called, or an end user's id: what words joined by signs are, the member's own name says."""
    value = spot.value
    if isinstance(value, str):
        walk.text(spot, value, keyed=not value.isalpha())
    else:
        strings(walk, spot)


def texts(walk: Walk, spot: Spot) -> None:
    """One, or a list of them."""
    value = spot.value
    if isinstance(value, list):
        walk.items(spot, value, text)
    else:
        text(walk, spot)


def strings(walk: Walk, spot: Spot) -> None:
    """A value that nobody knows: every string in it may be a text, no number is."""
    value = spot.value
    if isinstance(value, str):
        if "\\" not in value or not walk.document(spot, value):
            walk.text(spot, value, keyed=True)
    elif isinstance(value, list):
        walk.items(spot, value, strings)
    elif isinstance(value, dict):
        walk.own_members(spot, value, strings)


def values(walk: Walk, spot: Spot) -> None:
    """A value of the caller's own make, as arguments are: strings, and numbers long enough to be somebody's."""
    value = spot.value
    if isinstance(value, str):
        if "\\" not in value or not walk.document(spot, value):
            walk.text(spot, value, keyed=True)
    elif isinstance(value, list):
        walk.items(spot, value, values)
    elif isinstance(value, dict):
        walk.own_members(spot, value, values)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        walk.number(spot, value)


def arguments(walk: Walk, spot: Spot) -> None:
    """Of a call: JSON in a string, the object itself as some send it, or else a text."""
    value = spot.value
    if not isinstance(value, str):
        values(walk, spot)
    elif not walk.document(spot, value):
        walk.text(spot, value)


def names(walk: Walk, spot: Spot) -> None:
    """Words of the dialect, ids and names of tools, at any depth; what cannot be one is read as a text."""
    value = spot.value
    if isinstance(value, str):
        if _NAME.fullmatch(value):
            walk.keep(value)
        else:
            walk.text(spot, value)
    elif isinstance(value, list):
        walk.items(spot, value, names)
    elif isinstance(value, dict):
        walk.members(spot, value, _NONE, names)


def keys(walk: Walk, spot: Spot) -> None:
    """Names that must stay equal to keys of the same schema, whatever they look like."""
    value = spot.value
    if isinstance(value, str):
        walk.keep(value)
    elif isinstance(value, list):
        walk.items(spot, value, keys)
    elif isinstance(value, dict):
        walk.own_members(spot, value, keys)


def opaque(walk: Walk, spot: Spot) -> None:
    """Signatures and what a provider has encrypted: only it can read them, and only as they are."""
    value = spot.value
    if not isinstance(value, str) or not _OPAQUE.fullmatch(value):
        strings(walk, spot)


def unread(walk: Walk, spot: Spot) -> None:
    """The bytes or the address of a file that the policy lets pass."""
    if not isinstance(spot.value, str):
        strings(walk, spot)


# --- visits made of others ----------------------------------------------------------------------------------------


def each(visit: Visit) -> Visit:
    """Of a list; anything else is visited by itself."""

    def visit_each(walk: Walk, spot: Spot) -> None:
        value = spot.value
        if isinstance(value, list):
            walk.items(spot, value, visit)
        else:
            visit(walk, spot)

    return visit_each


def by_type(visits: Mapping[str, Visit]) -> Visit:
    """Of an object by its `type`; anything else is words. Raises PiiUnsupportedContent for a type that is not known."""

    def visit_type(walk: Walk, spot: Spot) -> None:
        value = spot.value
        if not isinstance(value, dict):
            text(walk, spot)
            return
        kind = value.get("type")
        visit = visits.get(kind) if isinstance(kind, str) else None
        if visit is None:
            raise unknown(spot)
        visit(walk, spot)

    return visit_type


def members(visits: Mapping[str, Visit], otherwise: Visit = strings) -> Visit:
    """Of an object of the dialect; anything else is nobody knows what."""

    def visit_members(walk: Walk, spot: Spot) -> None:
        value = spot.value
        if isinstance(value, dict):
            walk.members(spot, value, visits, otherwise)
        else:
            strings(walk, spot)

    return visit_members


def file(visits: Mapping[str, Visit]) -> Visit:
    """Images, audio and files, where `visits` name what of them passes unread. Raises PiiUnsupportedContent."""
    passed = members(visits)

    def visit_file(walk: Walk, spot: Spot) -> None:
        walk.file(spot)
        passed(walk, spot)

    return visit_file


def unknown(spot: Spot) -> PiiUnsupportedContent:
    """For content of a type that nobody here has heard of."""
    place = f"{spot.place}.type"
    told = (
        f"'{place}' names a kind of content in which personal data cannot be substituted, so nothing was sent. "
        "Leave it out, or send the request without 'pii_substitution'."
    )
    return PiiUnsupportedContent(told, param=place)
