"""OpenAI to OpenAI-compatible: the same bytes out, searched as bytes; JSON is read only where a search says so."""

import re
from typing import Any

import orjson

from libs.contracts.errors import InvalidRequest, NorthernError, UpstreamError
from libs.dialects.fields import obj, read_json, seq
from libs.dialects.form import Usage
from libs.dialects.openai_chat.errors import read_failure
from libs.dialects.openai_chat.usage import told_usage

EVENT_LIMIT = 4 << 20

_BOUNDARY = re.compile(rb"\n\r?\n")
_MODEL = re.compile(rb'"model"\s*:\s*"((?:[^"\\]|\\.)*)"')
_OBFUSCATION = re.compile(rb'"obfuscation"\s*:\s*"([^"]*)"')
# Quotes inside a JSON string are escaped, so these find members (or, rarely, a whole value): never part of a text.
_USAGE, _FINISH = b'"usage"', b'"finish_reason"'

# --- requests -----------------------------------------------------------------------------------------------------


def outgoing(body: bytes, *, model: str, stream: bool, stream_options: bytes) -> bytes:
    """`body` is one JSON object without `model` and `stream_options`; the caller's own options come beside it, or b"".

    A stream is always asked for its usage. InvalidRequest where the options are not an object.
    """
    front = b'{"model":' + orjson.dumps(model)
    if stream:
        front += b',"stream_options":' + _with_usage(stream_options)
    elif stream_options:
        front += b',"stream_options":' + stream_options
    # The body may be 32 MiB: it is copied once.
    empty = body[1:64].lstrip().startswith(b"}")
    return b"".join((front, b"" if empty else b",", memoryview(body)[1:]))


def for_thinkers(body: bytes) -> bytes:
    """`max_tokens` under the name that OpenAI's reasoning models know it by, unless the caller gives that himself.

    They refuse the older name, and there are programs that know no other. The rest is the same JSON value.
    """
    if b'"max_tokens"' not in body or b'"max_completion_tokens"' in body:
        return body
    asked = orjson.loads(body)
    if "max_tokens" not in asked:
        return body
    names = {"max_tokens": "max_completion_tokens"}
    return orjson.dumps({names.get(name, name): value for name, value in asked.items()})


def _with_usage(stream_options: bytes) -> bytes:
    try:
        given = orjson.loads(stream_options or b"{}")
    except ValueError as error:
        raise InvalidRequest("'stream_options' must be an object.", param="stream_options") from error
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise InvalidRequest("'stream_options' must be an object.", param="stream_options")
    return orjson.dumps({**given, "include_usage": True})


# --- answers ------------------------------------------------------------------------------------------------------


def read_answer(body: bytes, model: str | None) -> tuple[bytes, Usage | None, int]:
    """The bytes to give on, the usage, the bytes of model output. UpstreamError where a 200 holds no answer."""
    try:
        answer = read_json(body)
    except ValueError as error:  # orjson's error repeats the document
        raise UpstreamError("The provider answered something that is not JSON; try again.") from error
    if failure := read_failure(answer):
        raise failure
    if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list):
        raise UpstreamError("The provider answered something that is not a chat completion; try again.")
    output = sum(_text_bytes(obj(obj(choice).get("message"))) for choice in answer["choices"])
    usage = told_usage(answer)
    return (body if model is None else _renamed(body, answer, model)), usage, output


def _renamed(body: bytes, answer: dict[str, Any], model: str) -> bytes:
    found = _MODEL.findall(body)
    if len(found) == 1 and isinstance(answer.get("model"), str):
        return _MODEL.sub(lambda _: b'"model":' + orjson.dumps(model), body)
    try:
        return orjson.dumps({**answer, "model": model})  # absent, or a nested member of that name: which one is which?
    except TypeError as error:  # nested deeper than orjson writes
        raise UpstreamError("The provider's answer is nested too deeply; try again.") from error


def _text_bytes(message: dict[str, Any]) -> int:
    """Of a message or a delta: what the model wrote, without the JSON around it."""
    calls = [obj(obj(call).get("function")) for call in seq(message.get("tool_calls"))]
    calls.append(obj(message.get("function_call")))
    said = [message.get(name) for name in ("content", "reasoning_content", "reasoning", "refusal")]
    said += [call.get(name) for call in calls for name in ("name", "arguments")]
    return sum(len(each.encode("utf-8", "replace")) for each in said if isinstance(each, str))


# --- streams ------------------------------------------------------------------------------------------------------


class OpenAIStream:
    """Whole SSE events in, the same bytes out, whatever the pieces they came in. Nothing is raised: see `error`.

    `started`: the model has said something. `finished`: every choice has its finish reason. `done`: `[DONE]` was seen;
    it is held back, for the end must first be on record. A stream that ends with neither was cut.
    """

    def __init__(self, include_usage: bool, model: bytes | None = None, choices: int = 1) -> None:
        self.started = False
        self.done = False
        self.usage: Usage | None = None
        self.error: NorthernError | None = None
        self._include_usage = include_usage
        self._model = None if model is None else b'"model":' + orjson.dumps(model.decode())
        self._upstream_model = b""  # the member as the provider writes it, once seen
        self._choices = choices
        self._finishes = 0
        self._tail = bytearray()
        self._exact = 0  # output bytes of the events that were read
        self._unread = 0  # length of the events that were not
        self._events = 0  # their number
        self._envelope = 0  # length of an event but for the model's words
        self._obfuscated = False

    @property
    def finished(self) -> bool:
        return self._finishes >= self._choices

    @property
    def output_bytes(self) -> int:
        """An estimate for when no usage arrives: unread events count by length, less the envelope of the first."""
        return self._exact + max(0, self._unread - self._events * self._envelope)

    def feed(self, data: bytes) -> bytes:
        """The events that are whole now, to be forwarded; what is left of `data` waits for its end."""
        if self.done or self.error is not None:
            return b""
        if self._tail:
            searched = max(len(self._tail) - 2, 0)
            self._tail += data
            end = _end(self._tail, searched)
            block = bytes(self._tail[:end])
            del self._tail[:end]
        else:
            end = _end(data, 0)
            block = data[:end]
            self._tail += data[end:]
        out = self._forward(block) if block else b""
        if len(self._tail) > EVENT_LIMIT and not self.done:
            self._fail_oversize()
        return out

    def _forward(self, block: bytes) -> bytes:
        if self._is_plain(block):
            self._count(block)
            return block if self._model is None else self._with_model(block)
        forwarded, at, waiting = [], 0, not self.started
        for event in _split(block):
            forwarded.append(self._read(event))
            at += len(event)
            if waiting and self.started:  # most of what is left is alike, and looked at in one
                forwarded.append(self._forward(block[at:]))
                break
        return b"".join(forwarded)

    def _is_plain(self, block: bytes) -> bool:
        """Whether every event in it is one more delta, of which nothing is needed but its length."""
        return (
            self.started
            and len(block) <= EVENT_LIMIT
            and b"[DONE]" not in block
            and b'"error"' not in block
            and _all_null(block, _USAGE)
            and _all_null(block, _FINISH)
            and b"\n:" not in block
            and not block.startswith(b":")
        )

    def _count(self, block: bytes) -> None:
        self._events += block.count(b"\ndata:") + block.startswith(b"data:")
        self._unread += len(block)
        if self._obfuscated:
            self._unread -= sum(map(len, _OBFUSCATION.findall(block)))

    def _read(self, event: bytes) -> bytes:
        """One event: what of it is forwarded."""
        if self.done or self.error is not None:
            return b""
        if len(event) > EVENT_LIMIT:
            return self._fail_oversize()
        if self._is_plain(event):
            self._count(event)
            return event if self._model is None else self._with_model(event)
        data = _data(event)
        if not data:
            return event  # a comment
        if data == b"[DONE]":
            self.done = True
            return _blank_lead(event)
        try:
            chunk = read_json(data)
        except ValueError:
            self.error = UpstreamError("The provider's stream holds something that is not JSON; try again.")
            return _blank_lead(event)
        self.error = read_failure(chunk)
        return _blank_lead(event) if self.error is not None else self._chunk(event, obj(chunk))

    def _chunk(self, event: bytes, chunk: dict[str, Any]) -> bytes:
        choices = [obj(choice) for choice in seq(chunk.get("choices"))]
        self._finishes += sum(1 for choice in choices if choice.get("finish_reason"))
        said = sum(_text_bytes(obj(choice.get("delta"))) for choice in choices)
        self._exact += said
        if said and not self.started:
            self.started = True
            padding = _OBFUSCATION.search(event)
            self._obfuscated = padding is not None
            self._envelope = len(event) - said - (len(padding[1]) if padding else 0)
        usage = told_usage(chunk)
        if usage is not None:
            self.usage = usage
            if not choices and not self._include_usage:
                return _blank_lead(event)
        return event if self._model is None else self._with_model(event)

    def _with_model(self, block: bytes) -> bytes:
        """By the bytes of the member as the provider writes it; where an event writes it otherwise, by search."""
        new = self._model or b""
        if not self._upstream_model and (found := _MODEL.search(block)) and found[1]:
            self._upstream_model = found[0]
        if self._upstream_model and block.count(self._upstream_model) == block.count(b'"model"'):
            return block.replace(self._upstream_model, new)
        return b"".join(_MODEL.sub(lambda _: new, event, count=1) for event in _split(block))

    def _fail_oversize(self) -> bytes:
        self.error = UpstreamError("The provider sent an event beyond the limit of 4 MiB; try again.")
        self._tail.clear()
        return b""


def _end(data: bytes | bytearray, start: int) -> int:
    """Where the last whole event ends (a blank line, in either kind of line ending), 0 if none does."""
    if data.endswith(b"\n\n"):
        return len(data)
    return max((at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := data.rfind(end, start)) >= 0), default=0)


def _split(block: bytes) -> list[bytes]:
    ends = [match.end() for match in _BOUNDARY.finditer(block)]
    if not ends or ends[-1] < len(block):
        ends.append(len(block))  # a blank line too many
    return [block[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _blank_lead(event: bytes) -> bytes:
    """Blank lines too many before an event that is held back: they may have been forwarded already, or not."""
    return event[: len(event) - len(event.lstrip(b"\r\n"))]


def _data(event: bytes) -> bytes:
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines).strip()


def _all_null(block: bytes, member: bytes) -> bool:
    found = block.count(member)
    return not found or found == block.count(member + b":null") or found == block.count(member + b": null")
