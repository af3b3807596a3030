"""One client of the street: what it asks the sandbox to say, what came back, and which kind of end that was."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
import orjson

PATIENCE_S = 7.0  # the longest silence a client may meet beyond what its own request asks for
SLACK_S = 3.0  # and what a machine that has other work may add to it
LIMIT_S = PATIENCE_S + SLACK_S
_LOOK_S = 0.2
_OK = 200
_DONE = b"[DONE]"


class End(StrEnum):
    """How an exchange ended for the client. The last five are forbidden, whatever was killed."""

    WHOLE = "whole answer"
    ERROR = "error status"
    ERROR_EVENT = "error event in the stream"
    BROKEN = "connection broken"
    HUNG_UP = "hung up by the client"
    HANG = "hang"
    CLEAN_CUT = "clean end of a cut stream"
    HOLE = "words missing or changed"
    TWICE = "ended twice"
    UNEXPLAINED = "error without our body"


FORBIDDEN = frozenset({End.HANG, End.CLEAN_CUT, End.HOLE, End.TWICE, End.UNEXPLAINED})


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request. `pause_ms` lies between the words of a stream, or before a whole answer.

    After `leave_after` bytes the client hangs up; 0: it stays.
    """

    model: str
    stream: bool
    words: int = 20
    pause_ms: int = 0
    padding: int = 0
    leave_after: int = 0

    @property
    def text(self) -> str:
        """What the sandbox will have said."""
        return "".join(f"w{n} " for n in range(self.words))

    def body(self) -> bytes:
        pace = "chunk_ms" if self.stream else "latency_ms"
        said = f"[[sandbox chunks={self.words} {pace}={self.pause_ms}]]"
        messages = [{"role": "system", "content": "x" * self.padding}] if self.padding else []
        messages.append({"role": "user", "content": said})
        return orjson.dumps({"model": self.model, "stream": self.stream, "messages": messages})


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a client saw. Times are monotonic seconds; `code` is that of the error, `why` what was wrong."""

    ask: Ask
    end: End
    sent_at: float
    ended_at: float
    request_id: str = ""
    code: str = ""
    why: str = ""
    silent_s: float = 0.0


class Talk:
    """One exchange on a connection of its own. `begun` is set with the first word, or with the end.

    `edge_since` tells since when there is an edge (monotonic seconds, infinity: not now): a connection that waits in
    the public socket while the edge is started again meets no silence of the street's.
    """

    def __init__(self, url: str, key: str, ask: Ask, edge_since: Callable[[], float] = lambda: 0.0) -> None:
        self._url, self._key, self._ask, self._edge_since = f"{url}/v1/chat/completions", key, ask, edge_since
        self.begun = asyncio.Event()
        self._status, self._request_id = 0, ""
        self._body = bytearray()
        self._silent = 0.0
        self._heard = self._sent = time.monotonic()

    async def run(self) -> Seen:
        """Ask and read to the end, whatever that is."""
        self._heard = self._sent = time.monotonic()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(force_close=True)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
                left = await self._exchange(session)
        except TimeoutError:
            return self._seen(End.HANG, why=f"nothing came for {LIMIT_S:g} s more than was asked for")
        except (aiohttp.ClientError, OSError) as error:
            return self._judged(broken=type(error).__name__)
        finally:
            self.begun.set()
        return self._seen(End.HUNG_UP) if left else self._judged()

    async def _exchange(self, session: aiohttp.ClientSession) -> bool:
        """True where this client hung up."""
        limit = LIMIT_S + self._ask.pause_ms / 1000
        async with await self._answered(session, limit) as response:
            self._came()
            self._status = response.status
            self._request_id = response.headers.get("x-ni-request-id", "")
            while part := await asyncio.wait_for(response.content.readany(), limit):
                self._came()
                self._body += part
                if b'"w0' in self._body:
                    self.begun.set()
                if self._ask.leave_after and len(self._body) >= self._ask.leave_after:
                    return True
            self._came()
        return False

    async def _answered(self, session: aiohttp.ClientSession, limit: float) -> aiohttp.ClientResponse:
        asking = asyncio.ensure_future(session.post(self._url, data=self._ask.body()))
        try:
            while not (await asyncio.wait([asking], timeout=_LOOK_S))[0]:
                if time.monotonic() - max(self._sent, self._edge_since()) > limit:
                    raise TimeoutError
        finally:
            asking.cancel()
        self._heard = max(self._sent, self._edge_since())
        return asking.result()

    def _came(self) -> None:
        now = time.monotonic()
        self._silent = max(self._silent, now - self._heard - self._ask.pause_ms / 1000)
        self._heard = now

    def _judged(self, broken: str = "") -> Seen:
        end, said = judge(self._ask, self._status, bytes(self._body), broken=bool(broken))
        if end in {End.ERROR, End.ERROR_EVENT}:
            return self._seen(end, code=said)
        return self._seen(end, why=said or broken)

    def _seen(self, end: End, *, code: str = "", why: str = "") -> Seen:
        return Seen(
            ask=self._ask,
            end=end,
            sent_at=self._sent,
            ended_at=time.monotonic(),
            request_id=self._request_id,
            code=code,
            why=why,
            silent_s=self._silent,
        )


def judge(ask: Ask, status: int, body: bytes, *, broken: bool) -> tuple[End, str]:
    """The kind of end, and the error's code or what was wrong. `broken`: the connection did not end as HTTP ends."""
    if broken and (status != _OK or not ask.stream):
        return End.BROKEN, ""
    if status != _OK:
        code = _code(body)
        return (End.ERROR, code) if code is not None else (End.UNEXPLAINED, f"{status} {body[:80]!r}")
    if ask.stream:
        return _judge_stream(ask, body, broken=broken)
    text = orjson.loads(body)["choices"][0]["message"]["content"]
    return (End.WHOLE, "") if text == ask.text else (End.HOLE, repr(text[-80:]))


def _judge_stream(ask: Ask, body: bytes, *, broken: bool) -> tuple[End, str]:
    events = [event[6:] for event in body.split(b"\n\n")[:-1] if event.startswith(b"data: ")]
    ends = [n for n, event in enumerate(events) if event == _DONE or b'"error"' in event[:10]]
    said = events[: ends[0]] if ends else events
    text = "".join(_content(event) for event in said)
    if not ask.text.startswith(text):
        return End.HOLE, repr(text[-80:])
    if not ends:
        return (End.BROKEN, "") if broken else (End.CLEAN_CUT, f"after {len(text.split())} words")
    if ends[0] != len(events) - 1:
        return End.TWICE, repr(events[ends[0] + 1][:80])
    if events[-1] != _DONE:
        return End.ERROR_EVENT, _code(events[-1]) or ""
    return (End.WHOLE, "") if text == ask.text else (End.HOLE, f"{len(text.split())} words")


def _content(event: bytes) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in orjson.loads(event)["choices"])


def _code(body: bytes) -> str | None:
    """The code of an error in our shape; None where it is not."""
    try:
        error = orjson.loads(body)["error"]
        return str(error["code"]) if error["message"] and error["type"] else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
