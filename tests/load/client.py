"""The load generator: closed and paced loops over aiohttp; every answer is checked, every time is taken here."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import orjson

from tests.load.upstream import CHUNKS

MODEL = "openai/gpt-4.1-mini-us"
_OK = 200
_PROMPT = "Summarise in one sentence what a gateway between a client and several providers of models has to do. "


class NotAnswered(Exception):
    """An answer that is wrong or not whole: the run is worthless."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where requests go; `key` is the street's, others ignore it."""

    name: str
    url: str
    key: str = "none"


@dataclass(frozen=True, kw_only=True)
class Speech:
    """How a caller asks, and by what its answer is known to be whole."""

    path: str
    required: Mapping[str, object]  # members that this dialect insists on
    whole: bytes
    piece: bytes  # once in each chunk of a stream
    last: bytes


CHAT = Speech(
    path="/v1/chat/completions",
    required={},
    whole=b'"finish_reason":"stop"',
    piece=b'"content":"x',
    last=b"data: [DONE]\n\n",
)
MESSAGES = Speech(
    path="/v1/messages",
    required={"max_tokens": 1000},
    whole=b'"stop_reason":"end_turn"',
    piece=b'"text":"x',
    last=b'data: {"type":"message_stop"}\n\n',
)


@dataclass(kw_only=True, slots=True)
class Taken:
    """Times in seconds of one run; `gaps` between the pieces of streams."""

    latencies: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Client:
    """Requests to one target. `accepted` counts the answers that began with 200, for the reckoning at the end."""

    def __init__(self, target: Target, session: aiohttp.ClientSession) -> None:
        self.target, self._session = target, session
        self.accepted = 0

    async def closed(
        self, mode: str, in_flight: int, *, count: int, most_s: float = 60.0, speech: Speech = CHAT
    ) -> Taken:
        """`in_flight` callers, each of which asks again when it is answered, until `count` or `most_s`."""
        body, taken, left = self._body(mode, speech), Taken(), [count]
        ask = self._whole if mode == "whole" else self._stream
        began = time.perf_counter()

        async def caller() -> None:
            while left[0] > 0 and time.perf_counter() - began < most_s:
                left[0] -= 1
                await ask(body, taken, speech)

        await _together(caller() for _ in range(in_flight))
        taken.seconds = time.perf_counter() - began
        return taken

    async def paced(self, rate: float, seconds: float) -> Taken:
        """Requests at random moments, `rate` a second on average, whether or not earlier ones are answered."""
        body, taken, chance = self._body("whole"), Taken(), random.Random(1)
        began = time.perf_counter()
        at = 0.0
        async with asyncio.TaskGroup() as tasks:
            while at < seconds:
                wait = began + at - time.perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
                tasks.create_task(self._whole(body, taken))
                at += chance.expovariate(rate)
        taken.seconds = time.perf_counter() - began
        return taken

    @asynccontextmanager
    async def open_streams(self, count: int) -> AsyncIterator[None]:
        """`count` streams that have said one thing and are silent; closed at the end."""
        body = self._body("idle")
        opened: list[aiohttp.ClientResponse] = []
        left = [count]

        async def opener() -> None:
            while left[0] > 0:
                left[0] -= 1
                answer = await self._post(body)
                opened.append(answer)
                await answer.content.readany()

        try:
            await _together(opener() for _ in range(32))
            yield
        finally:
            for answer in opened:
                answer.close()

    async def _whole(self, body: bytes, taken: Taken, speech: Speech = CHAT) -> None:
        began = time.perf_counter()
        answer = await self._post(body, speech)
        said = await answer.read()
        taken.latencies.append(time.perf_counter() - began)
        if speech.whole not in said:
            raise NotAnswered(f"{self.target.name} answered something else: {said[:200]!r}")

    async def _stream(self, body: bytes, taken: Taken, speech: Speech = CHAT) -> None:
        began = time.perf_counter()
        answer = await self._post(body, speech)
        pieces, last = [], 0.0
        async for piece in answer.content.iter_any():
            now = time.perf_counter()
            if last:
                taken.gaps.append(now - last)
            last = now
            pieces.append(piece)
        taken.latencies.append(time.perf_counter() - began)
        said = b"".join(pieces)
        if said.count(speech.piece) != CHUNKS or not said.endswith(speech.last):
            raise NotAnswered(f"{self.target.name} cut a stream: {len(said)} bytes, ...{said[-200:]!r}")

    async def _post(self, body: bytes, speech: Speech = CHAT) -> aiohttp.ClientResponse:
        answer = await self._session.post(self.target.url + speech.path, data=body)
        if answer.status != _OK:
            raise NotAnswered(f"{self.target.name} answered {answer.status}: {(await answer.read())[:300]!r}")
        self.accepted += 1
        return answer

    @staticmethod
    def _body(mode: str, speech: Speech = CHAT) -> bytes:
        messages = [
            {"role": "system", "content": "You are a terse assistant."},
            {"role": "user", "content": f"{_PROMPT * 3}bench:{mode}"},
        ]
        asked = {"model": MODEL, "messages": messages, "stream": mode != "whole", "temperature": 0.2}
        return orjson.dumps({**asked, **speech.required})


@asynccontextmanager
async def client(target: Target) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {target.key}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60), headers=headers
    ) as session:
        yield Client(target, session)


async def _together(callers: Iterable[Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for caller in callers:
            tasks.create_task(caller)
