"""Anthropic's format on both sides: the same bytes out, searched as bytes; JSON is read only where counts stand."""

import re
from typing import Any

import orjson

from libs.contracts.errors import NorthernError, UpstreamError
from libs.dialects import failures
from libs.dialects.anthropic_messages import marks
from libs.dialects.anthropic_messages.answer import written
from libs.dialects.anthropic_messages.errors import stream_failure
from libs.dialects.anthropic_messages.foreign import may_hold_foreign, without_foreign
from libs.dialects.anthropic_messages.usage import fresher, read_usage
from libs.dialects.fields import count, obj, read_json, string
from libs.dialects.form import Usage
from libs.dialects.sse import EVENT_LIMIT, WholeEvents, each_event, read_event, too_large

MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_MODEL = re.compile(rb'"model"\s*:\s*"((?:[^"\\]|\\.)*)"')
_NAME = re.compile(rb"[a-z_]{1,64}")
_EVENT_NAME = re.compile(rb"(?:^|\n)event: ?([a-z_]{1,64})\r?\n")
_TYPE_FIRST = re.compile(rb'\s*\{\s*"type"\s*:\s*"([a-z_]{1,64})"')
# Quotes inside a JSON string are escaped, so these find members: never part of a text.
_DELTA = re.compile(rb'"(text|thinking|partial_json)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_DELTA_TYPES = {b"text": b'"text_delta"', b"thinking": b'"thinking_delta"', b"partial_json": b'"input_json_delta"'}
_DELTA_HEAD = b"event: content_block_delta\ndata:"
_EMPTY_START = re.compile(rb'"(?:text|thinking)"\s*:\s*""')

# --- requests -----------------------------------------------------------------------------------------------------


def outgoing(body: bytes, front: dict[str, Any], *, cloud: bool = False) -> bytes:
    """`body` is one JSON object, without `model` and `stream`; the members of `front` stand before its own.

    A caller's own `anthropic_version` or `anthropic_beta` gives way to that of `front`, thoughts that are not a
    Claude's stay behind, and marks that a `cloud` refuses are changed to what it takes: only then is the body parsed.
    """
    ours = any(name.startswith("anthropic_") and b'"%b"' % name.encode() in body for name in front)
    marked = cloud and marks.may_be_refused(body)
    if ours or marked or may_hold_foreign(body):
        given = without_foreign(obj(orjson.loads(body)))
        given = marks.without_refused(given) if marked else given
        return orjson.dumps(front | {name: v for name, v in given.items() if name not in front})
    if not front:
        return body
    # The body may be 32 MiB: it is copied once.
    empty = body[1:64].lstrip().startswith(b"}")
    return b"".join((orjson.dumps(front)[:-1], b"" if empty else b",", memoryview(body)[1:]))


# --- answers ------------------------------------------------------------------------------------------------------


def read_answer(body: bytes, model: str | None) -> tuple[bytes, Usage | None, int]:
    """The bytes to give on, the usage, the bytes of model output. UpstreamError where a 200 holds no answer."""
    answer = _parsed(body)
    if failure := _failure(answer):
        raise failure
    if not isinstance(answer.get("content"), list):
        raise UpstreamError("The provider answered something that is not a message; try again.")
    output = sum(_said(obj(block)) for block in answer["content"])
    given_on = body if answer.get("model") == model else _renamed(body, answer, answer, model)
    return given_on, read_usage(answer.get("usage")), output


def _said(block: dict[str, Any]) -> int:
    """Bytes of what the model wrote, without the JSON around it."""
    text = string(block.get("text")) + string(block.get("thinking"))
    arguments = len(written(block["input"])) if isinstance(block.get("input"), dict) else 0
    return len(text.encode("utf-8", "replace")) + arguments


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        return obj(read_json(data))
    except ValueError as error:  # orjson's error repeats the document
        raise UpstreamError("The provider answered something that is not JSON; try again.") from error


def _renamed(raw: bytes, whole: dict[str, Any], message: dict[str, Any], model: str | None) -> bytes:
    """`raw` with the model's name changed in `message`, which is `whole` or a member of it."""
    if model is None:
        return raw
    if _leads(raw, 1 if message is whole else 2) and isinstance(message.get("model"), str):
        return _MODEL.sub(lambda _: b'"model":' + orjson.dumps(model), raw, count=1)
    message["model"] = model  # absent, or a nested member of that name: which one is which?
    return written(whole)


def _leads(raw: bytes, depth: int) -> bool:
    """Whether the first member of that name is the message's own: nothing was opened ahead of it, or it is alone."""
    at = raw.find(b'"model"')
    return at >= 0 and (raw.count(b"{", 0, at) == depth or raw.count(b'"model"') == 1)


def _failure(event: dict[str, Any]) -> NorthernError | None:
    """Anthropic's error, or Google's where Claude runs on Vertex; None where there is neither."""
    if event.get("type") == "error":
        return stream_failure(event)
    if event.get("type") is not None or not event.get("error"):
        return None
    error = obj(event["error"])
    code = count(error.get("code"))
    return failures.from_status(code if 400 <= code < 600 else 500, string(error.get("message")))  # noqa: PLR2004 - HTTP's


# --- streams ------------------------------------------------------------------------------------------------------


class AnthropicStream:
    """Whole SSE events in, the same bytes out, whatever the pieces they came in. Nothing is raised: see `error`.

    `started`: the model has said something. `finished`: it said why it stopped. `done`: `message_stop` was seen; it is
    held back for `finish()`, for the end must first be on record. A stream that ends with neither was cut.
    """

    def __init__(self, model: bytes | None = None) -> None:
        self.started = False
        self.finished = False
        self.done = False
        self.usage: Usage | None = None
        self.error: NorthernError | None = None
        self.output_bytes = 0  # by length, less what stands around the model's words: for when no usage arrives
        self._model = None if model is None else model.decode()
        self._whole = WholeEvents()
        self._end = MESSAGE_STOP
        self._usage_members: dict[str, Any] = {}
        self._envelopes: dict[bytes, int] = {}  # a delta's type -> length of its event but for the model's words

    def feed(self, data: bytes) -> bytes:
        """The events that are whole now, to be forwarded; what is left of `data` waits for its end."""
        if self.done or self.error is not None:
            return b""
        try:
            block = self._whole.feed(data)
        except UpstreamError as error:
            self.error = error
            return b""
        return self._forward(block)

    def finish(self) -> bytes:
        """What is sent last, once the end is on record."""
        return self._end

    def _forward(self, block: bytes) -> bytes:
        if not block or self._is_plain(block):
            return block
        return b"".join(map(self._read, each_event(block)))

    def _is_plain(self, block: bytes) -> bool:
        """Whether every event in it is one more delta, of which nothing is needed but its length."""
        if not self.started or b"message_" in block or b"error" in block or len(block) > EVENT_LIMIT:
            return False
        deltas = around = 0
        for mark, length in self._envelopes.items():
            found = block.count(mark)
            deltas += found
            around += found * length
        # All data is that of deltas by name, which is not parsed one by one either: pieces make no difference.
        if not deltas or not block.startswith(b"event:"):
            return False
        if not deltas == block.count(_DELTA_HEAD) == block.count(b"\ndata:"):
            return False
        self.output_bytes += max(0, len(block) - around)
        return True

    def _read(self, event: bytes) -> bytes:
        """One event: what of it is forwarded."""
        if self.done or self.error is not None:
            return b""
        try:
            return self._known(event)
        except NorthernError as error:
            self.error = error
            return b""

    def _known(self, event: bytes) -> bytes:
        if len(event) > EVENT_LIMIT:
            raise too_large()
        match _kind(event):
            case b"content_block_delta":
                self._count(event)
            case b"content_block_start":
                self.started = self.started or not _EMPTY_START.search(event)
            case b"message_start":
                return self._message_start(event)
            case b"message_delta":
                payload = _payload(event)
                self._counted(payload.get("usage"))
                self.finished = self.finished or obj(payload.get("delta")).get("stop_reason") is not None
            case b"message_stop":
                self.done, self._end = True, event
                return b""
            case b"error":
                payload = _payload(event)
                raise _failure(payload) or stream_failure(payload)
            case _:
                pass  # a ping, a comment, or what is too new to be known
        return event

    def _count(self, event: bytes) -> None:
        """The first delta of each type shows how much stands around the words; signatures and citations are none."""
        found = _DELTA.search(event)
        if found is None or (mark := _DELTA_TYPES[found[1]]) not in event:
            return
        self._envelopes[mark] = len(event) - len(found[2])
        self.output_bytes += len(found[2])
        self.started = self.started or bool(found[2])

    def _message_start(self, event: bytes) -> bytes:
        payload = _payload(event)
        message = obj(payload.get("message"))
        self._counted(message.get("usage"))
        if self._model is None or message.get("model") == self._model:
            return event
        if _MODEL.search(event) and _leads(event, 2) and isinstance(message.get("model"), str):
            return _renamed(event, payload, message, self._model)
        return b"event: message_start\ndata: " + _renamed(b"", payload, message, self._model) + b"\n\n"

    def _counted(self, told: object) -> None:
        self._usage_members = fresher(self._usage_members, told)
        self.usage = read_usage(self._usage_members)


class EventFrames(AnthropicStream):
    """The same stream where Bedrock's InvokeModelWithResponseStream frames its events: each payload is one event."""

    def frame(self, payload: bytes) -> bytes:
        """The payload as a server-sent event, or what of it is forwarded."""
        if self.done or self.error is not None:
            return b""
        try:
            return self._forward(_framed(payload))
        except UpstreamError as error:
            self.error = error
            return b""


def _framed(payload: bytes) -> bytes:
    """Parsed only where its type does not stand first, or where a line break would end the event's data early."""
    found = _TYPE_FIRST.match(payload)
    if found is not None and b"\n" not in payload and b"\r" not in payload:
        return b"event: %b\ndata: %b\n\n" % (found[1], payload)
    event = _parsed(payload)
    name = string(event.get("type")).encode("utf-8", "replace")
    if not _NAME.fullmatch(name):
        raise UpstreamError("The provider's stream holds an event without a type; try again.")
    return b"event: %b\ndata: %b\n\n" % (name, written(event))


def _kind(event: bytes) -> bytes:
    """The event's name, else its data's type; b"" for a comment. UpstreamError where the data is not JSON."""
    if found := _EVENT_NAME.search(event):
        return found[1]
    read = read_event(event)
    if read is None:
        return b""
    if found := _TYPE_FIRST.match(read.data):
        return found[1]
    payload = _parsed(read.data)
    return b"error" if _failure(payload) else string(payload.get("type")).encode("utf-8", "replace")


def _payload(event: bytes) -> dict[str, Any]:
    read = read_event(event)
    return _parsed(read.data) if read is not None else {}
