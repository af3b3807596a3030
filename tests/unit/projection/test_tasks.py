"""Loops that end together, also where a cancellation gets lost on the way."""

import asyncio

import pytest

from libs.projection.tasks import stopped, together


async def deaf(times: int, ended: asyncio.Event) -> None:
    """A loop that loses that many cancellations, as `asyncio.wait_for` does before Python 3.12."""
    try:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if not times:
                    raise
                times -= 1
    finally:
        ended.set()


async def test_a_loop_that_lost_a_cancellation_is_told_again() -> None:
    ended = asyncio.Event()
    task = asyncio.create_task(together(deaf(2, ended)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await stopped(task)
    assert ended.is_set()
    assert task.cancelled()


async def test_when_one_loop_falls_the_others_end_and_its_error_is_raised() -> None:
    async def falls() -> None:
        await asyncio.sleep(0.01)
        raise ZeroDivisionError

    ended = asyncio.Event()
    with pytest.raises(ZeroDivisionError):
        await together(deaf(1, ended), falls())
    assert ended.is_set()
