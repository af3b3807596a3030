"""nats-py's client with a short way in and out: no queue, task or future between the socket and us."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from nats.aio import client as nats_client
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport
from nats.errors import ProtocolError
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from libs.contracts.subjects import random_token
from libs.telemetry.log import logger

_STATED = b"NATS/1.0 "  # a status follows; the headers of a message begin without
_END = 2  # bytes of a line's end

# How much nats-py reads at once, for which it has no setting. Whoever follows a stream gets far more than its 32 kB,
# and what lies across two reads has to be put together again.
_READ_BYTES = 256 << 10


class Arrived(NamedTuple):
    """A message as it came; `headers` as they stand on the wire, empty where it has none."""

    subject: str
    data: bytes
    reply: str
    headers: bytes

    @property
    def status(self) -> str:
        """What the broker itself says: three digits, or nothing."""
        return self.headers[len(_STATED) : len(_STATED) + 3].decode() if self.headers.startswith(_STATED) else ""

    def header(self, name: str) -> str:
        """The first of that name, "" where there is none. `Description` is what goes with a status."""
        first, *lines = self.headers.decode().split("\r\n")
        if name == "Description" and self.status:
            return first[len(_STATED) + 4 :]
        pairs = (line.partition(":") for line in lines)
        return next((value.strip() for found, _, value in pairs if found == name), "")


# Called where a message is read, in the order of the socket.
Take = Callable[[Arrived], Awaitable[None] | None]


class DirectClient(Client):
    """A nats-py client whose messages are taken where they are read, and leave together, once a turn of the loop.

    Connecting, reconnecting, permissions, and what to do when the broker takes nothing are nats-py's own. Who takes a
    message must not await an answer from the broker: nothing is read meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self._takers: dict[int, tuple[str, Take]] = {}
        self._asked: dict[str, asyncio.Future[Arrived]] = {}
        self._answers = ""  # the inbox of what was asked
        self._leaving = False

    async def connect(self, *args: object, **kwargs: object) -> None:
        nats_client.DEFAULT_BUFFER_SIZE = _READ_BYTES
        self._ps = _DirectParser(self)
        await super().connect(*args, disconnected_cb=self._forget, **kwargs)  # type: ignore[arg-type,misc]  # as they came

    async def subscribe_direct(self, subject: str, queue: str, take: Take) -> Subscription:
        """Subscribe; messages go to `take` at once."""
        self._takers[self._sid + 1] = (subject, take)  # the number it is about to get: before anything can come
        return await self.subscribe(subject, queue)

    def forget(self, sub: Subscription) -> None:
        """No message of it comes any more, on this connection or the next, whatever became of its draining.

        At once, so that nothing can come in between: nats-py's own draining keeps what it did not bring to its end, and
        subscribes it again with every new connection.
        """
        sid = sub._id  # noqa: SLF001 - as the broker knows it
        if sid not in self._subs:
            return
        self._remove_sub(sid)
        if self.is_connected:
            self._write(b"UNSUB %d\r\n" % sid)

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """The same, but that what is published in one turn of the loop leaves in one write."""
        if not self.is_connected or len(payload) > self._max_payload:
            await super().publish(subject, payload, reply, headers)  # it knows what to say
            return
        if headers:
            told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            said = f"NATS/1.0\r\n{told}\r\n".encode()
            begun = f"HPUB {subject} {reply} {len(said)} {len(said) + len(payload)}\r\n".encode() + said
        else:
            begun = f"PUB {subject} {reply} {len(payload)}\r\n".encode()
        self._write(b"".join((begun, payload, b"\r\n")))
        if self._pending_data_size > self._max_pending_size:
            await self._flush_pending(force_flush=True)

    async def ask(self, subject: str, data: bytes, timeout_s: float, headers: dict[str, str] | None = None) -> Arrived:
        """One answer, which may be that nobody listens. Raises TimeoutError."""
        if not self._answers:
            self._answers = self.new_inbox()
            await self.subscribe_direct(f"{self._answers}.*", "", self._answered)
        loop, token = asyncio.get_running_loop(), random_token()
        answer: asyncio.Future[Arrived] = loop.create_future()
        self._asked[token] = answer
        late = loop.call_later(timeout_s, _give_up, answer)
        try:
            await self.publish(subject, data, f"{self._answers}.{token}", headers)
            return await answer
        finally:
            late.cancel()
            self._asked.pop(token, None)

    def _answered(self, arrived: Arrived) -> None:
        answer = self._asked.get(arrived.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(arrived)

    def _write(self, line: bytes) -> None:
        """Leaves with all else of this turn of the loop."""
        self._pending.append(line)
        self._pending_data_size += len(line)
        if not self._leaving:
            self._leaving = True
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        """Write what is pending; where the socket does not take it at once, nats-py's flusher waits for it."""
        self._leaving = False
        if not self._pending or not self.is_connected:
            return
        writer = self._transport._io_writer if isinstance(self._transport, TcpTransport) else None  # noqa: SLF001 - nobody else knows
        if writer is None or writer.transport.get_write_buffer_size():
            if self._flush_queue is not None and self._flush_queue.empty():
                self._flush_queue.put_nowait(asyncio.get_running_loop().create_future())
        elif not writer.transport.is_closing():
            writer.writelines(self._pending)
            self._pending, self._pending_data_size = [], 0

    async def _forget(self) -> None:
        """What did not leave before the connection ended stays here: nobody waits for it when there is another."""
        self._pending, self._pending_data_size = [], 0

    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        self._leave()  # nats-py's own would overtake what it is to be the answer to
        await super()._send_ping(future)

    async def _process_pong(self) -> None:
        # One that nobody waits for any more ends nats-py's reading, and with it all that would be read.
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        known = self.taker(sid)
        if known is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        await self.hand_over(known, Arrived(subject.decode(), data, reply.decode(), headers or b""))

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        super()._remove_sub(sid, max_msgs)
        self._takers.pop(sid, None)

    def taker(self, sid: int) -> tuple[str, Take] | None:
        return self._takers.get(sid) if sid in self._subs else None

    async def hand_over(self, known: tuple[str, Take], arrived: Arrived) -> None:
        try:
            result = known[1](arrived)
            if result is not None:
                await result
        except Exception as error:  # noqa: BLE001 - one message must not end the others; its text may quote it
            logger().error("handler_failed", subject=known[0], error_type=type(error).__name__)


def _give_up(answer: "asyncio.Future[Arrived]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


class _DirectParser(Parser):
    """Reads whole messages by itself; leaves everything else, and what is cut, to nats-py's."""

    def __init__(self, client: DirectClient) -> None:
        super().__init__(client)
        self._client = client

    async def parse(self, data: bytes = b"") -> None:
        try:
            await self._parse(data)
        except (OSError, ProtocolError):
            raise
        except Exception as error:
            logger().error("bus_unreadable", error_type=type(error).__name__)
            raise ProtocolError from error  # the connection is made anew; at anything else nats-py only stops reading

    async def _parse(self, data: bytes) -> None:
        at = 0
        if self.state != AWAITING_CONTROL_LINE:  # the rest of a payload
            at = self.needed + _END - len(self.buf)
            await super().parse(data[:at])
        elif self.buf:  # and of a line
            data = bytes(self.buf) + data
            self.buf.clear()
        size = len(data)
        while at < size and data.startswith((b"MSG ", b"HMSG "), at):
            end = data.find(b"\r\n", at)
            if end < 0:
                break
            verb, subject, sid, *more = data[at:end].decode().split(" ")
            known = self._client.taker(int(sid))
            begins = end + _END
            ends = begins + int(more[-1])
            if known is None or ends + _END > size:
                break
            headed = verb == "HMSG"
            body = begins + int(more[-2]) if headed else begins
            reply = more[0] if len(more) > 1 + headed else ""
            await self._client.hand_over(known, Arrived(subject, data[body:ends], reply, data[begins:body]))
            at = ends + _END
        if at < size:
            await super().parse(data[at:] if at else data)
