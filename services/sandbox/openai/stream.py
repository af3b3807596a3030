"""Renders chat completions as server-sent events, with everything but the token made in advance."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from services.sandbox.domain import Answer
from services.sandbox.openai.answer import (
    FILTERED,
    FILTERS,
    call_id,
    envelope,
    finish_reason,
    is_refusal,
    logprobs,
    usage,
    visible,
)
from services.sandbox.openai.houses import ChatAsk, House
from services.sandbox.wire import Script

Json = dict[str, Any]  # what goes on the wire

_MARK = "\x00token\x00"  # stands in the pre-rendered event where the token goes
_HIDING = "\x00hiding\x00"  # and where the obfuscation does
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_HIDDEN = 16  # a token of up to as many bytes and its obfuscation have one length together
DONE = b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def script(ask: ChatAsk, said: Answer, reply_id: str, created: int, house: House) -> Script:
    """The events of a stream. Azure's begins with an empty chunk that carries its prompt filter's results."""
    chunk = _Chunks(ask, said, reply_id, created, house)
    opening = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTERS}],
    }
    first: Json = {"role": "assistant", "content": None if said.calls and not said.pieces else "", "refusal": None}

    def tail(_: int) -> bytes:
        ends = [chunk.of(i, {}, finish_reason(said, house)) for i in range(ask.n)]
        return b"".join([*ends, chunk.usage() if ask.include_usage else b"", DONE])

    return Script(
        content_type="text/event-stream; charset=utf-8",
        opening=event(opening) if house is House.AZURE else b"",
        head=b"".join(chunk.of(i, first) for i in range(ask.n)),
        events=_events(ask, said, reply_id, chunk, house),
        tail=tail,
        error=_error,
        garbage=b'data: {"id":"chatcmpl-\xff\xfe\xfa","choices":[{"delta":\n\n',
    )


class _Chunks:
    """Makes the chunks of one stream; what they share is made once."""

    def __init__(self, ask: ChatAsk, said: Answer, reply_id: str, created: int, house: House) -> None:
        self._common = envelope(ask, reply_id, created, "chat.completion.chunk")
        self._ask, self._said, self._house = ask, said, house
        # A chunk that was ordered to have a size hides its token by that.
        self._obfuscated = ask.obfuscated and not said.event_bytes
        self._tokens = 0

    def of(self, index: int, delta: Json, finish: str | None = None, likely: Json | None = None) -> bytes:
        choice: Json = {"index": index, "delta": delta, "finish_reason": finish}
        if likely is not None:
            choice["logprobs"] = likely
        if self._house is House.AZURE:
            choice["content_filter_results"] = self._filters(delta, finish)
        body = self._common | {"choices": [choice]}
        if self._ask.usage_in_each:
            body["usage"] = self._usage_so_far()
        elif self._ask.include_usage:
            body["usage"] = None
        if self._obfuscated:
            body["obfuscation"] = _HIDING if _MARK in delta.values() else _hiding(orjson.dumps(delta))
        return event(body)

    def usage(self) -> bytes:
        body = self._common | {"choices": [], "usage": usage(self._ask, self._said, self._house)}
        return event(body | ({"obfuscation": _hiding(b"")} if self._obfuscated else {}))

    def tokens(self, member: str, pieces: list[str]) -> Iterator[bytes]:
        """One event for each piece and choice, as `delta.member`."""
        if self._ask.logprobs is not None or self._ask.usage_in_each:
            yield from self._one_by_one(member, pieces)
            return
        around = [self._around(i, member) for i in range(self._ask.n)]
        dumps: Callable[[str], bytes] = orjson.dumps
        for piece in pieces:
            token = dumps(piece)
            for before, after, end in around:
                made = before + token + (after + _hiding(token).encode() + end if self._obfuscated else after)
                missing = self._said.event_bytes - len(made)
                yield made if missing <= 0 else before + dumps(f"{piece[:-1]}{'.' * missing}{piece[-1:]}") + after

    def _one_by_one(self, member: str, pieces: list[str]) -> Iterator[bytes]:
        for piece in pieces:
            self._tokens += 1
            wanted = self._ask.logprobs is not None and member == "content"
            likely = logprobs([piece], self._ask.logprobs or 0) if wanted else None
            for i in range(self._ask.n):
                yield self.of(i, {member: piece}, likely=likely)

    def _around(self, index: int, member: str) -> tuple[bytes, bytes, bytes]:
        """The bytes before and after a token, quotes left to the token, and those after its obfuscation."""
        before, after = self.of(index, {member: _MARK}).split(orjson.dumps(_MARK))
        if not self._obfuscated:
            return before, after, b""
        between, end = after.split(orjson.dumps(_HIDING)[1:-1])
        return before, between, end

    def _filters(self, delta: Json, finish: str | None) -> Json:
        if finish == "content_filter":
            return FILTERED
        return FILTERS if "content" in delta and "role" not in delta else {}

    def _usage_so_far(self) -> Json:
        prompt, said = self._said.input_tokens, self._tokens * self._ask.n
        return {"prompt_tokens": prompt, "total_tokens": prompt + said, "completion_tokens": said}


def _events(ask: ChatAsk, said: Answer, reply_id: str, chunk: _Chunks, house: House) -> Iterator[bytes]:
    if ask.thoughts_shown:
        yield from chunk.tokens("reasoning_content", list(said.thoughts))
    yield from chunk.tokens("refusal" if is_refusal(said, house) else "content", list(visible(said, house)))
    for i in range(ask.n):
        for k, call in enumerate(said.calls):
            named = {"index": k, "id": call_id(reply_id, i, k), "type": "function"}
            start = chunk.of(i, {"tool_calls": [named | {"function": {"name": call.name, "arguments": ""}}]})
            for piece in call.pieces:
                yield start + chunk.of(i, {"tool_calls": [{"index": k, "function": {"arguments": piece}}]})
                start = b""


def _hiding(shown: bytes) -> str:
    return _LETTERS[: max(1, _HIDDEN - len(shown))]


def _error(name: str) -> bytes:
    limited = name == "throttling"
    error = {
        "message": "Rate limit reached."
        if limited
        else "The server had an error while processing your request. Sorry about that!",
        "type": "requests" if limited else "server_error",
        "param": None,
        "code": "rate_limit_exceeded" if limited else None,
    }
    return event({"error": error})
