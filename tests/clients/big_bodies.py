"""Large bodies beside running streams: what it does to the time between the streams' chunks.

Run it: python -m tests.clients.big_bodies
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from tests.clients.asking import AZURE, HAIKU, OPENAI, user
from tests.clients.reader import assert_whole, request, unchunked
from tests.clients.upstream import street_with_two_upstreams
from tests.support.street import Street

STREAMS, BODIES, BODY_BYTES = 200, 16, 8 << 20
CHUNK_MS = 20
_SETTLE_S, _QUIET_S = 0.5, 1.5
_REPORT = Path(__file__).parents[2] / "docs" / "measured" / "big-bodies.txt"


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Milliseconds between two arrivals on the same stream, over all streams."""

    p50: float
    p99: float
    worst: float
    count: int

    def __str__(self) -> str:
        return f"p50 {self.p50:6.1f}   p99 {self.p99:6.1f}   max {self.worst:6.1f}   ({self.count} gaps)"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`quiet`: before the bodies; `beside`: while they were sent and answered. `streams`: each body of a stream."""

    quiet: Gaps
    beside: Gaps
    bodies_s: float
    statuses: Sequence[str]
    streams: Sequence[bytes]

    def __str__(self) -> str:
        answered = self.statuses.count("200")
        return "\n".join(
            (
                f"{len(self.streams)} streams, a chunk every {CHUNK_MS} ms; ms between chunks",
                f"alone                        {self.quiet}",
                f"beside {len(self.statuses):2} bodies of 8 MiB    {self.beside}",
                f"bodies answered 200: {answered} of {len(self.statuses)}, all within {self.bodies_s:.1f} s",
            )
        )


@dataclass
class _Listener(asyncio.Protocol):
    """Keeps what arrives and when; judged afterwards, so that measuring costs little."""

    asked: bytes
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    arrivals: list[float] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self.asked)

    def data_received(self, data: bytes) -> None:
        self.arrivals.append(time.perf_counter())
        self.parts.append(data)
        if data.endswith(b"0\r\n\r\n"):
            self._transport.close()
            self.ended.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


async def measure(
    street: Street, folder: Path, *, chunks: int, streams: int = STREAMS, bodies: int = BODIES
) -> Measured:
    """Streams first; when all run, the bodies at once, each from a process of its own.

    The upstream of the bodies must not be that of the streams: reading 8 MiB, it would keep their chunks back itself.
    """
    body = folder / "body.json"
    body.write_bytes(orjson.dumps({"model": OPENAI, "messages": user("x" * BODY_BYTES)}))
    posts = [await _post(street, body) for _ in range(bodies)]
    origin = urlsplit(street.base_url)
    place = (str(origin.hostname), origin.port or 80)
    loop = asyncio.get_running_loop()
    listeners = []
    for n in range(streams):
        asked = request(street, (AZURE, HAIKU)[n % 2], f"[[sandbox chunks={chunks} chunk_ms={CHUNK_MS}]]")
        _, listener = await loop.create_connection(partial(_Listener, asked), *place)
        listeners.append(listener)
    while not all(listener.parts for listener in listeners):  # noqa: ASYNC110 - 200 events for one moment
        await asyncio.sleep(0.05)
    await asyncio.sleep(_SETTLE_S)
    running = time.perf_counter()
    await asyncio.sleep(_QUIET_S)
    began = time.perf_counter()
    said = await asyncio.gather(*(post.communicate(b"go\n") for post in posts))
    ended = time.perf_counter()
    async with asyncio.timeout(120):
        await asyncio.gather(*(listener.ended.wait() for listener in listeners))
    return Measured(
        quiet=_gaps(listeners, running, began),
        beside=_gaps(listeners, began, ended),
        bodies_s=ended - began,
        statuses=[out.decode() for out, _ in said],
        streams=[unchunked(b"".join(listener.parts)) for listener in listeners],
    )


async def _post(street: Street, body: Path) -> asyncio.subprocess.Process:
    """A curl that waits for a line and prints the status it saw: starting and sending disturb no measuring."""
    return await asyncio.create_subprocess_exec(
        *("bash", "-c", 'read && exec curl "$@"', "curl"),
        *("-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:"),
        *("-H", f"Authorization: Bearer {street.api_key}", "-H", "Content-Type: application/json"),
        *("--data-binary", f"@{body}", f"{street.base_url}/v1/chat/completions"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


def _gaps(listeners: Sequence[_Listener], since: float, until: float) -> Gaps:
    found = sorted(
        (after - before) * 1000
        for listener in listeners
        for before, after in zip(listener.arrivals, listener.arrivals[1:], strict=False)
        if since <= before < until
    )
    at = len(found) - 1
    return Gaps(p50=found[at // 2], p99=found[round(at * 0.99)], worst=found[at], count=len(found))


async def _main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="ni-big-bodies-"))
    try:
        async with street_with_two_upstreams(folder / "state") as street:
            measured = await measure(street, folder, chunks=500)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for stream in measured.streams:
        assert_whole(stream, 500)
    text = f"{measured}\nno stream cut\n"
    print(text, end="")  # noqa: T201 - a command prints
    _REPORT.parent.mkdir(exist_ok=True)
    _REPORT.write_text(text)


if __name__ == "__main__":
    asyncio.run(_main())
