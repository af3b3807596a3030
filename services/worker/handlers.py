"""Takes requests off the bus, runs each in a task of its own, and watches the clock for all of them."""

import asyncio
import time
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from libs.bus.base import Message
from libs.bus.outflow import Outflows
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import Frame
from libs.projection.tasks import drained
from libs.telemetry.log import logger
from services.worker.requests.run import Run
from services.worker.street import Street

_TICK_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """Running requests of this process, at most `in_flight`."""

    street: Street
    outflows: Outflows
    in_flight: int
    runs: dict["asyncio.Task[None]", Run] = field(default_factory=dict)

    async def work(self, message: Message) -> None:
        """One envelope from the router."""
        try:
            envelope = Envelope.FromString(message.data)
        except DecodeError:
            logger().error("envelope_unreadable")
            return
        busy = len(self.runs) >= self.in_flight
        if busy and not envelope.tries:
            await self._busy(envelope)
            return
        run = Run(self.street, envelope, self.outflows)  # what a worker before us has opened has to be closed
        run.task = task = asyncio.create_task(run.turn_away(_too_many()) if busy else run.run())
        self.runs[task] = run
        task.add_done_callback(self._over)

    async def watch(self) -> None:
        """Deadlines of all runs, for ever."""
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            for run in list(self.runs.values()):
                try:
                    await run.tick(now)
                except Exception as error:  # noqa: BLE001 - one run's trouble is not the others'
                    logger().warning("tick_failed", error_type=type(error).__name__)

    async def drain(self, deadline_s: float) -> None:
        """Let what runs end, then stop the rest; each closes its record."""
        await drained(list(self.runs), deadline_s)

    def _over(self, done: "asyncio.Task[None]") -> None:
        del self.runs[done]
        if not done.cancelled() and (error := done.exception()) is not None:
            logger().error("request_fell", error_type=type(error).__name__)

    async def _busy(self, envelope: Envelope) -> None:
        frame = Frame(attempt=envelope.attempt, failure=to_failure(_too_many()))
        try:
            await self.outflows.bus.publish(envelope.reply, frame.SerializeToString())
        except BusUnavailable:
            return


def _too_many() -> Overloaded:
    return Overloaded("the worker has all it can carry; try again in a moment", retry_after_ms=1000)
