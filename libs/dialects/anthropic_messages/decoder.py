"""Anthropic's stream as the provider sends it, as events of the form."""

from typing import Any

from libs.contracts.errors import NorthernError, UpstreamError
from libs.dialects.anthropic_messages.answer import read_stop, written
from libs.dialects.anthropic_messages.errors import stream_failure
from libs.dialects.anthropic_messages.usage import fresher, read_usage
from libs.dialects.fields import count, obj, string
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    ReasoningDelta,
    Stop,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)

_OPEN_LIMIT = 1024  # Anthropic has one block open at a time


class StreamDecoder:
    """`started`: the model has said something. `finished`: it said why it stopped. Nothing follows an error.

    Blocks of Anthropic's own tools, pings, citations and events nobody knows are passed over.
    """

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.usage: Usage | None = None
        self.output_bytes = 0
        self.error: NorthernError | None = None
        self._usage_members: dict[str, Any] = {}
        self._open: dict[int, str] = {}  # block -> its type
        self._given: dict[int, str] = {}  # a call's arguments, where they stand in its start
        self._called = False

    def feed(self, kind: str, payload: dict[str, Any]) -> list[Event]:
        """`kind` is the SSE event's name; the payload's own `type` goes before it."""
        if self.error is not None:
            return []
        try:
            return self._event(string(payload.get("type")) or kind, payload)
        except NorthernError as error:
            self.error = error
            return [Failure(error=error)]

    def _event(self, kind: str, payload: dict[str, Any]) -> list[Event]:
        at = count(payload.get("index"))
        match kind:
            case _ if self.finished and kind.startswith("content_block"):
                return []
            case "content_block_delta":
                return self._delta(at, obj(payload.get("delta")))
            case "content_block_start":
                return self._start(at, obj(payload.get("content_block")))
            case "content_block_stop":
                return self._block_stop(at)
            case "message_start":
                return self._counted(obj(payload.get("message")).get("usage"))
            case "message_delta":
                return self._message_delta(payload)
            case "error":
                raise stream_failure(payload)
            case _:
                return []

    def _delta(self, at: int, delta: dict[str, Any]) -> list[Event]:
        match self._open.get(at), delta:
            case "text", {"type": "text_delta", "text": str(said)}:
                return self._said(said, TextDelta(index=at, text=said))
            case "tool_use", {"type": "input_json_delta", "partial_json": str(fragment)}:
                if fragment:
                    self._given.pop(at, None)
                return self._said(fragment, ToolCallDelta(index=at, json=fragment))
            case "thinking", {"type": "thinking_delta", "thinking": str(thought)}:
                return self._said(thought, ReasoningDelta(index=at, text=thought))
            case "thinking", {"type": "signature_delta", "signature": str(signature)}:
                return [ReasoningDelta(index=at, signature=signature)]
            case _:
                return []

    def _start(self, at: int, block: dict[str, Any]) -> list[Event]:
        if len(self._open) >= _OPEN_LIMIT:
            raise UpstreamError("The provider's stream opens blocks and closes none; try again.")
        self._open[at] = string(block.get("type"))
        match block:
            case {"type": "text", "text": str(said)} if said:
                return self._said(said, TextDelta(index=at, text=said))
            case {"type": "thinking"}:
                return self._thought(at, string(block.get("thinking")), string(block.get("signature")))
            case {"type": "redacted_thinking", "data": str(redacted)}:
                self.started = True
                return [ReasoningDelta(index=at, redacted=redacted)]
            case {"type": "tool_use", "id": str(id), "name": str(name)} if id:
                self.started = self._called = True
                if given := obj(block.get("input")):
                    self._given[at] = written(given).decode()
                return [ToolCallStart(index=at, id=id, name=name)]
            case {"type": "tool_use"}:
                raise UpstreamError("The provider's stream holds a tool call that has no id or name; try again.")
            case _:
                return []

    def _thought(self, at: int, thought: str, signature: str) -> list[Event]:
        if not thought and not signature:
            return []
        return self._said(thought, ReasoningDelta(index=at, text=thought, signature=signature))

    def _said(self, said: str, event: Event) -> list[Event]:
        self.output_bytes += len(said.encode("utf-8", "replace"))
        self.started = self.started or bool(said)
        return [event]

    def _block_stop(self, at: int) -> list[Event]:
        kind = self._open.pop(at, "")
        given = self._given.pop(at, "")
        events = self._said(given, ToolCallDelta(index=at, json=given)) if given else []
        known = kind in ("text", "thinking", "redacted_thinking", "tool_use")
        return [*events, BlockStop(index=at)] if known else events

    def _counted(self, told: object) -> list[Event]:
        self._usage_members = fresher(self._usage_members, told)
        self.usage = read_usage(self._usage_members)
        return [UsageEvent(usage=self.usage)] if self.usage is not None else []

    def _message_delta(self, payload: dict[str, Any]) -> list[Event]:
        """The counts go before the stop, so that whoever writes an end has them."""
        delta = obj(payload.get("delta"))
        events = self._counted(payload.get("usage"))
        if delta.get("stop_reason") is None or self.finished:
            return events
        reason = read_stop(delta["stop_reason"], called=self._called)
        self.finished = True
        return [*events, Stop(reason=reason, stop_sequence=string(delta.get("stop_sequence")))]
