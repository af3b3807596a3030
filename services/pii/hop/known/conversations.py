"""Conversations seen before, by a keyed hash over all of their texts in order: bounded, and forgotten in time."""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Final

from services.pii.hop.known.aging import Aging
from services.pii.hop.known.texts import Conversation
from services.pii.requests.spots import Text

_MOST_BYTES: Final = 16 << 20
_MOST: Final = 4_096  # conversations
_LEAST: Final = 2_048  # bytes: a smaller body is masked anew as fast as it is remembered
_SHARE: Final = 8  # no conversation may take more than one part in so many


class Conversations:
    """A bounded cache, least recently used out first. What an account's conversation came to is known by it alone."""

    def __init__(self, most_bytes: int = _MOST_BYTES, most: int = _MOST, least: int = _LEAST) -> None:
        """`least`: bytes of a body that is worth it."""
        self.least = least
        self._most_bytes, self._most, self._held = most_bytes, most, 0
        self._known: OrderedDict[bytes, tuple[float, Conversation]] = OrderedDict()
        self._used: Counter[int] = Counter()  # how many conversations hold a stretch, by its identity
        self._aging = Aging(self.sweep)

    def __len__(self) -> int:
        return len(self._known)

    @property
    def held(self) -> int:
        """In bytes, about."""
        return self._held

    def chain(self, account: bytes, rules: bytes, scope: str, texts: Sequence[Text]) -> Sequence[bytes]:
        """A name for the first text, for the first two, and so on, under an account's key (at most 64 bytes)."""
        mac = hashlib.blake2b(key=account, digest_size=20, person=rules)
        _add(mac, scope)
        names = []
        for text in texts:
            _add(mac, text.cue)
            _add(mac, text.text)
            names.append(mac.copy().digest())
        return names

    def find(self, chain: Sequence[bytes]) -> Conversation | None:
        """The one that has the most of the texts, from the first one on."""
        for name in reversed(chain):
            if (found := self._known.get(name)) is not None:
                self._known[name] = self._aging.now(), found[1]
                self._known.move_to_end(name)
                return found[1]
        return None

    def keep(self, chain: Sequence[bytes], conversation: Conversation) -> None:
        """What all of the texts came to."""
        if not chain or sum(one.size for one in conversation.stretches) * _SHARE > self._most_bytes:
            return
        self.forget(chain[-1])
        self._known[chain[-1]] = self._aging.begin(), conversation
        self._held += _own_size(conversation)
        for stretch in conversation.stretches:
            if not self._used[id(stretch)]:
                self._held += stretch.size
            self._used[id(stretch)] += 1
        while self._held > self._most_bytes or len(self._known) > self._most:
            self.forget(next(iter(self._known)))

    def forget(self, name: bytes) -> None:
        found = self._known.pop(name, None)
        if found is None:
            return
        self._held -= _own_size(found[1])
        for stretch in found[1].stretches:
            self._used[id(stretch)] -= 1
            if not self._used[id(stretch)]:
                del self._used[id(stretch)]
                self._held -= stretch.size

    def sweep(self, before: float) -> bool:
        """Forget what was last used before that time; whether anything is left."""
        while self._known and next(iter(self._known.values()))[0] < before:
            self.forget(next(iter(self._known)))
        return bool(self._known)


def _own_size(conversation: Conversation) -> int:
    return 300 + 8 * len(conversation.stretches)


def _add(mac: "hashlib.blake2b", part: str) -> None:
    """With its length, so that two parts cannot be told from others."""
    data = part.encode("utf-8", "surrogatepass")
    mac.update(len(data).to_bytes(8, "big"))
    mac.update(data)
