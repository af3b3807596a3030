"""Cursors of lists: where the next page begins, in a form that nobody is meant to read, checked when it comes back."""

import base64
import binascii
from typing import Final

from libs.contracts.errors import InvalidRequest

_LONGEST: Final = 512


def cursor(kind: str, place: str) -> str:
    """Of a list of this kind (a letter), after the entry at this place."""
    return base64.urlsafe_b64encode(f"{kind}{place}".encode()).decode().rstrip("=")


def place(kind: str, text: str) -> str:
    """The place, "" where the list is at its beginning. Raises InvalidRequest for what is no cursor of this kind."""
    if not text:
        return ""
    try:
        raw = base64.b64decode(text[:_LONGEST] + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raw = ""
    if not raw.startswith(kind) or cursor(kind, raw[1:]) != text:
        raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
    return raw[1:]
