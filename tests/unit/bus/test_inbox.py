"""What comes for a reader of a stream waits for it, in order, and none is lost to a time limit."""

import asyncio

import pytest

from libs.bus.direct import Arrived
from libs.bus.reader import Inbox


def said(text: bytes) -> Arrived:
    return Arrived("s", text, "", b"")


async def test_everything_at_hand_comes_at_once_and_in_order() -> None:
    inbox = Inbox()
    for message in (said(b"1"), None, said(b"2")):
        inbox.put(message)
    assert await inbox.everything() == [said(b"1"), None, said(b"2")]


async def test_who_waits_is_woken_by_the_first_and_gets_what_came_in_the_same_turn() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.everything())
    await asyncio.sleep(0)
    inbox.put(said(b"1"))
    inbox.put(said(b"2"))
    assert await waiting == [said(b"1"), said(b"2")]


async def test_what_comes_together_with_the_end_of_the_wait_is_there_for_the_next() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.everything())
    await asyncio.sleep(0)
    inbox.put(said(b"1"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    inbox.put(said(b"2"))
    assert await inbox.everything() == [said(b"1"), said(b"2")]
