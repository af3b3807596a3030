"""Answering queries on a subject: a bounded number at once, each in its own task, drained when stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from libs.bus.base import Bus, Message, Subscription
from libs.contracts.errors import BusUnavailable
from libs.telemetry.log import logger

# The bytes of a question in, those of its answer out. A refusal is an answer too: each reply has a field for it.
Respond = Callable[[bytes], Awaitable[bytes]]

_DRAIN_S: Final = 5.0


async def answer(bus: Bus, subject: str, queue: str, respond: Respond, limit: int = 64) -> "Answering":
    """Answer what is asked on `subject`, at most `limit` at once, sharing the work with others of `queue`.

    A question beyond the limit, or one whose `respond` raises, stays unanswered: the asker's own time limit
    ends it.
    """
    answering = Answering(bus, subject, respond, limit)
    answering.subscription = await bus.subscribe(subject, answering.take, queue)
    return answering


class Answering:
    """The questions of one subject that are being answered."""

    subscription: Subscription

    def __init__(self, bus: Bus, subject: str, respond: Respond, limit: int) -> None:
        self._bus, self._subject, self._respond, self._limit = bus, subject, respond, limit
        self._running: set[asyncio.Task[None]] = set()
        self._refused = 0

    def take(self, message: Message) -> None:
        """Begin one answer; called by the subscription, on the event loop."""
        if not message.reply:
            return
        if len(self._running) >= self._limit:
            self._refuse()
            return
        task = asyncio.create_task(self._one(message))
        self._running.add(task)
        task.add_done_callback(self._done)

    async def stop(self, drain_s: float = _DRAIN_S) -> None:
        """Take no more, let the running answers end within `drain_s`, then cancel what is left."""
        try:
            await self.subscription.stop()
            if self._running:
                await asyncio.wait(self._running, timeout=drain_s)
        finally:
            late = list(self._running)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _one(self, message: Message) -> None:
        try:
            await self._bus.publish(message.reply, await self._respond(message.data))
        except BusUnavailable:
            logger().warning("query_answer_lost", subject=self._subject)
        except Exception as error:  # noqa: BLE001 - one bad question must not end the others; its text may quote it
            logger().error("query_failed", subject=self._subject, error_type=type(error).__name__)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if self._refused and not self._running:
            logger().warning("queries_refused", subject=self._subject, count=self._refused)
            self._refused = 0

    def _refuse(self) -> None:
        # One line when it begins and one when it is over: a flood of questions is no flood of lines.
        if not self._refused:
            logger().warning("query_limit_reached", subject=self._subject, count=self._limit)
        self._refused += 1
