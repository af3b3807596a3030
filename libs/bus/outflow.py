"""The provider's side of a running request: frames go out as fast as credit allows, control comes in."""

import asyncio
import time
from collections.abc import Callable

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message, Subscription
from libs.bus.inflow import WINDOW
from libs.bus.ticks import Ticks
from libs.contracts import subjects
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.large import joined
from libs.contracts.northern.v1.frames_pb2 import BodyPiece, Control, End, Failure, Frame, Head
from libs.telemetry.log import logger

PIECE = 64 << 10  # the largest Data of one frame
_PULL = 256 << 10  # a piece of a body
_PULLS = 4  # in flight
_SILENT_S = 6.0
_BEAT_S = 2.0
_TICK_S = 0.25


class Gone(Exception):
    """Whoever waited for the frames is gone, or says to stop: there is no use in going on."""


class Outflows:
    """All requests one process answers: one wildcard subscription for control, one ticker for beats and silence."""

    def __init__(self, bus: Bus, service: str, boot_id: str, now: Callable[[], float] = time.monotonic) -> None:
        self.bus, self.service, self.boot_id, self.now = bus, service, boot_id, now
        self._open: dict[str, Outflow] = {}
        self._sub: Subscription | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._sub = await self.bus.subscribe(subjects.ctl(self.service, self.boot_id, "*"), self._control)
        self._ticker = asyncio.create_task(self._tick())

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        if self._sub is not None:
            await self._sub.stop()

    def open(self, reply: str, attempt: int, on_gone: Callable[[], object]) -> "Outflow":
        """Begin to answer; `on_gone` is called once when the other side cancels or falls silent."""
        outflow = Outflow(self, subjects.random_token(), reply, attempt, on_gone)
        self._open[outflow.token] = outflow
        return outflow

    def forget(self, token: str) -> None:
        self._open.pop(token, None)

    def __len__(self) -> int:
        return len(self._open)

    def _control(self, message: Message) -> None:
        outflow = self._open.get(message.subject.rpartition(".")[2])
        if outflow is None:
            return
        try:
            outflow.control(Control.FromString(message.data))
        except DecodeError:
            return

    async def _tick(self) -> None:
        ticks = Ticks()
        while True:
            await ticks.next(_TICK_S)
            now = self.now()
            for outflow in list(self._open.values()):
                try:
                    outflow.check(now, unsure=ticks.unsure)
                    await outflow.tick(now)
                except Exception as error:  # noqa: BLE001 - without the ticker nobody would notice silence any more
                    logger().error("tick_failed", error_type=type(error).__name__)


class Outflow:
    """One request being answered. Frames are numbered within the attempt; Data waits for credit."""

    __slots__ = (
        "_answered",
        "_attempt",
        "_credit",
        "_heard_at",
        "_home",
        "_n",
        "_on_gone",
        "_reply",
        "_told",
        "_unpaid",
        "_word",
        "gone",
        "said_at",
        "token",
    )

    def __init__(self, home: Outflows, token: str, reply: str, attempt: int, on_gone: Callable[[], object]) -> None:
        self.token, self._reply, self._attempt, self._on_gone = token, reply, attempt, on_gone
        self._home = home
        self._n = 0
        self._told = False  # whether the other side knows where we listen
        self._credit = WINDOW
        self._unpaid: asyncio.Future[None] | None = None  # while a sender waits for credit
        self._answered = False  # whether the other side has said anything
        self._word: asyncio.Future[None] | None = None  # while a sender waits for that
        self.gone = False
        self._heard_at = self.said_at = home.now()

    @property
    def told(self) -> bool:
        """Whether anything was said yet: until then somebody else may answer instead, as if we had never been there."""
        return self._told

    @property
    def waits(self) -> bool:
        """Whether data lies here that its reader has no room for."""
        return self._unpaid is not None and not self._unpaid.done()

    async def taken(self) -> None:
        """Say that the request is here and where control goes; otherwise the first frame or the next tick says it."""
        if not self._told:
            await self._send(Frame())

    async def wanted(self) -> None:
        """The same, and wait until the other side has answered that it is there for it. Raises Gone."""
        await self.taken()
        if not self._answered and not self.gone:
            self._word = asyncio.get_running_loop().create_future()
            await self._word
        if self.gone:
            raise Gone

    async def send(
        self,
        *,
        head: Head | None = None,
        data: bytes = b"",
        output_bytes: int = 0,
        end: End | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Head, data, then end or failure; in one frame where the data is small. Raises Gone."""
        while len(data) > PIECE:
            await self._send(Frame(head=head, data=data[:PIECE], output_bytes=output_bytes), PIECE)
            head, data = None, data[PIECE:]
        await self._send(Frame(head=head, data=data, output_bytes=output_bytes, end=end, failure=failure), len(data))

    async def tick(self, now: float) -> None:
        """Called by the ticker: what is due to be said by now."""
        try:
            if not self._told:
                await self.taken()
            elif now - self.said_at >= _BEAT_S:
                await self.beat()
        except Gone:
            self._leave()

    async def beat(self) -> None:
        frame = Frame(attempt=self._attempt, n=max(self._n - 1, 0), beat=True)
        self.said_at = self._home.now()
        try:
            await self._home.bus.publish(self._reply, frame.SerializeToString())
        except BusUnavailable:
            pass  # silence says it

    def close(self) -> None:
        """Control is heard no more, and whoever was to be told is let go of."""
        self._home.forget(self.token)
        self._on_gone = _nobody

    def control(self, control: Control) -> None:
        self._heard_at = self._home.now()
        if control.attempt != self._attempt:
            return
        if control.credit:
            self._credit += control.credit
            _wake(self._unpaid)
        if control.cancel:
            self._leave()
        self._answered = True
        _wake(self._word)

    def check(self, now: float, *, unsure: bool = False) -> None:
        if now - self._heard_at > _SILENT_S and not unsure:
            self._leave()

    async def pull(self, subject: str, size: int, deadline_s: float = 30.0) -> bytes:
        """A body that stayed with its holder, in pieces. Raises Gone when the holder does not answer."""
        await self.taken()
        pieces: dict[int, bytes] = {}
        offsets = iter(range(0, size, _PULL))

        async def some() -> None:
            for offset in offsets:
                ask = BodyPiece(offset=offset, length=min(_PULL, size - offset))
                answer = await self._home.bus.request(subject, ask.SerializeToString(), 5.0)
                piece = BodyPiece.FromString(answer).data
                if len(piece) != ask.length:
                    raise Gone
                pieces[offset] = piece
                self._heard_at = self._home.now()

        pulls = [asyncio.create_task(some()) for _ in range(_PULLS)]
        try:
            async with asyncio.timeout(deadline_s):
                await asyncio.gather(*pulls)
        except (BusUnavailable, Overloaded, DecodeError, TimeoutError) as error:
            raise Gone from error
        finally:
            for pull in pulls:
                pull.cancel()
        return await joined([pieces[offset] for offset in range(0, size, _PULL)])

    async def _send(self, frame: Frame, size: int = 0) -> None:
        """`size`: of its data, which waits for credit."""
        while size and self._credit < size and not self.gone:
            if self._unpaid is None or self._unpaid.done():
                self._unpaid = asyncio.get_running_loop().create_future()
            await self._unpaid
        self._credit -= size
        if self.gone:
            raise Gone
        frame.attempt, frame.n = self._attempt, self._n
        if not self._told:
            self._told = True
            home = self._home
            frame.taken.ctl, frame.taken.boot_id = subjects.ctl(home.service, home.boot_id, self.token), home.boot_id
        self._n += 1
        self.said_at = self._home.now()
        try:
            await self._home.bus.publish(self._reply, frame.SerializeToString())
        except BusUnavailable as error:
            raise Gone from error

    def _leave(self) -> None:
        if not self.gone:
            self.gone = True
            _wake(self._unpaid)
            _wake(self._word)
            self._on_gone()


def _wake(waiting: "asyncio.Future[None] | None") -> None:
    """Whoever waits looks again."""
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


def _nobody() -> None:
    """Told when the other side of an answer that has ended is gone."""
