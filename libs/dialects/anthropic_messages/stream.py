"""A streamed answer in Anthropic's Messages format: events as server-sent events."""

from collections.abc import Iterable
from typing import Any, assert_never

import orjson

from libs.dialects.anthropic_messages.answer import stop_members
from libs.dialects.anthropic_messages.outgoing_messages import tool_use_id
from libs.dialects.anthropic_messages.usage import write_usage
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    Logprobs,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)
from libs.dialects.signatures import PREFIX

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
_START = b'event: content_block_start\ndata: {"type":"content_block_start","index":'
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":'
_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":'
_MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_TEXT = b',"delta":{"type":"text_delta","text":'
_THINKING = b',"delta":{"type":"thinking_delta","thinking":'
_SIGNATURE = b',"delta":{"type":"signature_delta","signature":'
_INPUT = b',"delta":{"type":"input_json_delta","partial_json":'
_END = b"}}\n\n"


class StreamEncoder:
    """Events of the form as a Message's stream. `done()` is apart because it is sent only once the end is on record.

    It holds the `message_delta` too: counts may come after the reason to stop, and are sent once. One block is open at
    a time and their numbers have no gaps, whatever the provider's: what belongs to another block waits while a call
    is open, whose arguments cannot be taken up again.

    Another family's signature stands ahead of the block that follows it, and behind the last one nowhere: programs
    (Claude Code's print mode) take the last block for the answer, and no maker insists on that signature.
    """

    def __init__(self, id: str, created: int, model: str, include_usage: bool) -> None:  # noqa: A002, ARG002 - each format's call
        self._id = id
        self._model = model
        self._begun = False
        self._usage: Usage | None = None
        self._stop = Stop(reason=StopReason.END)
        self._called = False
        self._number = -1  # of the block that is open, or was last
        self._kind: type[TextDelta | ReasoningDelta | ToolCallStart] | None = None  # of the open block
        self._block = -1  # the provider's number of it
        self._delta = b""  # an open block's delta up to its text
        self._signature = ""
        self._ahead: list[str] = []  # signatures that wait for the block that follows
        self._silent = False  # an open call has sent no arguments yet
        self._waiting: list[Event] = []

    def encode(self, events: Iterable[Event]) -> bytes:
        return b"".join(map(self._encode, events))

    def done(self) -> bytes:
        """All that is open is closed; the reason to stop, the counts, `message_stop`."""
        closing = self._close_all()
        stop = {
            "type": "message_delta",
            "delta": stop_members(self._stop.reason, self._stop.stop_sequence, called=self._called),
            "usage": write_usage(self._usage or Usage()),
        }
        return self._begin() + closing + b"event: message_delta\ndata: " + orjson.dumps(stop) + b"\n\n" + _MESSAGE_STOP

    def _encode(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                return self._text(event)
            case UsageEvent():
                self._usage = event.usage
                return b""
            case Stop():
                self._stop = event
                return self._close_all()
            case Failure() | Logprobs():
                return b""  # an error is the edge's to write; this format has no logprobs
            case _ if self._kind is ToolCallStart and event.index != self._block:
                self._waiting.append(event)
                return b""
            case ReasoningDelta():
                return self._reasoning(event)
            case ToolCallStart():
                return self._call(event)
            case ToolCallDelta():
                return self._arguments(event)
            case BlockStop():
                return self._block_stop(event.index)
            case _:
                assert_never(event)

    # --- blocks ---

    def _text(self, event: TextDelta) -> bytes:
        if self._kind is TextDelta and self._block == event.index:
            return self._delta + orjson.dumps(event.text) + _END if event.text else b""
        if not event.text:
            return b""
        if self._kind is ToolCallStart and event.index != self._block:
            self._waiting.append(event)
            return b""
        opening = self._open(TextDelta, event.index, b'{"type":"text","text":""}', _TEXT)
        return opening + self._delta + orjson.dumps(event.text) + _END

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        out = b""
        if event.text or event.signature:
            if self._kind is not ReasoningDelta or self._block != event.index:
                start = b'{"type":"thinking","thinking":"","signature":""}'
                out = self._open(ReasoningDelta, event.index, start, _THINKING)
            self._signature += event.signature
            if event.text:
                out += self._delta + orjson.dumps(event.text) + _END
        if event.redacted.startswith(PREFIX):
            self._ahead.append(event.redacted)
        elif event.redacted:
            out += self._hidden(event.redacted)
        return out

    def _hidden(self, data: str) -> bytes:
        closing = self._begin() + self._close()
        self._number += 1
        number = b"%d" % self._number
        block = b',"content_block":{"type":"redacted_thinking","data":' + orjson.dumps(data) + _END
        return closing + _START + number + block + _STOP + number + b"}\n\n"

    def _call(self, event: ToolCallStart) -> bytes:
        self._called = self._silent = True
        call = (
            b'{"type":"tool_use","id":' + orjson.dumps(tool_use_id(event.id)) + b',"name":' + orjson.dumps(event.name)
        )
        return self._open(ToolCallStart, event.index, call + b',"input":{}}', _INPUT)

    def _arguments(self, event: ToolCallDelta) -> bytes:
        if not event.json or self._kind is not ToolCallStart:
            return b""
        self._silent = False
        return self._delta + orjson.dumps(event.json) + _END

    def _block_stop(self, index: int) -> bytes:
        """What waited for a call's end comes now, and may have to wait again for the next one's."""
        if self._kind is None or index != self._block:
            return b""
        waiting, self._waiting = self._waiting, []
        return self._close() + b"".join(map(self._encode, waiting))

    def _open(
        self, kind: type[TextDelta | ReasoningDelta | ToolCallStart], block: int, start: bytes, delta: bytes
    ) -> bytes:
        closing = self._begin() + self._close()
        if self._ahead:
            ahead, self._ahead = self._ahead, []
            closing += b"".join(map(self._hidden, ahead))
        self._number += 1
        self._kind, self._block = kind, block
        number = b"%d" % self._number
        self._delta = _DELTA + number + delta
        return closing + _START + number + b',"content_block":' + start + _END[1:]

    def _close(self) -> bytes:
        """A signature goes out whole, at the end; a call without arguments is one with an empty object of them."""
        if self._kind is None:
            return b""
        number = b"%d" % self._number
        last = b""
        if self._kind is ToolCallStart and self._silent:
            last = self._delta + b'"{}"' + _END
        elif self._signature:
            last = _DELTA + number + _SIGNATURE + orjson.dumps(self._signature) + _END
        self._kind, self._signature, self._silent = None, "", False
        return last + _STOP + number + b"}\n\n"

    def _close_all(self) -> bytes:
        out = b""
        while self._kind is not None:
            out += self._block_stop(self._block)
        return out

    def _begin(self) -> bytes:
        """Counts that are not known yet stand as 0 here; the `message_delta` has them all."""
        if self._begun:
            return b""
        self._begun = True
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage or Usage()),
        }
        start = orjson.dumps({"type": "message_start", "message": message})
        return b"event: message_start\ndata: " + start + b"\n\n" + PING
