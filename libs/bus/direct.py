"""nats-py's client with a short way to our handlers: no queue and no task between socket and handler."""

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from libs.bus.base import Handler, Message
from libs.telemetry.log import logger

_NO_RESPONDERS = b"NATS/1.0 503"


class DirectClient(Client):
    """A nats-py client some of whose subscriptions are handled where they are read, in the order of the socket.

    Everything else (requests, JetStream, reconnects, permissions) is nats-py's own. A handler must not await an answer
    from the broker: nothing is read while it runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._direct: dict[int, tuple[str, Handler]] = {}

    async def connect(self, *args: object, **kwargs: object) -> None:
        self._ps = _DirectParser(self)
        await super().connect(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    async def subscribe_direct(self, subject: str, queue: str, handler: Handler) -> Subscription:
        """Subscribe; messages go to `handler` at once."""
        known = (subject, handler)

        async def early(msg: Msg) -> None:
            gone = msg.headers is not None and msg.headers.get("Status") == "503"
            await self.hand_over(known, Message(msg.subject, msg.data, msg.reply, gone))

        sub = await self.subscribe(subject, queue, cb=early)  # for what comes before the next line has run
        self._direct[sub._id] = known  # noqa: SLF001 - nats-py keeps no other name for it
        return sub

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        known = self._direct.get(sid)
        if known is None or sid not in self._subs:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        gone = bool(headers) and bytes(headers).startswith(_NO_RESPONDERS)
        await self.hand_over(known, Message(subject.decode(), data, reply.decode(), gone))

    def direct(self, sid: int) -> tuple[str, Handler] | None:
        return self._direct.get(sid) if sid in self._subs else None

    async def hand_over(self, known: tuple[str, Handler], message: Message) -> None:
        try:
            result = known[1](message)
            if result is not None:
                await result
        except Exception as error:  # noqa: BLE001 - one message must not end the others; its text may quote it
            logger().error("handler_failed", subject=known[0], error_type=type(error).__name__)


class _DirectParser(Parser):
    """Reads whole `MSG` lines with whole payloads by itself; leaves everything else, and what is cut, to nats-py's."""

    def __init__(self, client: DirectClient) -> None:
        super().__init__(client)
        self._client = client

    async def parse(self, data: bytes = b"") -> None:
        if self.buf or self.state != AWAITING_CONTROL_LINE:
            await super().parse(data)
            return
        at, size = 0, len(data)
        while at < size and data.startswith(b"MSG ", at):
            end = data.find(b"\r\n", at)
            if end < 0:
                break
            subject, sid, *reply, length = data[at + 4 : end].decode().split(" ")
            known = self._client.direct(int(sid))
            stop = end + 2 + int(length)
            if known is None or stop + 2 > size:
                break
            message = Message(subject, data[end + 2 : stop], reply[0] if reply else "")
            await self._client.hand_over(known, message)
            at = stop + 2
        if at < size:
            await super().parse(data[at:] if at else data)
