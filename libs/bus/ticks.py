"""Turns of a ticker that knows when it was late itself: what came meanwhile lies unread, and silence says nothing."""

import asyncio
from typing import Final

_LATE_S: Final = 0.5  # a pause of this process, not of the others
_UNSURE: Final = 4  # turns after it in which to read what lies there, and for who was waiting for us to answer


class Ticks:
    """Time is the loop's own: a pause is one of this process, whatever clock it goes by otherwise."""

    def __init__(self) -> None:
        self._unsure = 0

    @property
    def unsure(self) -> bool:
        """Whether this process has just paused."""
        return self._unsure > 0

    async def next(self, after_s: float) -> None:
        """The next turn."""
        loop = asyncio.get_running_loop()
        due = loop.time() + after_s
        await asyncio.sleep(after_s)
        self._unsure = _UNSURE if loop.time() - due > _LATE_S else max(0, self._unsure - 1)
