"""A message that carries the hash of every byte before it as its last field, and the one error of what does not fit."""

from hashlib import sha256
from typing import Final

_HASH: Final = 32
_LONGEST: Final = 34  # bytes of the field: tag, length, hash


class LedgerBroken(ValueError):
    """A journal or snapshot that is not what was written. Whoever meets one stops: money is not guessed."""


def sealed(body: bytes, field: int) -> bytes:
    """The serialised message with its hash added as a field of type bytes: number below 16, the highest there is."""
    return body + bytes((field << 3 | 2, _HASH)) + sha256(body).digest()


def seal_of(raw: bytes, field: int) -> bytes:
    """The hash at the end of a sealed message. Raises LedgerBroken unless it is that of the bytes before it."""
    body, tag, said = raw[:-_LONGEST], raw[-_LONGEST:-_HASH], raw[-_HASH:]
    if tag != bytes((field << 3 | 2, _HASH)) or sha256(body).digest() != said:
        raise LedgerBroken("the bytes are not those that were sealed")
    return said
