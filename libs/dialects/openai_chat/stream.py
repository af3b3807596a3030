"""A streamed answer in OpenAI's chat format: chunks as server-sent events."""

from collections.abc import Iterable
from typing import Any, assert_never

import orjson

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
from libs.dialects.openai_chat.answer import finish_reason, write_logprobs
from libs.dialects.openai_chat.thoughts import Details
from libs.dialects.openai_chat.usage import write_usage

DONE = b"data: [DONE]\n\n"


class StreamEncoder:
    """Events of the form as chunks; `done()` is apart because it is sent only once the end is on record.

    Thoughts are shown as `reasoning_content`, which has no official place, and those that must come back as
    `reasoning_details` too (libs.dialects.openai_chat.thoughts).
    """

    def __init__(self, id: str, created: int, model: str, include_usage: bool) -> None:  # noqa: A002 - the wire's name
        frame = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._head = b"data: " + orjson.dumps(frame)[:-1] + b',"choices":['
        # With usage asked for, every chunk has the member and only the last one a value (OpenAI's own rule).
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        # Most of a stream are chunks of words: only the words are serialised.
        self._before_text = self._head + b'{"index":0,"delta":{"content":'
        self._before_thought = self._head + b'{"index":0,"delta":{"reasoning_content":'
        self._after = b'},"logprobs":null,"finish_reason":null}]' + self._tail
        self._include_usage = include_usage
        self._begun = False
        self._usage: Usage | None = None
        # Provider's block -> a chunk of its arguments up to them, with our index of the call: only calls are numbered.
        self._calls: dict[int, bytes] = {}
        self._silent: set[int] = set()  # blocks of tools that have sent no arguments yet
        self._details = Details()

    def encode(self, events: Iterable[Event]) -> bytes:
        return b"".join(map(self._encode, events))

    def done(self) -> bytes:
        """The usage, which may have been told more than once, and the end."""
        if not self._include_usage or self._usage is None:
            return DONE
        return self._head + b'],"usage":' + orjson.dumps(write_usage(self._usage)) + b"}\n\n" + DONE

    def _encode(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                self._details.words(event.text)
                return self._words(self._before_text, event.text)
            case ReasoningDelta():
                return self._thought(event)
            case ToolCallStart():
                return self._call(event)
            case ToolCallDelta():
                return self._arguments(event.index, event.json)
            case BlockStop():
                return self._close(event.index)
            case Logprobs():
                return self._delta({}, logprobs=write_logprobs(event.tokens))
            case Stop():
                return self._stop(event.reason)
            case UsageEvent():
                self._usage = event.usage
                return b""
            case Failure():
                return b""  # an error is the edge's to write, in stream_error's shape
            case _:
                assert_never(event)

    def _words(self, before: bytes, said: str) -> bytes:
        if not said:
            return b""
        chunk = before + orjson.dumps(said) + self._after
        return chunk if self._begun else self._begin() + chunk

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._head + b'{"index":0,"delta":{"role":"assistant","content":""' + self._after

    def _delta(self, delta: dict[str, Any], finish: str | None = None, logprobs: object = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return self._begin() + self._head + orjson.dumps(choice) + b"]" + self._tail

    def _thought(self, event: ReasoningDelta) -> bytes:
        entries = self._details.take(event)
        return self._entries(entries) + self._words(self._before_thought, event.text)

    def _entries(self, entries: list[dict[str, Any]]) -> bytes:
        return self._delta({"reasoning_details": entries}) if entries else b""

    def _call(self, event: ToolCallStart) -> bytes:
        at = len(self._calls)
        before = self._head + b'{"index":0,"delta":{"tool_calls":[{"index":%d,"function":{"arguments":' % at
        self._calls[event.index] = before
        self._silent.add(event.index)
        entries, beside = self._details.of_call(event.id)
        function = {"name": event.name, "arguments": ""}
        call = {"index": at, "id": event.id, "type": "function", "function": function, **beside}
        return self._entries(entries) + self._delta({"tool_calls": [call]})

    def _arguments(self, block: int, fragment: str) -> bytes:
        if not fragment or block not in self._calls:
            return b""
        self._silent.discard(block)
        return self._calls[block] + orjson.dumps(fragment) + b"}}]" + self._after

    def _close(self, block: int) -> bytes:
        """A tool without parameters sends no fragment, yet a caller parses what he collected: give him an object."""
        if block in self._silent:
            return self._arguments(block, "{}")
        return self._entries(self._details.end(block))

    def _stop(self, reason: StopReason) -> bytes:
        closing = b"".join(self._close(block) for block in sorted(self._silent))
        return closing + self._entries(self._details.rest()) + self._delta({}, finish_reason(reason))
