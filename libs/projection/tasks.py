"""Loops that run together and end together, for sure.

Before Python 3.12 `asyncio.wait_for` loses a cancellation that meets its result (gh-86296), and nats-py uses it in
every request: a loop around one goes on as if nothing had been said. `asyncio.TaskGroup` cancels once; here it is
said again.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager

from libs.telemetry.log import logger

_INSIST_S = 0.1


async def together(*loops: Coroutine[None, None, None]) -> None:
    """Run loops until one ends or this is cancelled; then all have ended. What one raised is raised."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await stopped(*tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


async def stopped(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks until they are over; a cancellation of our own meanwhile is kept for the end."""
    ours: asyncio.CancelledError | None = None
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        try:
            await asyncio.wait(left, timeout=_INSIST_S)
        except asyncio.CancelledError as error:
            ours = error
    if ours is not None:
        raise ours


async def drained(tasks: Collection["asyncio.Task[None]"], deadline_s: float) -> None:
    """Let tasks end in time; tell the rest once to stop, and wait for what they still have to put in order."""
    if tasks:
        await asyncio.wait(tasks, timeout=deadline_s)
    late = [task for task in tasks if not task.done()]
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Keep `work` running. Should it fall, the process stops in order and then fails, to be started again."""
    task = asyncio.create_task(work)

    def fallen(done: "asyncio.Task[None]") -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            logger().error("task_failed", error_type=type(error).__name__)
            os.kill(os.getpid(), signal.SIGTERM)

    task.add_done_callback(fallen)
    try:
        yield
    finally:
        await stopped(task)
    if not task.cancelled():
        task.result()
