"""The loop every reader of a stream shares: follow it from the sink's position, write in blocks, lose nothing."""

import asyncio
import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic

import orjson

from libs.bus.base import Bus, Stored
from libs.contracts.errors import BusUnavailable, Overloaded, StoreUnavailable
from libs.contracts.subjects import dead_letter
from libs.projection.base import Item, Sink, UnreadableError
from libs.projection.tasks import together
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

_RETRY_S = (0.2, 5.0)  # first and longest pause before the store or the broker is tried again
_LAG_EVERY_S = 2.0
_GATHER_S = 0.25  # what a busy stream is let gather between two looks
_BUSY = 100  # rows by the end of a block's linger: more come than anybody waits for one by one
_LETTER_BYTES = 512 << 10


@dataclass(kw_only=True)
class Following(Generic[Item]):
    """One reader of one stream for one purpose; `read` makes items of a message, None where it is not for us.

    A block ends at `rows` (of which an item is as many as it weighs) or `linger_s` after its first, `busy_linger_s`
    where many come, always on a message's boundary. While the store is away the block is kept and tried again, and once
    the next one is full nothing more is read. An unreadable message goes to `dlq.<purpose>`, alone. Whatever else goes
    wrong is our fault and is raised.
    """

    bus: Bus
    sink: Sink[Item]
    metrics: Metrics
    purpose: str
    stream: str
    read: Callable[[Stored], Sequence[Item] | None]
    rows: int = 1000
    weigh: Callable[[Item], int] | None = None  # one row where nothing else is said
    linger_s: float = 0.3
    busy_linger_s: float = 0.0  # where it is longer: what a block costs the store hardly depends on how much is in it
    gather_s: float = _GATHER_S
    _block: list[Item] = field(default_factory=list, init=False)
    _rows: int = field(default=0, init=False)  # in the block
    _read: int = field(default=0, init=False)  # last sequence handed to us
    _done: int = field(default=0, init=False)  # last sequence that had its effect
    _last: int | None = field(default=None, init=False)  # of the stream, when last asked
    _running: bool = field(default=False, init=False)
    _flushing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _begun: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def done(self) -> int:
        """Every message up to this sequence has had its effect."""
        return self._done

    @property
    def lag(self) -> int | None:
        """Messages of the stream that had no effect yet, as of at most 2 s ago; None while it is not known."""
        return None if self._last is None else max(0, self._last - self._done)

    def keeps_up(self, within: int) -> bool:
        """Whether fewer than so many messages wait for their effect; true of one that is not running (a standby)."""
        return not self._running or (self.lag is not None and self.lag < within)

    async def run(self) -> None:
        """Project for ever; leave by cancelling. What was read and not written is read again by the next run."""
        self._running, self._block, self._rows, self._last = True, [], 0, None
        self._read = self._done = 0
        self._begun.clear()
        try:
            self._read = self._done = await self._position()
            await together(self._linger(), self._watch_lag(), self._follow())
        finally:
            self._running = False

    async def _position(self) -> int:
        pause = _RETRY_S[0]
        while True:
            try:
                return await self.sink.resume()
            except StoreUnavailable:
                logger().warning("projection_waits", name=self.purpose, retry_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(_RETRY_S[1], pause * 2)

    async def _follow(self) -> None:
        pause = _RETRY_S[0]
        while True:
            try:
                async for batch in self.bus.follow(self.stream, after=self._read, gather_s=self.gather_s):
                    pause = _RETRY_S[0]
                    for message in batch:
                        await self._take(message)
            except (BusUnavailable, Overloaded) as error:
                logger().warning("projection_reopens", name=self.purpose, error_type=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(_RETRY_S[1], pause * 2)

    async def _take(self, message: Stored) -> None:
        try:
            items = self.read(message)
        except UnreadableError as error:
            await self._put_aside(message, str(error))
        else:
            if items:
                self._block += items
                self._rows += len(items) if self.weigh is None else sum(map(self.weigh, items))
                self._begun.set()
        self._read = message.seq
        if self._rows >= self.rows:
            await self._flush()
        elif not self._block and not self._flushing.locked():
            self._done = self._read

    async def _linger(self) -> None:
        while True:
            await self._begun.wait()
            await asyncio.sleep(self.linger_s)
            if self._rows >= _BUSY and self.busy_linger_s > self.linger_s:
                await asyncio.sleep(self.busy_linger_s - self.linger_s)
            await self._flush()

    async def _flush(self) -> None:
        async with self._flushing:
            block, self._block, self._rows = self._block, [], 0
            read_to = self._read
            self._begun.clear()
            if block:
                await self._write(block)
            # Messages read meanwhile are in the next block, or had nothing for us.
            self._done = read_to if self._block else self._read

    async def _write(self, block: list[Item]) -> None:
        token = f"{self.stream}:{block[0].seq}-{block[-1].seq}"
        pause = _RETRY_S[0]
        while True:
            began = time.perf_counter()
            try:
                written = await self.sink.write(block, token)
            except StoreUnavailable:
                logger().warning("projection_waits", name=self.purpose, count=len(block), retry_in_s=pause)
            else:
                self.metrics.observe("flush_seconds", time.perf_counter() - began)
                self.metrics.count("projected_rows_total", by=written)
                return
            await asyncio.sleep(pause)
            pause = min(_RETRY_S[1], pause * 2)

    async def _put_aside(self, message: Stored, why: str) -> None:
        """To the dead letters, durably, before anything after it; the message id makes a second time harmless."""
        letter = orjson.dumps(
            {
                "subject": message.subject,
                "stream": self.stream,
                "seq": message.seq,
                "error_type": why,
                # A larger one would not fit the broker's max_payload; it stands in the stream under its sequence.
                "data": base64.b64encode(message.data).decode() if len(message.data) <= _LETTER_BYTES else None,
            }
        )
        msg_id = f"{self.purpose}-{self.stream}-{message.seq}"
        pause = _RETRY_S[0]
        while True:
            try:
                await self.bus.append(dead_letter(self.purpose), letter, msg_id=msg_id)
            except (BusUnavailable, Overloaded):
                await asyncio.sleep(pause)
                pause = min(_RETRY_S[1], pause * 2)
            else:
                break
        self.metrics.count("dead_letters_total")
        logger().error("dead_letter", subject=message.subject, sequence=message.seq, error_type=why)

    async def _watch_lag(self) -> None:
        while True:
            before = self._done
            try:
                last: int | None = await self.bus.last_seq(self.stream)
            except (BusUnavailable, Overloaded):
                last = None
            if last is not None and last < before:
                # The stream was replaced under a store that was kept: following from here would wait for ever.
                logger().error("stream_behind_store", sequence=last, expected=before)
                last = None
            self._last = last
            if self.lag is not None:
                self.metrics.set("projection_lag", self.lag, self.purpose)
            await asyncio.sleep(_LAG_EVERY_S)
