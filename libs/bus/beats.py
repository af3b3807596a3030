"""Who is alive, and what workers say of their routes: told every 2 s, and heard by whoever needs to know."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message, Subscription
from libs.bus.merged import merged
from libs.contracts.errors import BusUnavailable
from libs.contracts.northern.v1.street_pb2 import Beat, EgressState, RouteSignals
from libs.contracts.subjects import EVERY_BEAT
from libs.contracts.subjects import beat as beat_subject

EVERY_S = 2.0
SILENT_S = 6.0
_LEAST_S = 0.1  # between two beats, whatever there is to say


@asynccontextmanager
async def beating(
    bus: Bus,
    service: str,
    boot_id: str,
    egresses: Callable[[], Iterable[EgressState]] = tuple,
    routes: Callable[[], Iterable[RouteSignals]] = tuple,
    news: asyncio.Event | None = None,
) -> AsyncIterator[None]:
    """Beat while the context is open, at once when there is `news`; the last beat says `leaving`."""
    soon = news or asyncio.Event()

    async def say(*, leaving: bool = False) -> None:
        told = () if leaving else routes()
        beat = Beat(
            service=service, replica=boot_id, boot_id=boot_id, egresses=egresses(), routes=told, leaving=leaving
        )
        try:
            await bus.publish(beat_subject(service), beat.SerializeToString())
        except BusUnavailable:
            pass  # silence is what a beat that cannot be sent means

    async def forever() -> None:
        while True:
            soon.clear()
            await say()
            await asyncio.sleep(_LEAST_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(soon.wait(), EVERY_S - _LEAST_S)

    task = asyncio.create_task(forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await say(leaving=True)


class Heard:
    """The beats of the street as one process hears them. Times are monotonic seconds."""

    def __init__(self, bus: Bus, now: Callable[[], float] = time.monotonic) -> None:
        self._bus, self._now = bus, now
        self._last: dict[str, tuple[float, Beat]] = {}
        self._egresses: dict[str, EgressState] = {}  # of the living workers, as of `_until`
        self._signals: dict[str, RouteSignals] = {}
        self._until = float("-inf")
        self._sub: Subscription | None = None
        self._since, self._connects = float("-inf"), 0

    async def start(self, service: str = "") -> None:
        """Begin to listen; to one service only, where one is named."""
        self._sub = await self._bus.subscribe(beat_subject(service) if service else EVERY_BEAT, self._arrived)

    @property
    def settled(self) -> bool:
        """Whether silence means anything: a whole beat has passed since we began to listen on this connection."""
        if self._connects != self._bus.connects:
            self._connects, self._since = self._bus.connects, self._now()
        return self._now() - self._since > EVERY_S + 0.5

    async def close(self) -> None:
        if self._sub is not None:
            await self._sub.stop()

    def alive(self, service: str) -> list[Beat]:
        """The last beat of each process of a service that was heard within 6 s."""
        since = self._now() - SILENT_S
        for boot_id in [b for b, (at, _) in self._last.items() if at < since]:
            del self._last[boot_id]
        return [beat for _, beat in self._last.values() if beat.service == service]

    def egress(self, name: str) -> EgressState | None:
        """The state of a way out as a living worker states it, available before not; None: no worker serves it."""
        return self.egresses().get(name)

    def egresses(self) -> Mapping[str, EgressState]:
        """Every way out that a living worker serves; another mapping only when something has changed."""
        self._refresh()
        return self._egresses

    def signals(self) -> Mapping[str, RouteSignals]:
        """What the living workers say of the routes that they called or probed of late; of the others nothing is known.

        What a worker said before it fell silent is forgotten with it: nobody chooses by old news.
        """
        self._refresh()
        return self._signals

    def _refresh(self) -> None:
        """Only when something may have changed: each request asks."""
        if self._now() < self._until:
            return
        beats, egresses = self.alive("worker"), dict[str, EgressState]()
        for state in (state for beat in beats for state in beat.egresses):
            known = egresses.get(state.name)
            if known is None or _rank(state) > _rank(known):
                egresses[state.name] = state
        if egresses != self._egresses:
            self._egresses = egresses
        self._signals = merged(beat.routes for beat in beats)
        heard = [at for at, beat in self._last.values() if beat.service == "worker"]
        self._until = min(heard) + SILENT_S if heard else float("inf")

    def _arrived(self, message: Message) -> None:
        try:
            beat = Beat.FromString(message.data)
        except DecodeError:
            return
        if beat.leaving:
            self._last.pop(beat.boot_id, None)
        else:
            self._last[beat.boot_id] = (self._now(), beat)
        self._until = float("-inf")


def _rank(state: EgressState) -> tuple[bool, bool]:
    """Of two workers that serve the same way out, the one that can do more speaks for it."""
    return state.available, state.has_credential
