"""Keys of accounts, and where a long text may be cut; pure."""

import hmac
from collections.abc import Iterator, Sequence
from typing import Final

from services.pii.entities import Entity

KEY_BYTES: Final = 32
KEY_VERSION: Final = 1  # another one gives every account other substitutes


def read_key(raw: bytes) -> bytes:
    """The master key of a file: 32 bytes. Raises ValueError, which quotes nothing."""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"the key of substitutes must be {KEY_BYTES} bytes")
    return raw


def key_of(master: bytes, tenant: str, purpose: str) -> bytes:
    """An account's own key for one purpose; nothing is learnt from it about another account's."""
    return hmac.digest(master, f"{purpose}|{tenant}|{KEY_VERSION}".encode(), "sha256")


def slices(text: str, entities: Sequence[Entity], size: int) -> Iterator[tuple[int, int, Sequence[Entity]]]:
    """Parts of the text of about `size` characters with the entities in each; none is cut, nor a word where it can be.

    Together they are the text: start and end of each, and its entities as they stand in the whole.
    """
    start, first = 0, 0
    while start < len(text):
        end = min(len(text), start + size)
        if end < len(text):
            end = _between(text, start, end)
        last = first
        while last < len(entities) and entities[last].start < end:
            end = max(end, entities[last].end)
            last += 1
        yield start, end, entities[first:last]
        start, first = end, last


def _between(text: str, start: int, end: int) -> int:
    """The last blank before `end`, where there is one in the second half."""
    for blank in "\n ":
        at = text.rfind(blank, start + (end - start) // 2, end)
        if at >= 0:
            return at + 1
    return end
