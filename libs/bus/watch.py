"""A bucket's copy in memory that knows how fresh it is: reopened after a reconnect, compared with its source."""

import asyncio
import time
from collections.abc import Callable

from libs.bus.base import Bus, Stored
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

STALE_S = 5.0  # from here on /readyz says no
BLIND_S = 30.0  # from here on nobody is let in on what the copy says
_COMPARE_S = 2.0

OnChange = Callable[[str, bytes | None], None]  # key and value; None: removed


class Watch:
    """Follows one bucket and tells every change in order; `age()` is the time since the copy was known to be whole."""

    def __init__(
        self, bus: Bus, bucket: str, on_change: OnChange, metrics: Metrics, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._bus, self._bucket, self._on_change, self._metrics, self._now = bus, bucket, on_change, metrics, now
        self._stream = f"KV_{bucket}"
        self._seq = 0
        self._asked: tuple[int, float] | None = None  # a last sequence not reached yet, and when it was
        self._keys: set[str] = set()
        self._fresh_at = float("-inf")
        self._first = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._reader: asyncio.Task[None] | None = None

    async def start(self, deadline_s: float = 15.0) -> None:
        """Open the watch and wait for the first whole copy. Raises BusUnavailable when there is none in time."""
        self._tasks = [asyncio.create_task(self._keep_open()), asyncio.create_task(self._compare())]
        try:
            await asyncio.wait_for(self._first.wait(), deadline_s)
        except TimeoutError as error:
            raise BusUnavailable(f"the bucket {self._bucket} could not be read") from error

    async def close(self) -> None:
        tasks = [*self._tasks, *([self._reader] if self._reader else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def seq(self) -> int:
        """The last sequence taken in: whoever knows a later one knows that the copy is behind."""
        return self._seq

    def age(self) -> float:
        return self._now() - self._fresh_at

    @property
    def stale(self) -> bool:
        return self.age() > STALE_S

    @property
    def blind(self) -> bool:
        return self.age() > BLIND_S

    async def _keep_open(self) -> None:
        while True:
            self._reader = asyncio.create_task(self._read())
            await asyncio.wait([self._reader])
            self._reader.cancel()
            error = None if self._reader.cancelled() else self._reader.exception()
            if error is not None and not isinstance(error, BusUnavailable | Overloaded):
                logger().error("watch_failed", bucket=self._bucket, error_type=type(error).__name__)
                raise error  # a change was not taken in: the copy grows stale, and then nobody is let in on it
            self._metrics.count("watch_reopened_total", self._bucket)
            await asyncio.sleep(0.1)

    async def _read(self) -> None:
        async for batch in self._bus.follow(self._stream, after=self._seq, latest=self._seq == 0):
            for message in batch:
                self._apply(message)

    def _apply(self, message: Stored) -> None:
        key = message.subject.split(".", 2)[2]
        if message.deleted:
            self._keys.discard(key)
        else:
            self._keys.add(key)
        self._on_change(key, None if message.deleted else message.data)
        self._seq = message.seq  # not before: a change that was not taken in must not count as one
        self._caught_up()

    async def _compare(self) -> None:
        while True:
            asked_at, seen = self._now(), self._seq  # changes may arrive before the answer does
            try:
                last = await self._bus.last_seq(self._stream)
            except (BusUnavailable, Overloaded):
                last = -1
            if 0 <= last < seen:
                self._forget()
            elif last >= 0:
                self._asked = self._asked or (last, asked_at)
                self._caught_up()
                if self.age() > STALE_S and self._first.is_set() and self._reader is not None:
                    self._reader.cancel()  # behind for too long: what it hangs on may be dead
            self._metrics.set("watch_stale_seconds", min(self.age(), 3600.0), self._bucket)
            await asyncio.sleep(_COMPARE_S if self._first.is_set() else 0.05)

    def _caught_up(self) -> None:
        """Whole as of the moment we asked, once everything the source had then is here."""
        if self._asked is not None and self._seq >= self._asked[0]:
            self._fresh_at, self._asked = self._asked[1], None
            self._first.set()

    def _forget(self) -> None:
        """The bucket is shorter than what we read: it was made anew. Begin again from nothing."""
        logger().warning("watch_source_replaced", bucket=self._bucket, sequence=self._seq)
        for key in sorted(self._keys):
            self._on_change(key, None)
        self._keys.clear()
        self._seq, self._asked = 0, None
        if self._reader is not None:
            self._reader.cancel()
