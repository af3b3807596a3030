"""Seals what a caller must send back as it was: reasoning, by its signature. Whoever holds no seal of ours is found."""

import base64
import binascii
import hmac
from hashlib import sha256

_KEY = b"the sandbox's own: it guards nothing"
_DIGEST = 16
_MAC = 32


def seal(text: str, *, family: str, full: str = "") -> str:
    """A signature over `text` as the caller is shown it, in base64; `full` is what it stands for, where that is more.

    `family`: whose models take it back (`claude`, `gemini` …); another's does not hold.
    """
    digest = sha256((full or text).encode()).digest()[:_DIGEST]
    return base64.b64encode(digest + _mac(digest, text, family)).decode()


def holds(signature: str, text: str, *, family: str) -> bool:
    """Whether a signature is one that was made here over this very text."""
    found = _opened(signature)
    return found is not None and hmac.compare_digest(found[_DIGEST:], _mac(found[:_DIGEST], text, family))


def is_seal(signature: str) -> bool:
    """Whether it has the form of one: what has not was never made here."""
    return _opened(signature) is not None


def _opened(signature: str) -> bytes | None:
    try:
        found = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == _DIGEST + _MAC else None


def _mac(digest: bytes, text: str, family: str) -> bytes:
    return hmac.digest(_KEY, b"\0".join((family.encode(), digest, text.encode())), "sha256")
