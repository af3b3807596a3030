"""Takes requests off the bus, each into a task of its own, a bounded number at once."""

import asyncio
import time
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from libs.bus.base import Message
from libs.contracts.errors import BusUnavailable, PiiUnavailable
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import Frame
from libs.projection.tasks import drained
from libs.telemetry.log import logger
from services.pii.hop.room import Room
from services.pii.hop.run import Run

_TICK_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """Running requests of this process: at most `in_flight` whose answers come back through here."""

    room: Room
    in_flight: int
    runs: set[Run] = field(default_factory=set)
    leaving: set[Run] = field(default_factory=set)  # handed on for good, watched for a second more

    async def take(self, message: Message) -> None:
        """One envelope from the edge."""
        try:
            envelope = Envelope.FromString(message.data)
        except DecodeError:
            logger().error("envelope_unreadable")
            return
        if len(self.runs) >= self.in_flight:
            await self._busy(envelope)
            return
        run = Run(self.room, envelope, self._stepped_out)
        run.task = asyncio.create_task(run.run())
        self.runs.add(run)
        run.task.add_done_callback(lambda done: self._over(run, done))

    async def watch(self) -> None:
        """Deadlines of all runs, for ever."""
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            for run in list(self.runs):
                run.tick(now)

    async def drain(self, deadline_s: float) -> None:
        """Let what runs end, then stop the rest; each tells its caller."""
        tasks = [run.task for run in (*self.runs, *self.leaving) if run.task is not None]
        await drained(tasks, deadline_s)

    def _stepped_out(self, run: Run) -> None:
        self.runs.discard(run)
        self.leaving.add(run)

    def _over(self, run: Run, done: "asyncio.Task[None]") -> None:
        self.runs.discard(run)
        self.leaving.discard(run)
        # The error's text may quote what it was handling: its type alone is logged.
        if not done.cancelled() and (error := done.exception()) is not None:
            logger().error("request_fell", error_type=type(error).__name__)

    async def _busy(self, envelope: Envelope) -> None:
        error = PiiUnavailable("substitution has all it can carry; try again in a moment", retry_after_ms=1000)
        frame = Frame(attempt=envelope.attempt, failure=to_failure(error))
        try:
            await self.room.bus.publish(envelope.reply, frame.SerializeToString())
        except BusUnavailable:
            return
