"""Renders Messages answers: whole, and as events with everything but the token made in advance."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from services.sandbox.anthropic.blocks import FAMILY, REDACTED, Transport
from services.sandbox.anthropic.models import said_name
from services.sandbox.domain import Answer, Ask, Call, Finish
from services.sandbox.eventstream import frame, headers_of
from services.sandbox.model import seals

Json = dict[str, Any]  # what goes on the wire

_STOP = {
    Finish.END: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.TOOLS: "tool_use",
    Finish.REFUSED: "refusal",
}
_REFUSED: Json = {
    "type": "refusal",
    "category": "general_harms",
    "explanation": "The sandbox was asked to refuse this.",
}
_INFIX = {Transport.DIRECT: "01", Transport.BEDROCK: "bdrk_01", Transport.VERTEX: "vrtx_01"}
_MARK = "\x00token\x00"  # stands in the pre-rendered event where the token goes
_PADDING = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_CHUNK = headers_of({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"})


_CUMULATIVE = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "output_tokens_details",
)


class Envelope(Protocol):
    """How one event stands on the wire."""

    def event(self, payload: bytes, kind: str) -> bytes:
        """An event, given its JSON."""

    def padded(self, before: bytes, piece: str, after: bytes, size: int) -> bytes:
        """The event of a piece of text, `size` bytes long if that is more than it needs."""


class Sse:
    """Server-sent events, each named as its type."""

    def event(self, payload: bytes, kind: str) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), payload)

    def padded(self, before: bytes, piece: str, after: bytes, size: int) -> bytes:
        made = self.event(before + _quoted(piece) + after, "content_block_delta")
        missing = size - len(made)
        if missing <= 0:
            return made
        return self.event(before + _quoted(_dotted(piece, missing)) + after, "content_block_delta")


class Frames:
    """Bedrock's event stream: the JSON as base64, and a padding that hides how long the token is."""

    def event(self, payload: bytes, kind: str) -> bytes:  # noqa: ARG002 - the JSON says it
        return self._frame(payload, 1 + len(payload) % len(_PADDING))

    def padded(self, before: bytes, piece: str, after: bytes, size: int) -> bytes:
        payload = before + _quoted(piece) + after
        made = self.event(payload, "")
        missing = size - len(made)
        if missing <= 0:
            return made
        # Four bytes of base64 hold three: what the dots do not fill exactly, the padding does.
        payload = before + _quoted(_dotted(piece, max(0, missing * 3 // 4 - 3))) + after
        bare = len(self._frame(payload, 0))
        return self._frame(payload, max(1, size - bare))

    def _frame(self, payload: bytes, padding: int) -> bytes:
        letters = (_PADDING * (padding // len(_PADDING) + 1))[:padding]
        return frame(_CHUNK, b'{"bytes":"%b","p":"%b"}' % (base64.b64encode(payload), letters))


@dataclass(frozen=True, kw_only=True)
class Message:
    """One answer, as one transport names its parts."""

    transport: Transport
    ask: Ask
    said: Answer
    reply_id: str

    def whole(self) -> bytes:
        """The body of an answer that is not streamed."""
        content = [*self._thinking(), *self._text()]
        content += [self._tool_use(i, orjson.Fragment(call.arguments)) for i, call in enumerate(self.said.calls)]
        return orjson.dumps(self._envelope(content) | self._stop() | {"usage": self._usage(self.said.output_tokens)})

    def head(self, envelope: Envelope) -> bytes:
        started = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
        message = self._envelope([]) | started | {"usage": self._usage(min(1, self.said.output_tokens))}
        return _event(envelope, {"type": "message_start", "message": message})

    def events(self, envelope: Envelope) -> Iterator[bytes]:
        """Every piece of thinking, text and arguments; what opens and closes its block goes with the first and last."""
        ping = _event(envelope, {"type": "ping"}) if self.transport is not Transport.BEDROCK else b""
        for index, (block, deltas) in enumerate(self._streamed(envelope)):
            pending = _event(envelope, {"type": "content_block_start", "index": index, "content_block": block}) + ping
            ping, begun = b"", False
            for delta in deltas:
                if begun:
                    yield pending
                    pending = b""
                pending += delta
                begun = True
            yield pending + _event(envelope, {"type": "content_block_stop", "index": index})

    def tail(self, envelope: Envelope, latency_ms: int) -> bytes:
        cumulative = self._usage(self.said.output_tokens)
        usage = {name: cumulative[name] for name in _CUMULATIVE}
        stop: Json = {"type": "message_stop"}
        if self.transport is Transport.BEDROCK:
            stop["amazon-bedrock-invocationMetrics"] = {
                "inputTokenCount": usage["input_tokens"],
                "outputTokenCount": usage["output_tokens"],
                "invocationLatency": latency_ms,
                "firstByteLatency": latency_ms,
                "cacheReadInputTokenCount": usage["cache_read_input_tokens"],
                "cacheWriteInputTokenCount": usage["cache_creation_input_tokens"],
            }
        delta = {"type": "message_delta", "delta": self._stop(), "usage": usage}
        return _event(envelope, delta) + _event(envelope, stop)

    def _envelope(self, content: list[Json]) -> Json:
        return {
            "model": said_name(self.ask.model),
            "id": f"msg_{_INFIX[self.transport]}{self.reply_id}",
            "type": "message",
            "role": "assistant",
            "content": content,
        }

    def _stop(self) -> Json:
        return {
            "stop_reason": _STOP[self.said.finish],
            "stop_sequence": self.said.stop_sequence or None,
            "stop_details": _REFUSED if self.said.finish is Finish.REFUSED else None,
        }

    def _usage(self, output_tokens: int) -> Json:
        """Input in three parts that do not overlap; `output_tokens` are all of them, thinking included."""
        cached = self.said.cached
        return {
            "input_tokens": self.said.input_tokens - cached.read - cached.written,
            "cache_creation_input_tokens": cached.written,
            "cache_read_input_tokens": cached.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": cached.written_5m,
                "ephemeral_1h_input_tokens": cached.written_1h,
            },
            "output_tokens": output_tokens,
            "output_tokens_details": {"thinking_tokens": min(len(self.said.thoughts), output_tokens)},
            "service_tier": "standard",
            "inference_geo": "not_available",
        }

    def _thinking(self) -> list[Json]:
        said = self.said
        if not said.thoughts:
            return []
        if said.secret:
            return [{"type": "redacted_thinking", "data": seals.seal(REDACTED, family=FAMILY, full=said.thought)}]
        shown = said.thought if self.ask.thoughts_shown else ""
        return [{"type": "thinking", "thinking": shown, "signature": self._signature(shown)}]

    def _signature(self, shown: str) -> str:
        return seals.seal(shown, family=FAMILY, full=self.said.thought)

    def _text(self) -> list[Json]:
        return [{"type": "text", "text": self.said.text}] if self.said.pieces else []

    def _tool_use(self, number: int, arguments: Any) -> Json:
        return {
            "type": "tool_use",
            "id": f"toolu_{_INFIX[self.transport]}{self.reply_id}{number:02x}",
            "name": self.said.calls[number].name,
            "input": arguments,
            "caller": {"type": "direct"},
        }

    def _streamed(self, envelope: Envelope) -> Iterator[tuple[Json, Iterator[bytes]]]:
        """Each block as it is before its content has come, and the events that bring its content."""
        index = 0
        for block in self._thinking():
            if block["type"] == "redacted_thinking":
                yield block, iter(())
            else:
                yield block | {"thinking": "", "signature": ""}, self._thoughts(envelope, index)
            index += 1
        if self.said.pieces:
            yield {"type": "text", "text": ""}, self._texts(envelope, index)
            index += 1
        for number, call in enumerate(self.said.calls):
            yield self._tool_use(number, {}), _arguments(envelope, index + number, call)

    def _thoughts(self, envelope: Envelope, index: int) -> Iterator[bytes]:
        """Where thinking is not shown, its signature comes alone."""
        shown = self.said.thoughts if self.ask.thoughts_shown else ()
        for piece in shown[:-1]:
            yield _delta(envelope, index, {"type": "thinking_delta", "thinking": piece})
        last = b"".join(_delta(envelope, index, {"type": "thinking_delta", "thinking": p}) for p in shown[-1:])
        signature = self._signature("".join(shown))
        yield last + _delta(envelope, index, {"type": "signature_delta", "signature": signature})

    def _texts(self, envelope: Envelope, index: int) -> Iterator[bytes]:
        delta = {"type": "text_delta", "text": _MARK}
        made = orjson.dumps({"type": "content_block_delta", "index": index, "delta": delta})
        before, after = made.split(_quoted(_MARK))
        for piece in self.said.pieces:
            yield envelope.padded(before, piece, after, self.said.event_bytes)


def _arguments(envelope: Envelope, index: int, call: Call) -> Iterator[bytes]:
    """The first delta is empty, as Claude's is; for a tool without arguments it is the only one."""
    pieces = [] if call.arguments == "{}" else call.pieces
    empty = _delta(envelope, index, {"type": "input_json_delta", "partial_json": ""})
    if not pieces:
        yield empty
    for i, piece in enumerate(pieces):
        made = _delta(envelope, index, {"type": "input_json_delta", "partial_json": piece})
        yield made if i else empty + made


def _delta(envelope: Envelope, index: int, delta: Json) -> bytes:
    return _event(envelope, {"type": "content_block_delta", "index": index, "delta": delta})


def _event(envelope: Envelope, value: Json) -> bytes:
    return envelope.event(orjson.dumps(value), value["type"])


def _quoted(text: str) -> bytes:
    return orjson.dumps(text)


def _dotted(piece: str, missing: int) -> str:
    return f"{piece[:-1]}{'.' * missing}{piece[-1:]}"
