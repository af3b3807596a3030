"""ConverseStream's events as the form's."""

from typing import Any

from libs.contracts.errors import NorthernError, UpstreamError
from libs.dialects.bedrock_converse.answer import called_tool, signed, stop_reason, stop_sequence
from libs.dialects.bedrock_converse.errors import EXCEPTIONS, stream_error
from libs.dialects.bedrock_converse.usage import read_usage
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

SIGNATURE_LIMIT = 1 << 20


class StreamDecoder:
    """`started`: model output was seen; `finished`: messageStop; `done`: metadata, with the usage, too.

    A stream that ends while neither `finished` nor `error` is set was cut. `claude` as for read_answer.
    """

    def __init__(self, *, claude: bool = False) -> None:
        self.started = False
        self.finished = False
        self.done = False
        self.usage: Usage | None = None
        self.output_bytes = 0
        self.error: NorthernError | None = None
        self._family = "" if claude else "b"
        self._open: set[int] = set()
        self._calls: set[int] = set()
        self._signatures: dict[int, str] = {}  # a signature is whole only when its block is

    def feed(self, kind: str, payload: dict[str, Any]) -> list[Event]:
        """`kind` is the frame's event or exception type. Nothing follows a Failure; unknown events are passed over."""
        if self.error is not None:
            return []
        try:
            return self._read(kind, payload)
        except UpstreamError as error:
            return self._fail(error)

    def _read(self, kind: str, payload: dict[str, Any]) -> list[Event]:
        at = count(payload.get("contentBlockIndex"))
        match kind:
            case _ if self.finished and kind.startswith(("contentBlock", "messageStop")):
                return []
            case "contentBlockDelta":
                return self._delta(at, obj(payload.get("delta")))
            case "contentBlockStart":
                return self._start(at, obj(payload.get("start")))
            case "contentBlockStop":
                return self._close(at)
            case "messageStop":
                return self._stop(payload)
            case "metadata":
                return self._metadata(payload)
            case _ if kind in EXCEPTIONS or kind.endswith(("Exception", "Error")):
                return self._fail(stream_error(kind, payload))
            case _:
                return []

    def _delta(self, at: int, delta: dict[str, Any]) -> list[Event]:
        match delta:
            case {"text": str(said)}:
                return self._output(at, said, TextDelta(index=at, text=said))
            case {"toolUse": {"input": str(fragment)}}:
                if at not in self._calls:
                    raise UpstreamError("The model called a tool in a way that cannot be used; try again.")
                return self._output(at, fragment, ToolCallDelta(index=at, json=fragment))
            case {"reasoningContent": dict(thought)}:
                return self._thought(at, thought)
            case _:
                return []

    def _thought(self, at: int, thought: dict[str, Any]) -> list[Event]:
        said, redacted = string(thought.get("text")), signed(self._family, string(thought.get("redactedContent")))
        signature = self._signatures.get(at, "") + string(thought.get("signature"))
        if len(signature) > SIGNATURE_LIMIT:
            raise UpstreamError("The provider signed a thought at an impossible length; try again.")
        self._open.add(at)
        if signature:
            self._signatures[at] = signature
        if not said and not redacted:
            return []
        return self._output(at, said, ReasoningDelta(index=at, text=said, redacted=redacted))

    def _output(self, at: int, said: str, event: Event) -> list[Event]:
        self._open.add(at)
        self.output_bytes += len(said.encode("utf-8", "replace"))
        self.started = self.started or bool(said)
        return [event]

    def _start(self, at: int, start: dict[str, Any]) -> list[Event]:
        match start:
            case {"toolUse": dict(use)}:
                id_, name = called_tool(use)
                self.started = True
                self._open.add(at)
                self._calls.add(at)
                return [ToolCallStart(index=at, id=id_, name=name)]
            case _:
                return []

    def _close(self, at: int) -> list[Event]:
        self._open.discard(at)
        signature = self._signatures.pop(at, "")
        if not signature:
            return [BlockStop(index=at)]
        return [ReasoningDelta(index=at, signature=signed(self._family, signature)), BlockStop(index=at)]

    def _stop(self, payload: dict[str, Any]) -> list[Event]:
        """Closes what the provider left open."""
        reason = stop_reason(payload.get("stopReason"), called=bool(self._calls))
        events = [event for at in sorted(self._open) for event in self._close(at)]
        self.finished = True
        ended_by = stop_sequence(payload.get("additionalModelResponseFields"))
        return [*events, Stop(reason=reason, stop_sequence=ended_by)]

    def _metadata(self, payload: dict[str, Any]) -> list[Event]:
        self.usage = read_usage(payload.get("usage"), payload.get("serviceTier"))
        self.done = self.finished
        return [UsageEvent(usage=self.usage)]

    def _fail(self, error: NorthernError) -> list[Event]:
        self.error = error
        return [Failure(error=error)]
