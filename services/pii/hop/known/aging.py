"""What is remembered is forgotten in time, also where nothing comes any more that could push it out."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

IDLE_S: Final = 1_800.0  # an account that was erased is not remembered for longer


class Aging:
    """Calls `sweep` with the time before which everything last used is too old, while there may be any."""

    def __init__(
        self, sweep: Callable[[float], bool], now: Callable[[], float] = time.monotonic, idle_s: float = IDLE_S
    ) -> None:
        """`sweep` says whether anything is left."""
        self._sweep, self.now, self._idle_s = sweep, now, idle_s
        self._due: asyncio.TimerHandle | None = None

    def begin(self) -> float:
        """The time now; from now on there is something that ages. Outside of a loop nothing is swept by itself."""
        if self._due is None:
            try:
                self._due = asyncio.get_running_loop().call_later(self._idle_s / 2, self.over)
            except RuntimeError:
                self._due = None
        return self.now()

    def over(self) -> None:
        """What is too old by now is swept."""
        self._due = None
        if self._sweep(self.now() - self._idle_s):
            self.begin()
