"""Request ids: 16 hex digits, ordered by time, never issued twice by any replica.

41 bits of milliseconds since 2026-01-01 UTC, 10 bits of replica slot, 13 bits of counter (Sonyflake's idea, our
widths): 10^10 ids a day over 1,000 replicas are 116 a millisecond in all; one replica can issue 8,192 in each.
"""

import re
from collections.abc import Callable

EPOCH_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SLOTS = 1 << 10
COUNTER = 1 << 13
REQUEST_ID = re.compile(r"[0-9a-f]{16}")


class RequestIds:
    """Issues ids for one leased slot at a time. `now_ms` is Unix time; `until_ms` is the end of the lease.

    A clock that steps back does not repeat an id: the last millisecond used is kept. Past the end of the lease nothing
    is issued (the slot may be another's by then): `LookupError`.
    """

    def __init__(self, slot: int, now_ms: Callable[[], int], until_ms: int, from_ms: int = EPOCH_MS) -> None:
        self._now_ms = now_ms
        self._last = EPOCH_MS - 1  # a clock before it would give what is no id
        self.move(slot, until_ms, from_ms)

    def move(self, slot: int, until_ms: int, from_ms: int) -> None:
        """Go on under another slot, which is ours from `from_ms`: above every id issued so far, whatever its slot."""
        if not 0 <= slot < SLOTS:
            raise ValueError(f"slot {slot} is not in 0..{SLOTS - 1}")
        self._slot = slot << 13
        self._last, self._count = max(self._last + 1, from_ms), -1
        self.until_ms = until_ms

    def __call__(self) -> str:
        now = self._now_ms()
        if now > self._last:
            self._last, self._count = now, 0
        else:
            self._count += 1
            if self._count == COUNTER:
                self._last, self._count = self._last + 1, 0
        if self._last >= self.until_ms:
            raise LookupError("the lease of this id slot has run out")
        return f"{((self._last - EPOCH_MS) << 23) | self._slot | self._count:016x}"


def issued_at_ms(request_id: str) -> int:
    """Unix milliseconds at which an id was issued; any 16 hex digits have an answer."""
    return (int(request_id, 16) >> 23) + EPOCH_MS
