"""Renders chat completions: whole, and as server-sent events with everything but the token made in advance."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from services.sandbox.domain import Answer, Ask, Finish
from services.sandbox.wire import Script

Json = dict[str, Any]  # what goes on the wire

_FINISH = {
    Finish.END: "stop",
    Finish.LENGTH: "length",
    Finish.STOP_SEQUENCE: "stop",
    Finish.TOOLS: "tool_calls",
}
_SAFE = {"filtered": False, "severity": "safe"}
FILTERS: Json = {"hate": _SAFE, "self_harm": _SAFE, "sexual": _SAFE, "violence": _SAFE}
_MARK = "\x00token\x00"  # stands in the pre-rendered event where the token goes
DONE = b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def usage(said: Answer) -> Json:
    return {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(ask: Ask, said: Answer, reply_id: str, created: int, *, azure: bool) -> bytes:
    """The body of a call that did not ask for a stream."""
    choices = []
    for i in range(ask.n):
        message: Json = {"role": "assistant", "content": None if said.calls else said.text, "refusal": None}
        if said.calls:
            message["tool_calls"] = [
                {
                    "id": _call_id(reply_id, i, k),
                    "type": "function",
                    "function": {"name": c.name, "arguments": c.arguments},
                }
                for k, c in enumerate(said.calls)
            ]
        choice: Json = {"index": i, "message": message, "logprobs": None, "finish_reason": _FINISH[said.finish]}
        choices.append(choice | {"content_filter_results": FILTERS} if azure else choice)
    body = _envelope(ask, reply_id, created, "chat.completion")
    body |= {"choices": choices, "usage": usage(said), "service_tier": "default", "system_fingerprint": "fp_sandbox"}
    if azure:
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": FILTERS}]
    return orjson.dumps(body)


def script(ask: Ask, said: Answer, reply_id: str, created: int, *, azure: bool) -> Script:
    """The events of a stream. Azure's begins with an empty chunk that carries its prompt filter's results."""
    chunk = _Chunks(ask, reply_id, created, azure=azure)
    opening = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTERS}],
    }
    tail = [chunk.of(i, {}, _FINISH[said.finish]) for i in range(ask.n)]
    if ask.include_usage:
        tail.append(chunk.usage(said))
    first: Json = {"role": "assistant", "content": None if said.calls else "", "refusal": None}
    ending = b"".join([*tail, DONE])
    return Script(
        content_type="text/event-stream; charset=utf-8",
        opening=event(opening) if azure else b"",
        head=b"".join(chunk.of(i, first) for i in range(ask.n)),
        events=_calls(ask, said, reply_id, chunk) if said.calls else _texts(ask, said, chunk),
        tail=lambda _: ending,
        error=_error,
        garbage=b'data: {"id":"chatcmpl-\xff\xfe\xfa","choices":[{"delta":\n\n',
    )


class _Chunks:
    """Makes the chunks of one stream; what they share is made once."""

    def __init__(self, ask: Ask, reply_id: str, created: int, *, azure: bool) -> None:
        self._common = _envelope(ask, reply_id, created, "chat.completion.chunk")
        self._azure, self._usage = azure, ask.include_usage

    def of(self, index: int, delta: Json, finish: str | None = None) -> bytes:
        choice: Json = {"index": index, "delta": delta, "finish_reason": finish}
        if self._azure:
            choice["content_filter_results"] = FILTERS if "content" in delta and "role" not in delta else {}
        return event(self._common | {"choices": [choice]} | ({"usage": None} if self._usage else {}))

    def usage(self, said: Answer) -> bytes:
        return event(self._common | {"choices": [], "usage": usage(said)})

    def around_token(self, index: int) -> tuple[bytes, bytes]:
        """The bytes before and after a token, quotes left to the token."""
        before, after = self.of(index, {"content": _MARK}).split(orjson.dumps(_MARK))
        return before, after


def _texts(ask: Ask, said: Answer, chunk: _Chunks) -> Iterator[bytes]:
    around = [chunk.around_token(i) for i in range(ask.n)]
    dumps: Callable[[str], bytes] = orjson.dumps
    for piece in said.pieces:
        token = dumps(piece)
        for before, after in around:
            made = before + token + after
            missing = said.event_bytes - len(made)
            yield made if missing <= 0 else before + dumps(f"{piece[:-1]}{'.' * missing}{piece[-1:]}") + after


def _calls(ask: Ask, said: Answer, reply_id: str, chunk: _Chunks) -> Iterator[bytes]:
    for i in range(ask.n):
        for k, call in enumerate(said.calls):
            named = {"index": k, "id": _call_id(reply_id, i, k), "type": "function"}
            start = chunk.of(i, {"tool_calls": [named | {"function": {"name": call.name, "arguments": ""}}]})
            for piece in call.pieces:
                yield start + chunk.of(i, {"tool_calls": [{"index": k, "function": {"arguments": piece}}]})
                start = b""


def _call_id(reply_id: str, choice: int, number: int) -> str:
    return f"call_{reply_id}{choice:02x}{number:02x}"


def _envelope(ask: Ask, reply_id: str, created: int, kind: str) -> Json:
    return {"id": f"chatcmpl-{reply_id}", "object": kind, "created": created, "model": ask.model}


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
