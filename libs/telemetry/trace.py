"""Trace context (W3C `traceparent`): read from the caller or begun here, and carried on."""

import re
import secrets

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def carry_on(given: str | None) -> str:
    """The caller's trace with a span of our own, or a new, unsampled trace where none or nonsense was given."""
    match = _TRACEPARENT.fullmatch(given or "")
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    return f"00-{match[1]}-{secrets.token_hex(8)}-{match[3]}"
