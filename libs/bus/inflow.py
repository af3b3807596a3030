"""The client's side of a running request: frames come in, control goes out; silence and holes become errors."""

import asyncio
import time
from collections.abc import Callable, Coroutine

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message, Subscription
from libs.bus.ticks import Ticks
from libs.contracts import subjects
from libs.contracts.errors import BusUnavailable, NorthernError, Overloaded, StreamBroken, WorkerLost
from libs.contracts.northern.v1.frames_pb2 import BodyPiece, Control, Frame
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

WINDOW = 256 << 10  # bytes of Data a sender may have under way
_GRANT = WINDOW // 2  # credit goes back in halves
_FIRST_S = 1.0  # nothing at all: nobody has the request
_SILENT_S = 6.0  # three beats missed
_BEAT_S = 2.0
_TICK_S = 0.25
_NO_ROUTER = "no router is running; try again in a moment"
_LINGER_S = 10.0  # how long a cancelled request is remembered, so that its worker is told again should that be lost


class Inflows:
    """All running requests of one process: one wildcard subscription each for frames, refusals and bodies."""

    def __init__(
        self, bus: Bus, service: str, boot_id: str, metrics: Metrics, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.bus, self.service, self.boot_id, self.metrics, self.now = bus, service, boot_id, metrics, now
        self._open: dict[str, Inflow] = {}
        self._subs: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        who = (self.service, self.boot_id, "*")
        self._subs = [
            await self.bus.subscribe(subjects.reply(*who), self._frame),
            await self.bus.subscribe(subjects.nak(*who), self._nak),
            await self.bus.subscribe(subjects.body(*who), self._body),
        ]
        self._ticker = asyncio.create_task(self._tick())

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, *self._tasks, return_exceptions=True)
        for sub in self._subs:
            await sub.stop()

    def open(self, body: bytes | None = None) -> "Inflow":
        """Begin to listen for one request; its `body` is what a worker may pull, kept until the first Head."""
        inflow = Inflow(self, subjects.random_token(), body)
        self._open[inflow.token] = inflow
        return inflow

    def __len__(self) -> int:
        return len(self._open)

    def forget(self, token: str) -> None:
        self._open.pop(token, None)

    def _frame(self, message: Message) -> None:
        inflow = self._open.get(message.subject.rpartition(".")[2])
        try:
            frame = Frame.FromString(message.data)
        except DecodeError:
            return
        if inflow is not None:
            inflow.arrived(frame)
        elif frame.HasField("taken"):  # it lay somewhere until nobody remembered it any more
            self.stop(frame)

    def _nak(self, message: Message) -> None:
        inflow = self._open.get(message.subject.rpartition(".")[2])
        if inflow is not None and message.no_responders:
            self.metrics.count("handoffs_refused_total")
            inflow.fail(inflow.nobody or Overloaded(_NO_ROUTER, retry_after_ms=1000))

    def _body(self, message: Message) -> None:
        inflow = self._open.get(message.subject.rpartition(".")[2])
        if inflow is None or inflow.body is None or not message.reply:
            return
        try:
            ask = BodyPiece.FromString(message.data)
        except DecodeError:
            return
        piece = BodyPiece(offset=ask.offset, data=inflow.body[ask.offset : ask.offset + min(ask.length, WINDOW)])
        inflow.heard()
        self.later(self.bus.publish(message.reply, piece.SerializeToString()))

    def stop(self, frame: Frame) -> None:
        """Tell whoever has just taken a request that nobody waits for it."""
        told = Control(attempt=frame.attempt, cancel=True)
        self.later(self.bus.publish(frame.taken.ctl, told.SerializeToString()))

    def later(self, sending: Coroutine[None, None, None]) -> None:
        """Send without being awaited; what cannot be sent is given up."""

        async def send() -> None:
            try:
                await sending
            except BusUnavailable:
                pass  # the worker asks again, or hears nothing and stops

        task = asyncio.create_task(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tick(self) -> None:
        ticks = Ticks()
        while True:
            await ticks.next(_TICK_S)
            now = self.now()
            for inflow in list(self._open.values()):
                try:
                    inflow.check(now, unsure=ticks.unsure)
                    if inflow.ctl and now - inflow.said_at >= _BEAT_S:
                        await inflow.beat()
                except Exception as error:  # noqa: BLE001 - without the ticker nobody would notice silence any more
                    logger().error("tick_failed", error_type=type(error).__name__)


class Inflow:
    """One running request. `next` gives its frames in order; only the current attempt's, none missing."""

    __slots__ = (
        "_attempt",
        "_cancelled",
        "_closed_at",
        "_committed",
        "_error",
        "_frames",
        "_heard_at",
        "_home",
        "_moved_at",
        "_n",
        "_taken",
        "_unpaid",
        "_waiter",
        "body",
        "ctl",
        "idle_s",
        "nobody",
        "said_at",
        "token",
    )

    def __init__(self, home: Inflows, token: str, body: bytes | None) -> None:
        self.token, self.body, self.ctl = token, body, ""
        self._home = home
        self._frames: list[Frame] = []  # seldom more than one: a deque alone is larger than all else here
        self._waiter: asyncio.Future[None] | None = None
        self._error: NorthernError | None = None
        self._attempt, self._n = 0, -1
        self._committed = False
        self._unpaid = 0
        self._taken = self._cancelled = False
        self._closed_at = 0.0
        self.idle_s = 15.0
        self.nobody: NorthernError | None = None  # what it means that nobody takes it; None: it is a router's to take
        self._heard_at = self._moved_at = self.said_at = home.now()

    async def next(self) -> Frame:
        """The next frame; one that is only a `beat` says that the answer has been silent for `idle_s`.

        Raises Overloaded, WorkerLost (nothing was delivered) or StreamBroken (something was).
        """
        while not self._frames:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._frames.pop(0)

    @property
    def reply(self) -> str:
        """Where frames are sent."""
        return subjects.reply(self._home.service, self._home.boot_id, self.token)

    @property
    def nak(self) -> str:
        """Where it is said that nobody listens."""
        return subjects.nak(self._home.service, self._home.boot_id, self.token)

    @property
    def body_subject(self) -> str:
        """Where the body is asked for, in pieces."""
        return subjects.body(self._home.service, self._home.boot_id, self.token)

    @property
    def waiting(self) -> bool:
        """Whether a frame lies ready."""
        return bool(self._frames)

    async def consumed(self, size: int) -> None:
        """So many bytes of Data reached the client: the sender may send as many more."""
        self._unpaid += size
        if self._unpaid >= _GRANT and self.ctl:
            credit, self._unpaid = self._unpaid, 0
            await self._say(Control(attempt=self._attempt, credit=credit, last_n=max(self._n, 0)))

    async def cancel(self) -> None:
        """The client is gone: stop the provider, as soon as it is known where to say so."""
        self._cancelled = True
        if self.ctl:
            await self._say(Control(attempt=self._attempt, cancel=True))

    async def beat(self) -> None:
        await self._say(Control(attempt=self._attempt, last_n=max(self._n, 0), cancel=self._cancelled))

    def close(self) -> None:
        """Nobody waits any more. A cancelled request is remembered for a while, as another worker may yet take it."""
        self.body = None
        if self._cancelled and not self._committed:
            self._closed_at = self._closed_at or self._home.now()
        else:
            self._home.forget(self.token)

    def heard(self) -> None:
        self._heard_at = self._home.now()
        self._taken = True

    def arrived(self, frame: Frame) -> None:
        if frame.attempt < self._attempt or (frame.attempt > self._attempt and self._committed):
            return  # of an attempt that is over, or that came too late to count
        if frame.attempt > self._attempt:
            self._attempt, self._n = frame.attempt, -1
        self.heard()
        if frame.beat:
            if frame.n > max(self._n, 0):  # 0 is also what is said before anything was sent
                self._gap()
            return
        if frame.n != self._n + 1:
            if frame.n > self._n:
                self._gap()
            return
        self._n = frame.n
        if not self._committed and not self._begun(frame):
            return
        self._moved_at = self._heard_at
        self._frames.append(frame)
        self._wake()

    def _begun(self, frame: Frame) -> bool:
        """What only the first frames of an attempt say; False: nobody waits for it any more."""
        if frame.HasField("taken"):
            self.ctl = frame.taken.ctl
            if self._cancelled:
                self._home.stop(frame)
                self.close()
                return False
        if frame.HasField("head") or frame.HasField("failure"):
            self._committed = True
            self.body = None
        elif frame.HasField("taken"):  # and nothing else yet: it may be waiting for a word
            self._home.later(self.beat())
        return True

    def fail(self, error: NorthernError) -> None:
        if self._error is None:
            self._error = error
            self._wake()

    def check(self, now: float, *, unsure: bool = False) -> None:
        """Called by the ticker: too long without a sign of life is an error, unless `unsure` whether there was one."""
        if self._committed and now - self._moved_at > self.idle_s and not self._frames:
            self._moved_at = now
            self._frames.append(Frame(beat=True))
            self._wake()
        if self._closed_at and now - self._closed_at > _LINGER_S:
            self._home.forget(self.token)
        silent = now - self._heard_at
        if silent > (_SILENT_S if self._taken else _FIRST_S) and not unsure:
            lost = self._lost("the worker that had this request is gone")
            self.fail(lost if self._taken else self.nobody or lost)

    def _gap(self) -> None:
        self._home.metrics.count("frames_gap_total")
        self.fail(self._lost("a part of the answer was lost on the way"))

    def _lost(self, what: str) -> NorthernError:
        if self._committed:
            return StreamBroken(f"{what}; the answer above is incomplete")
        return WorkerLost(f"{what}; nothing was delivered and nothing is charged, send it again", retry_after_ms=500)

    async def _say(self, control: Control) -> None:
        self.said_at = self._home.now()
        try:
            await self._home.bus.publish(self.ctl, control.SerializeToString())
        except BusUnavailable:
            pass  # the worker hears nothing and stops by itself

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
