"""Reading a stream: pulls from an ephemeral consumer, in order, with signs of life (NATS ADR-13, ADR-15)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import orjson

from libs.bus.base import Stored
from libs.bus.direct import Arrived
from libs.contracts.errors import BusUnavailable

REMOVED = ("DEL", "PURGE")  # KV-Operation of a key that is no more
_PULL = 512  # messages asked for at a time
_PULL_BYTES = 8 << 20  # and bytes: what may lie unread in this process
_PULL_S = 2.0  # a pull that brings nothing ends by itself: the sign of life
_CONFLICT, _NO_RESPONDERS = "409", "503"


class Inbox:
    """What came for one reader and was not looked at yet; None: the connection was made anew."""

    def __init__(self) -> None:
        self._came: list[Arrived | None] = []
        self._first: asyncio.Future[None] | None = None

    def put(self, msg: Arrived | None) -> None:
        self._came.append(msg)
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    async def everything(self) -> list[Arrived | None]:
        """All that is at hand, in its order; waits for the first."""
        while not self._came:
            self._first = asyncio.get_running_loop().create_future()
            try:
                await self._first
            finally:
                self._first = None
        came, self._came = self._came, []
        return came


class Connection(Protocol):
    """What reading needs of the adapter."""

    @property
    def connects(self) -> int:
        """How many times a connection was made."""

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Send one message."""

    def inbox(self) -> AbstractAsyncContextManager[tuple[str, Inbox]]:
        """A private subject and its messages as they are."""


class Reader:
    """Pulls from an ephemeral consumer without acks: one pull outstanding, order checked by the consumer's count."""

    def __init__(self, bus: Connection, stream: str, consumer: str, gather_s: float) -> None:
        self._bus, self._stream, self._consumer, self._gather_s = bus, stream, consumer, gather_s
        self._expected = 1

    async def batches(self) -> AsyncIterator[list[Stored]]:
        opened_on = self._bus.connects
        async with self._bus.inbox() as (subject, inbox):
            busy = False  # gathering: whether the pull before brought something
            while self._bus.connects == opened_on:
                if busy:
                    await asyncio.sleep(self._gather_s)
                size = await self._pull(subject, busy=busy)
                left, over = size, False
                while left > 0 and not over:
                    came = await _within_a_pull(inbox)
                    if not came or came[0] is None or self._bus.connects != opened_on:
                        return
                    batch: list[Stored] = []
                    for msg in came:
                        if msg is None:
                            continue
                        status = msg.status
                        if not status:
                            batch.append(self._stored(msg))
                        elif _is_dead(status, msg):
                            return
                        else:
                            over = True  # the pull has run out
                    left -= len(batch)
                    yield batch
                busy = self._gather_s > 0 and left < size

    async def _pull(self, inbox: str, *, busy: bool) -> int:
        """Ask, and say for how many: with gathering for one, which may be long in coming, then for all there are."""
        ask: dict[str, int | bool] = {"batch": 1 if self._gather_s and not busy else _PULL, "max_bytes": _PULL_BYTES}
        ask |= {"no_wait": True} if busy else {"expires": int(_PULL_S * 1e9)}
        await self._bus.publish(f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}", orjson.dumps(ask), inbox)
        return int(ask["batch"])

    def _stored(self, msg: Arrived) -> Stored:
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending> (ADR-15, first form)
        fields = msg.reply.split(".")
        stream_seq, consumer_seq = int(fields[-4]), int(fields[-3])
        if consumer_seq != self._expected:
            raise BusUnavailable("a message of the stream went missing on the way")
        self._expected += 1
        removed = b"KV-Operation" in msg.headers and msg.header("KV-Operation") in REMOVED
        return Stored(msg.subject, stream_seq, msg.data, removed)


async def _within_a_pull(inbox: Inbox) -> list[Arrived | None]:
    try:
        # Not wait_for: in Python 3.11 it loses a cancellation that comes together with a message.
        async with asyncio.timeout(_PULL_S + 2):
            return await inbox.everything()
    except TimeoutError:
        return []  # not even the pull's own end came: this consumer is dead


def _is_dead(status: str, msg: Arrived) -> bool:
    """Whether a status speaks of the consumer (removed, or idle for too long) and not of one pull (ADR-13)."""
    return status == _NO_RESPONDERS or (status == _CONFLICT and "Consumer Deleted" in msg.header("Description"))
