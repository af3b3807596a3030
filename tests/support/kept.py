"""What stands in the frames of a task that waits: all that is kept for as long as it does."""

import asyncio
import types
from collections.abc import Iterator
from typing import Any


def kept(task: "asyncio.Task[Any]") -> Iterator[tuple[str, object]]:
    """Local variables of a task's coroutines, by their names."""
    coro: object = task.get_coro()
    while isinstance(coro, types.CoroutineType):
        if coro.cr_frame is not None:
            yield from coro.cr_frame.f_locals.items()
        coro = coro.cr_await
