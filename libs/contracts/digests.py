"""HMAC-SHA-256 of what comes piece by piece, as small as it can be: there is one for every answer that is under way."""

import hashlib

_BLOCK = 64  # bytes that SHA-256 takes at a time; a longer key would have to be hashed first
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class KeyedDigest:
    """The same as hmac.new(key, digestmod="sha256") (RFC 2104), in less than half of its memory.

    That keeps three states of OpenSSL's from the beginning; here the outer hash is not begun before it is asked for.
    """

    __slots__ = ("_inner", "_key")

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for a key of more than 64 bytes."""
        if len(key) > _BLOCK:
            raise ValueError("a key has 64 bytes at the most")
        self._key = key
        self._inner = hashlib.sha256(key.ljust(_BLOCK, b"\0").translate(_INNER))

    def update(self, data: bytes) -> None:
        self._inner.update(data)

    def digest(self) -> bytes:
        """Of all so far; more may follow."""
        outer = self._key.ljust(_BLOCK, b"\0").translate(_OUTER)
        return hashlib.sha256(outer + self._inner.digest()).digest()
