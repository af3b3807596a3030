"""Bedrock's event streams as events: Converse's own, and Anthropic's inside those of InvokeModel; sans-IO."""

import binascii
import re
from collections.abc import Iterable
from typing import Any

from libs.contracts.errors import NorthernError, UpstreamError
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.dialects.anthropic_messages import passthrough
from libs.dialects.bedrock_converse.errors import stream_error
from services.worker.providers.bedrock.framing import Frame, FrameDecoder
from services.worker.providers.translated import read_object

_BYTES = re.compile(rb'"bytes"\s*:\s*"([A-Za-z0-9+/=]*)"')


class ConverseFrames:
    """services.worker.providers.translated.Unframer of ConverseStream."""

    def __init__(self) -> None:
        self._frames = FrameDecoder()

    @property
    def torn(self) -> bool:
        return self._frames.pending

    def feed(self, data: bytes) -> Iterable[tuple[str, dict[str, Any]]]:
        for frame in self._frames.feed(data):
            yield frame.kind, frame.members()


class ClaudeFrames:
    """services.worker.providers.translated.Unframer of InvokeModelWithResponseStream."""

    def __init__(self) -> None:
        self._frames = FrameDecoder()

    @property
    def torn(self) -> bool:
        return self._frames.pending

    def feed(self, data: bytes) -> Iterable[tuple[str, dict[str, Any]]]:
        for frame in self._frames.feed(data):
            if payload := claude_event(frame):
                event = read_object(payload)
                yield str(event.get("type", "")), event


class PassedFrames:
    """services.worker.providers.base.Decoder: Anthropic's events out of AWS's frames, as server-sent events."""

    def __init__(self, model: str | None) -> None:
        self._model = model
        self._frames = FrameDecoder()
        self._events = passthrough.EventFrames(None if model is None else model.encode())
        self._error: NorthernError | None = None
        self._usage: Usage | None = None
        self._output_bytes = 0

    @property
    def started(self) -> bool:
        return self._events.started

    @property
    def complete(self) -> bool:
        return (self._events.done or self._events.finished) and not self._frames.pending

    @property
    def error(self) -> NorthernError | None:
        return self._error or self._events.error

    @property
    def usage(self) -> Usage | None:
        return self._events.usage.to_proto() if self._events.usage else self._usage

    @property
    def output_bytes(self) -> int:
        return self._events.output_bytes or self._output_bytes

    def feed(self, data: bytes) -> bytes:
        """What came whole before a failure is still given on."""
        if self.error is not None:
            return b""
        out: list[bytes] = []
        try:
            for frame in self._frames.feed(data):
                if payload := claude_event(frame):
                    out.append(self._events.frame(payload))
                if self.error is not None:
                    break
        except NorthernError as error:
            self._error = error
        return b"".join(out)

    def finish(self) -> bytes:
        return self._events.finish()

    def whole(self, body: bytes) -> bytes:
        out, usage, self._output_bytes = passthrough.read_answer(body, self._model)
        self._usage = usage.to_proto() if usage else None
        return out


def claude_event(frame: Frame) -> bytes:
    """The JSON of one of Anthropic's events; b"" for a frame of another kind. Raises what an exception means."""
    if frame.message_type != "event":
        raise stream_error(frame.kind, frame.members())
    if frame.kind != "chunk":
        return b""
    found = _BYTES.search(frame.payload)
    try:
        return binascii.a2b_base64(found[1]) if found else b""
    except binascii.Error:
        raise UpstreamError("The provider's event stream holds a frame that cannot be read; try again.") from None
