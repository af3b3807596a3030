"""Where the entities of texts seen before stand: places and types under a keyed hash of the text, never the text."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from services.pii.entities import Entity
from services.pii.hop.known.aging import Aging

_MOST_ENTITIES: Final = 100_000  # of all texts together; some 180 bytes each
_SHORTEST: Final = 32  # characters: a shorter text is read again as fast as it is looked up


class Spans:
    """A bounded cache, least recently used out first, and forgotten in time.

    A turn of a conversation comes again with every turn after it.
    """

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._known: OrderedDict[bytes, tuple[float, tuple[Entity, ...]]] = OrderedDict()
        self._aging = Aging(self.sweep)

    def __len__(self) -> int:
        return len(self._known)

    def key(self, account: bytes, rules: bytes, text: str) -> bytes | None:
        """The text's name under an account's key (at most 64 bytes) and its rules (16); None: not worth keeping."""
        if len(text) < _SHORTEST or not self._most:
            return None
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=20, key=account, person=rules).digest()

    def get(self, key: bytes | None) -> tuple[Entity, ...] | None:
        if key is None or (found := self._known.get(key)) is None:
            return None
        self._known[key] = self._aging.now(), found[1]
        self._known.move_to_end(key)
        return found[1]

    def put(self, key: bytes | None, entities: Sequence[Entity]) -> None:
        if key is None or key in self._known or len(entities) > _MOST_ENTITIES:
            return
        self._known[key] = self._aging.begin(), tuple(entities)
        self._held += len(entities)
        while len(self._known) > self._most or self._held > _MOST_ENTITIES:
            self._forget()

    def sweep(self, before: float) -> bool:
        """Forget what was last used before that time; whether anything is left."""
        while self._known and next(iter(self._known.values()))[0] < before:
            self._forget()
        return bool(self._known)

    def _forget(self) -> None:
        self._held -= len(self._known.popitem(last=False)[1][1])
