"""Asking the broker until it answers: the log waits for it, and loses nothing by waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from libs.contracts.errors import BusUnavailable, Overloaded
from libs.telemetry.log import logger

T = TypeVar("T")

_RETRY_S: Final = (0.05, 2.0)  # first and longest pause


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` gives, asked again for as long as it raises BusUnavailable or Overloaded."""
    pause = _RETRY_S[0]
    while True:
        try:
            return await ask()
        except (BusUnavailable, Overloaded) as error:
            logger().warning("log_waits", error_type=type(error).__name__, retry_in_s=pause)
        await asyncio.sleep(pause)
        pause = min(_RETRY_S[1], pause * 2)
