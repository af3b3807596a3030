"""The last user turn as it rides in a Shape: whole where it is short, both ends of it where it is long."""

from typing import Final

MOST: Final = 2_048  # bytes of UTF-8
_HEAD, _TAIL = 1_400, 600  # characters: what is asked stands at the beginning or at the end, what it is about between
_HEAD_BYTES, _TAIL_BYTES = 1_430, MOST - 1_430 - 1
_BETWEEN: Final = "\n"


def both_ends(text: str) -> str:
    """At most MOST bytes; no character is cut in two."""
    if len(text) <= MOST and (text.isascii() or len(text.encode(errors="replace")) <= MOST):
        return text
    head = text[:_HEAD].encode(errors="replace")[:_HEAD_BYTES].decode(errors="ignore")
    tail = text[-_TAIL:].encode(errors="replace")[-_TAIL_BYTES:].decode(errors="ignore")
    return f"{head}{_BETWEEN}{tail}"
