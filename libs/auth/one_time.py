"""Secrets that work once: refresh tokens of sessions, and the links that set a password. Stored as digests only."""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from libs.auth.keys import mint

REFRESH: Final = "nir_"
INVITE: Final = "nii_"

_FORM: Final = re.compile(r"(nir_|nii_)([A-Za-z0-9_-]{1,64})\.([0-9A-Za-z]{38})", re.ASCII)
_LONGEST: Final = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class OneTime:
    """A token as it was sent: which record it belongs to, and the digest of its secret."""

    record: str
    digest: str


def make(kind: str, record: str, random_bytes: Callable[[int], bytes]) -> tuple[str, str]:
    """A fresh token for a record, and the digest to store: `REFRESH` for a session's id, `INVITE` for a user's."""
    secret = mint("", random_bytes)
    return f"{kind}{record}.{secret}", _digest(secret)


def read(kind: str, token: str) -> OneTime | None:
    """What a token says; None where it is none of this kind."""
    found = _FORM.fullmatch(token) if len(token) <= _LONGEST else None
    if found is None or found[1] != kind:
        return None
    return OneTime(record=found[2], digest=_digest(found[3]))


def same(one: str, other: str) -> bool:
    """Whether two digests are the same, in a time that does not tell how far they agree."""
    return hmac.compare_digest(one.encode(), other.encode())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
