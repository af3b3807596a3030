"""A witness's answers (https://c2sp.org/tlog-witness) and its door: what is asked of it, decided and said over HTTP."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from cli.witness.memory import Memory
from libs.tlog.checkpoint import Checkpoint, open_checkpoint
from libs.tlog.merkle import EMPTY
from libs.tlog.note import Opened, VerifierKey, cosigned, signature_line
from libs.tlog.refusals import Reason, Refused
from libs.tlog.witnessing import PATH, SIZE_TYPE, AddCheckpoint, consistent

_LARGEST: Final = 64 << 10  # bytes: 63 hashes and a note with many signatures
_AT_ONCE: Final = 64
_OK, _MALFORMED, _UNTRUSTED, _UNKNOWN = 200, 400, 403, 404
_TOO_SLOW, _CONFLICT, _TOO_LARGE, _INCONSISTENT, _BUSY = 408, 409, 413, 422, 503


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Status, text, and its type."""

    status: int
    text: str
    type: str = "text/plain"


@dataclass(frozen=True, kw_only=True)
class Witness:
    """Cosigns, one checkpoint at a time. `now`: Unix seconds."""

    public: VerifierKey
    sign: Callable[[bytes], bytes]
    logs: Sequence[VerifierKey]
    memory: Memory
    now: Callable[[], float] = time.time
    _one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _running: "set[asyncio.Task[Answer]]" = field(default_factory=set, init=False)

    async def add_checkpoint(self, body: bytes) -> Answer:
        """What a log is answered. Raises OSError where the checkpoint cannot be kept: then nothing is signed."""
        try:
            asked = AddCheckpoint.read(body.decode())
            head, text = self._head(asked.note)
        except UnicodeDecodeError:
            return Answer(status=_MALFORMED, text="the body is not text\n")
        except Refused as refused:
            return _refusal(refused)
        if asked.old > head.size:
            return Answer(status=_MALFORMED, text="the old size is larger than the checkpoint's\n")
        # A task of its own: a log that hangs up must not leave this half done, and let the next one in.
        decided = asyncio.create_task(self._decided(asked, head, text))
        self._running.add(decided)
        decided.add_done_callback(self._done)
        return await asyncio.shield(decided)

    async def _decided(self, asked: AddCheckpoint, head: Checkpoint, text: str) -> Answer:
        async with self._one:  # compared and kept as one
            last = self.memory.last(head.origin)
            refusal = _against(last, asked, head)
            if refusal is not None:
                return refusal
            if head != last:
                await asyncio.to_thread(self.memory.keep, head)
            at = int(self.now())
            return Answer(status=_OK, text=signature_line(self.public, self.sign(cosigned(text, at)), at))

    def _done(self, decided: "asyncio.Task[Answer]") -> None:
        self._running.discard(decided)
        if not decided.cancelled():
            decided.exception()  # whoever still waits raises it; nobody may

    def _head(self, note: str) -> tuple[Checkpoint, str]:
        """By any of the keys that are trusted for its origin, and the whole text. Raises Refused."""
        keys = [key for key in self.logs if key.name == note.partition("\n")[0]]
        if not keys:
            raise Refused(Reason.WRONG_ORIGIN, "no log of that origin is known here")
        head, opened = _opened(note, keys)
        return head, opened.text


def _opened(note: str, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, Opened]:
    *others, last = keys
    for key in others:
        try:
            return open_checkpoint(note, key)
        except Refused:
            pass
    return open_checkpoint(note, last)


def _refusal(refused: Refused) -> Answer:
    match refused.reason:
        case Reason.WRONG_ORIGIN:
            status = _UNKNOWN
        case Reason.UNKNOWN_KEY | Reason.BAD_SIGNATURE:
            status = _UNTRUSTED
        case _:
            status = _MALFORMED
    return Answer(status=status, text=f"{refused.reason}: {refused.message}\n")


def _against(last: Checkpoint | None, asked: AddCheckpoint, head: Checkpoint) -> Answer | None:
    """Why `head` is not cosigned; None where it may be."""
    known = last.size if last else 0
    if asked.old != known:
        return Answer(status=_CONFLICT, text=f"{known}\n", type=SIZE_TYPE)
    if last is not None and head.size == last.size and head.root != last.root:
        return Answer(status=_CONFLICT, text=f"{Reason.INCONSISTENT}: another tree of {head.size} was cosigned here\n")
    if (not known and asked.path) or (not head.size and head.root != EMPTY):
        return Answer(status=_INCONSISTENT, text=f"{Reason.INCONSISTENT}: from nothing on there is no proof\n")
    try:
        consistent(last, asked, head)
    except Refused as refused:
        return Answer(status=_INCONSISTENT, text=f"{refused.reason}: {refused.message}\n")
    return None


@dataclass(frozen=True, kw_only=True)
class Door:
    """HTTP: bodies, deadlines and how many at once are limited."""

    witness: Witness
    deadline_s: float
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE), init=False)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post(f"/{PATH}", self._add_checkpoint)
        return app

    async def _add_checkpoint(self, request: web.Request) -> web.Response:
        if self._room.locked():
            return _response(Answer(status=_BUSY, text="too many at once; ask again in a moment\n"))
        async with self._room:
            try:
                async with asyncio.timeout(self.deadline_s):
                    answer = await self.witness.add_checkpoint(await request.read())
            except TimeoutError:
                answer = Answer(status=_TOO_SLOW, text="that took too long\n")
            except web.HTTPRequestEntityTooLarge:
                answer = Answer(status=_TOO_LARGE, text=f"a body has at most {_LARGEST} bytes\n")
            except OSError:
                answer = Answer(status=_BUSY, text="what was seen cannot be kept right now, so nothing is signed\n")
        return _response(answer)


def _response(answer: Answer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.text.encode(), headers={"Content-Type": answer.type})
    if answer.status in {_TOO_SLOW, _TOO_LARGE}:
        response.force_close()  # what is still to come is not waited for
    return response
