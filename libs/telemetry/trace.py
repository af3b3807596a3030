"""Trace context (W3C `traceparent`): read from the caller or begun here, and carried on."""

import random
import re

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_hex = random.getrandbits  # trace ids need to be different, not secret


def carry_on(given: str | None) -> str:
    """The caller's trace with a span of our own, or a new, unsampled trace where none or nonsense was given."""
    match = _TRACEPARENT.fullmatch(given or "")
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        return f"00-{_hex(128):032x}-{_hex(64):016x}-00"
    return f"00-{match[1]}-{_hex(64):016x}-{match[3]}"
