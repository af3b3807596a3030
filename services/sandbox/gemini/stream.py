"""Renders streamGenerateContent: chunks as server-sent events or as one JSON array, usage in each of them."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from services.sandbox.domain import Answer, Finish
from services.sandbox.gemini.answer import (
    call_parts,
    candidate,
    envelope,
    logprobs,
    prompt_feedback,
    prompt_is_blocked,
    text_signature,
    usage,
)
from services.sandbox.gemini.refusals import EXHAUSTED, error_of
from services.sandbox.gemini.request import GeminiAsk
from services.sandbox.wire import Script

Json = dict[str, Any]  # what goes on the wire

_FALTERS_AT = 3  # every third chunk's usage is behind the one before, as has been seen of Google's
_ERRORS = {
    "throttling": (429, EXHAUSTED),
    "modelStreamError": (500, "Internal error encountered."),
    "internalServer": (500, "Internal error encountered."),
    "serviceUnavailable": (503, "The model is overloaded. Please try again later."),
    "validation": (400, "Request contains an invalid argument."),
}


def script(ask: GeminiAsk, said: Answer, reply_id: str, create_time: str) -> Script:
    """The chunks of a stream; its last ones carry the finish reasons and the usage that holds."""
    frame, finish = (_event, _last_events) if ask.sse else (_element, _last_elements)
    chunks = _Chunks(ask, said, reply_id, create_time)

    def error(name: str) -> bytes:
        status, message = _ERRORS[name]
        return finish([orjson.dumps(error_of(status, message))])

    return Script(
        content_type="text/event-stream" if ask.sse else "application/json; charset=UTF-8",
        opening=b"" if ask.sse else b"[",
        head=b"",
        events=map(frame, chunks.content(len(frame(b"")))),
        tail=lambda _: finish(chunks.last()),
        error=error,
        garbage=b'data: {"candidates": [{"content": {"parts": [{"text": "\xff\xfe\xfa\r\n\r\n',
    )


def _event(chunk: bytes) -> bytes:
    """A server-sent event; Google ends its lines as HTTP does."""
    return b"data: " + chunk + b"\r\n\r\n"


def _last_events(chunks: Iterable[bytes]) -> bytes:
    return b"".join(map(_event, chunks))


def _element(chunk: bytes) -> bytes:
    """One of a JSON array, and not its last."""
    return chunk + b",\r\n"


def _last_elements(chunks: Iterable[bytes]) -> bytes:
    return b",\r\n".join(chunks) + b"]"


class _Chunks:
    """Makes the chunks of one stream; what they share is made once."""

    def __init__(self, ask: GeminiAsk, said: Answer, reply_id: str, create_time: str) -> None:
        self._ask, self._said, self._reply_id = ask, said, reply_id
        self._common = envelope(ask, reply_id, create_time)
        self._ending = b"," + orjson.dumps(self._common)[1:]
        self._count = 0

    def content(self, around: int) -> Iterator[bytes]:
        """One chunk for each token and candidate, and one for each call; `around`: bytes of a frame."""
        ask, said = self._ask, self._said
        if said.finish is Finish.REFUSED:
            return
        for piece in said.thoughts if ask.thoughts_shown else ():
            yield from self._for_each({"text": piece, "thought": True})
        for piece in said.pieces:
            for made in self._for_each(
                {"text": piece}, {} if ask.logprobs is None else logprobs([piece], ask.logprobs)
            ):
                missing = said.event_bytes - around - len(made)
                yield made if missing <= 0 else made.replace(_text(piece), _text(_longer(piece, missing)), 1)
        for i in range(ask.n):
            for part in call_parts(ask, said.calls, self._reply_id, i):
                yield self._chunk(i, part, {})

    def last(self) -> Iterator[bytes]:
        """The ends of all candidates."""
        ask, said = self._ask, self._said
        body: Json = {"usageMetadata": usage(ask, said)} | self._common
        if prompt_is_blocked(ask, said):
            yield orjson.dumps(prompt_feedback() | body)
            return
        # The signature of a text comes when the text is out, on a part of its own; without a text there is no part.
        empty = said.finish is Finish.LENGTH and not said.pieces
        parts = [] if empty else [{"text": ""} | text_signature(ask, said)]
        for i in range(ask.n):
            yield orjson.dumps({"candidates": [candidate(i, parts, said)]} | body)

    def _for_each(self, part: Json, more: Json | None = None) -> Iterator[bytes]:
        for i in range(self._ask.n):
            yield self._chunk(i, part, more or {})

    def _chunk(self, index: int, part: Json, more: Json) -> bytes:
        numbered: Json = {"index": index} if index else {}
        found = {"content": {"role": "model", "parts": [part]}} | numbered | more
        return b"".join((b'{"candidates":[', orjson.dumps(found), b'],"usageMetadata":', self._usage(), self._ending))

    def _usage(self) -> bytes:
        self._count += 1
        prompt, thoughts = self._said.input_tokens, len(self._said.thoughts) * self._ask.n
        candidates = self._count // 2 if self._count % _FALTERS_AT == 0 else self._count
        return (
            b'{"promptTokenCount":%d,"candidatesTokenCount":%d,"totalTokenCount":%d,"thoughtsTokenCount":%d,'
            b'"trafficType":"ON_DEMAND"}' % (prompt, candidates, prompt + candidates + thoughts, thoughts)
        )


def _text(piece: str) -> bytes:
    return b'"text":' + orjson.dumps(piece)


def _longer(piece: str, missing: int) -> str:
    """The piece with dots before its last character, so that words stay apart."""
    return f"{piece[:-1]}{'.' * missing}{piece[-1:]}"
