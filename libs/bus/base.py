"""The seam to the broker: what the house asks of NATS, as a Protocol, and the values that cross it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One core message. `no_responders`: the broker's own answer that nobody listened to what we published."""

    subject: str
    data: bytes
    reply: str = ""
    no_responders: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """One message of a stream. `seq` counts from 1 in stream order; `deleted` marks a removed key of a bucket."""

    subject: str
    seq: int
    data: bytes
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What a stream holds. `first` and `last` are sequences, `last` 0 where nothing was ever stored; `size`: bytes."""

    first: int
    last: int
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a bucket as it stands; `revision` is what a compare-and-set names."""

    key: str
    value: bytes
    revision: int


# Called on the event loop for each message, in order. An awaitable it returns is awaited before the next message, so it
# must be short: work that takes time goes into a task of its own.
Handler = Callable[[Message], Awaitable[None] | None]


class Subscription(Protocol):
    """Open until stopped; survives reconnects."""

    async def stop(self) -> None:
        """Unsubscribe; returns once messages already delivered were handled, or after 5 s. Not for use in a handler."""


class Bus(Protocol):
    """The broker. Every call raises BusUnavailable when it cannot be reached in time; nothing is queued for later."""

    @property
    def connected(self) -> bool:
        """Whether the connection stands now."""

    @property
    def connects(self) -> int:
        """How many times a connection was made; a change means messages may have been missed."""

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """At most once. With a `reply`, "nobody listens" arrives there as a Message with `no_responders`."""

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> Subscription:
        """Deliver matching messages to `handler`; members of one `queue` share them."""

    async def request(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        """One answer. Raises BusUnavailable (no answer in time) or Overloaded (nobody listens)."""

    async def append(
        self,
        subject: str,
        data: bytes,
        *,
        msg_id: str = "",
        expected: int | None = None,
        timeout_s: float = 5.0,
    ) -> int:
        """Store durably and return the sequence. A `msg_id` seen before answers its first sequence and stores nothing.

        `expected` is the last sequence the subject must have (0: none); otherwise Conflict.
        """

    def follow(
        self, stream: str, *, after: int = 0, latest: bool = False, gather_s: float = 0.0
    ) -> AsyncIterator[list[Stored]]:
        """Messages of a stream with seq > `after`, in order, in batches; an empty batch is a sign of life (≤ 2 s).

        `latest`: begin with the last message of each subject. `gather_s`: after the first message let more come for so
        long, so that a busy stream does not wake its reader for each. Ends when the connection it was opened on ends.
        """

    async def last_seq(self, stream: str, timeout_s: float = 2.0) -> int:
        """The last sequence of a stream; 0 when it is empty."""

    async def held(self, stream: str, timeout_s: float = 2.0) -> Held:
        """What a stream holds now, as its broker counts it."""

    async def drop(self, stream: str, *, before: int, timeout_s: float = 5.0) -> None:
        """Remove the messages of a stream with seq < `before` for good; what follows keeps its sequence."""

    async def last(self, stream: str, subject: str, timeout_s: float = 2.0) -> Stored | None:
        """The last message of a subject as the stream's leader has it, None where there is none."""

    async def get(self, bucket: str, key: str) -> Entry | None:
        """The key as it stands, None where it was never put or is deleted."""

    async def put(self, bucket: str, key: str, value: bytes, *, revision: int | None = None) -> int:
        """Set the key; with a `revision` only if that is still its last one (0: it does not exist), else Conflict."""

    async def delete(self, bucket: str, key: str, *, revision: int | None = None) -> None:
        """Remove the key, under the same condition."""


class Conflict(Exception):
    """A compare-and-set lost: somebody else wrote first. Read again and decide again."""
