"""The fake: one process, no disk, the same promises where it can keep them; it passes the same contract suite."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from libs.bus.base import Conflict, Entry, Handler, Held, Message, Stored
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.subjects import BUCKETS, STREAMS, random_token
from libs.telemetry.log import logger

_MAX_PAYLOAD = 1 << 20  # as the street's own broker has it
_DRAIN_S = 5.0


def matches(pattern: str, subject: str) -> bool:
    """NATS's rule: `*` is one token, a last `>` is one or more."""
    wanted, given = pattern.split("."), subject.split(".")
    for place, part in enumerate(wanted):
        if part == ">":
            return len(given) > place
        if place >= len(given) or part not in ("*", given[place]):
            return False
    return len(wanted) == len(given)


def _fits(data: bytes) -> None:
    if len(data) > _MAX_PAYLOAD:
        raise BusUnavailable("the broker does not take a message of that size")


class _Sub:
    """One subscription with a task of its own, so that its messages are handled one after the other."""

    def __init__(self, bus: "MemoryBus", pattern: str, handler: Handler, queue: str) -> None:
        self.pattern, self.queue = pattern, queue
        self._bus, self._handler = bus, handler
        self.inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self in self._bus.subs:
            self._bus.subs.remove(self)
            self.inbox.put_nowait(None)
            await asyncio.wait([self._task], timeout=_DRAIN_S)

    async def _run(self) -> None:
        while (message := await self.inbox.get()) is not None:
            try:
                result = self._handler(message)
                if result is not None:
                    await result
            except Exception as error:  # noqa: BLE001 - one message must not end the others; its text may quote it
                logger().error("handler_failed", subject=self.pattern, error_type=type(error).__name__)


@dataclass
class _Stream:
    subjects: tuple[str, ...]
    messages: list[Stored] = field(default_factory=list)
    first: int = 1  # what came before was dropped
    last_by_subject: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)


class MemoryBus:
    """libs.bus.base.Bus in memory. `fail()` takes the broker away, `heal()` brings it back with its streams."""

    def __init__(self) -> None:
        self.connected = True
        self.connects = 1
        self.subs: list[_Sub] = []
        self._turn: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._streams = {s.name: _Stream(s.subjects) for s in STREAMS}
        self._streams |= {f"KV_{b}": _Stream((f"$KV.{b}.>",)) for b in BUCKETS}
        self._grew = asyncio.Event()

    def fail(self) -> None:
        self.connected = False
        self._wake()

    def heal(self) -> None:
        self.connected = True
        self.connects += 1
        self._wake()

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        self._up()
        _fits(data)
        if not self._deliver(Message(subject, bytes(data), reply)) and reply:
            self._deliver(Message(reply, b"", no_responders=True))

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> _Sub:
        self._up()
        sub = _Sub(self, subject, handler, queue)
        self.subs.append(sub)
        return sub

    async def request(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def arrived(message: Message) -> None:
            if not answer.done():
                answer.set_result(message)

        inbox = f"_INBOX.{random_token()}"
        sub = await self.subscribe(inbox, arrived)
        try:
            await self.publish(subject, data, inbox)
            message = await asyncio.wait_for(answer, timeout_s)
        except TimeoutError as error:
            raise BusUnavailable("no answer in time") from error
        finally:
            await sub.stop()
        if message.no_responders:
            raise Overloaded("nobody answers there right now; try again in a moment", retry_after_ms=1000)
        return message.data

    async def append(
        self,
        subject: str,
        data: bytes,
        *,
        msg_id: str = "",
        expected: int | None = None,
        timeout_s: float = 5.0,  # noqa: ARG002 - memory answers at once
    ) -> int:
        return self._append(subject, data, msg_id, expected, deleted=False)

    async def follow(
        self,
        stream: str,
        *,
        after: int = 0,
        latest: bool = False,
        gather_s: float = 0.0,  # noqa: ARG002 - nothing to save here
    ) -> AsyncIterator[list[Stored]]:
        opened_on, held = self.connects, self._stream(stream)
        if latest:
            last = set(held.last_by_subject.values())
            batch = [m for m in held.messages if m.seq in last and m.seq >= held.first]
            after = batch[-1].seq if batch else 0
            yield batch
        while self.connected and self.connects == opened_on:
            batch = held.messages[max(after, held.first - 1) :]
            if batch:
                after = batch[-1].seq
                yield batch
                continue
            self._grew.clear()
            try:
                # Not wait_for: in Python 3.11 it loses a cancellation that comes in the moment something grew.
                async with asyncio.timeout(0.5):
                    await self._grew.wait()
            except TimeoutError:
                yield []

    async def last_seq(self, stream: str, timeout_s: float = 2.0) -> int:  # noqa: ARG002 - as above
        return len(self._stream(stream).messages)

    async def held(self, stream: str, timeout_s: float = 2.0) -> Held:  # noqa: ARG002 - as above
        held = self._stream(stream)
        size = sum(len(message.data) for message in held.messages[held.first - 1 :])
        return Held(held.first, len(held.messages), size)

    async def drop(self, stream: str, *, before: int, timeout_s: float = 5.0) -> None:  # noqa: ARG002 - as above
        held = self._stream(stream)
        held.first = max(held.first, min(before, len(held.messages) + 1))

    async def last(self, stream: str, subject: str, timeout_s: float = 2.0) -> Stored | None:  # noqa: ARG002 - as above
        held = self._stream(stream)
        seq = held.last_by_subject.get(subject, 0)
        return held.messages[seq - 1] if seq >= held.first else None

    async def get(self, bucket: str, key: str) -> Entry | None:
        held = self._stream(f"KV_{bucket}")
        seq = held.last_by_subject.get(f"$KV.{bucket}.{key}", 0)
        if not seq or held.messages[seq - 1].deleted:
            return None
        return Entry(key, held.messages[seq - 1].data, seq)

    async def put(self, bucket: str, key: str, value: bytes, *, revision: int | None = None) -> int:
        if revision == 0 and await self.get(bucket, key) is None:
            revision = None  # never put, or deleted
        return self._append(f"$KV.{bucket}.{key}", value, "", revision, deleted=False)

    async def delete(self, bucket: str, key: str, *, revision: int | None = None) -> None:
        self._append(f"$KV.{bucket}.{key}", b"", "", revision, deleted=True)

    def _append(self, subject: str, data: bytes, msg_id: str, expected: int | None, *, deleted: bool) -> int:
        self._up()
        _fits(data)
        held = next((s for s in self._streams.values() if any(matches(p, subject) for p in s.subjects)), None)
        if held is None:
            raise Overloaded("no stream keeps that subject")
        if msg_id and msg_id in held.seen:
            return held.seen[msg_id]
        if expected is not None and held.last_by_subject.get(subject, 0) != expected:
            raise Conflict(subject)
        seq = len(held.messages) + 1
        held.messages.append(Stored(subject, seq, bytes(data), deleted))
        held.last_by_subject[subject] = seq
        if msg_id:
            held.seen[msg_id] = seq
        self._wake()
        return seq

    def _deliver(self, message: Message) -> bool:
        groups: dict[tuple[str, str], list[_Sub]] = defaultdict(list)
        for sub in self.subs:
            if matches(sub.pattern, message.subject):
                groups[(sub.queue, sub.pattern if sub.queue else str(id(sub)))].append(sub)
        for name, members in groups.items():
            self._turn[name] += 1
            members[self._turn[name] % len(members)].inbox.put_nowait(message)
        return bool(groups)

    def _stream(self, name: str) -> _Stream:
        self._up()
        if name not in self._streams:
            raise BusUnavailable(f"there is no stream {name}")
        return self._streams[name]

    def _up(self) -> None:
        if not self.connected:
            raise BusUnavailable("the broker is not connected")

    def _wake(self) -> None:
        self._grew.set()
