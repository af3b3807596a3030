"""Times as records show them; pure."""

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(at_ms: int) -> str | None:
    """Unix milliseconds as RFC 3339 in UTC; None for 0 and for what no calendar holds."""
    if not at_ms:
        return None
    second = _second(at_ms // 1000)
    return None if second is None else f"{second}.{at_ms % 1000:03d}Z"


@lru_cache(maxsize=256)  # a record has ten times, most of them within a second or two
def _second(at: int) -> str | None:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    except (ValueError, OverflowError, OSError):
        return None
