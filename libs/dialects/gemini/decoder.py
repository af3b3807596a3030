"""The stream of streamGenerateContent as events of the form: every payload is a response of its own."""

from typing import Any

import orjson

from libs.contracts.errors import NorthernError, UpstreamError
from libs.dialects.fields import string
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
from libs.dialects.gemini.answer import (
    CallIds,
    blocked,
    call_signature,
    first_candidate,
    parts_of,
    read_call,
    read_logprobs,
    seed_of,
    stop_reason,
    text_signature,
)
from libs.dialects.gemini.errors import error_of, from_error
from libs.dialects.gemini.usage import read_usage
from libs.dialects.signatures import marked

_GOING_ON = (None, "", "FINISH_REASON_UNSPECIFIED")


class StreamDecoder:
    """`started`: model output was seen; `finished`: the provider said why it stopped.

    A stream that ends while neither `finished` nor `error` is set was cut, however cleanly it ended. `usage` is in
    every payload and not monotone: the last one counts.
    """

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.usage: Usage | None = None
        self.output_bytes = 0
        self.error: NorthernError | None = None
        self._ids: CallIds | None = None
        self._called = False
        self._index = 0  # of the block that is open, or else of the next one
        self._open = ""  # text, thought or nothing

    def feed(self, kind: str, payload: dict[str, Any] | list[Any]) -> list[Event]:
        """`kind` is not used. Nothing follows a Failure."""
        del kind
        if self.error is not None:
            return []
        try:
            return self._read(payload)
        except NorthernError as error:
            self.error = error
            return [Failure(error=error)]

    def _read(self, payload: dict[str, Any] | list[Any]) -> list[Event]:
        if (error := error_of(payload)) is not None:
            raise from_error(error)
        if not isinstance(payload, dict):
            return []
        told = read_usage(payload.get("usageMetadata"))
        self.usage = told or self.usage
        candidate = first_candidate(payload)
        if candidate is not None:
            events = self._candidate(candidate, payload)
        elif blocked(payload) and not self.finished:
            events = self._stop(StopReason.CONTENT_FILTER)
        else:
            events = []
        # Once is enough: behind the stop, and again if there is more to tell.
        if self.finished and self.usage is not None:
            at_stop = any(isinstance(event, Stop) for event in events)
            if at_stop or told is not None:
                events.append(UsageEvent(usage=self.usage))
        return events

    def _candidate(self, candidate: dict[str, Any], payload: dict[str, Any]) -> list[Event]:
        parts = parts_of(candidate)
        if self.finished:
            if any(part.get("text") or "functionCall" in part for part in parts):
                raise UpstreamError("The provider went on after the end of its answer; try again.")
            return []
        if self._ids is None:
            self._ids = CallIds(seed_of(payload))
        events: list[Event] = []
        for part in parts:
            events += self._part(part, self._ids)
        if (told := candidate.get("logprobsResult")) and (logprobs := read_logprobs(told)):
            events.append(Logprobs(tokens=logprobs))
        if (reason := candidate.get("finishReason")) not in _GOING_ON:
            events += self._stop(stop_reason(reason, called=self._called))
        return events

    def _part(self, part: dict[str, Any], ids: CallIds) -> list[Event]:
        if "functionCall" in part:
            return self._call(part, ids)
        said, signature = string(part.get("text")), string(part.get("thoughtSignature"))
        if part.get("thought") is True:
            return self._thought(said, signature)
        events: list[Event] = self._carried(text_signature(signature)) if signature else []
        if said:
            if self._open != "text":
                events += self._turn_to("text")
            events.append(TextDelta(index=self._index, text=said))
            self._count(len(said.encode("utf-8", "replace")))
        return events

    def _thought(self, said: str, signature: str) -> list[Event]:
        if not said and not signature:
            return []
        events = self._turn_to("thought")
        if said:
            events.append(ReasoningDelta(index=self._index, text=said))
            self._count(len(said.encode("utf-8", "replace")))
        if signature:
            events.append(ReasoningDelta(index=self._index, signature=marked("g", signature)))
            events += self._close()
        return events

    def _call(self, part: dict[str, Any], ids: CallIds) -> list[Event]:
        name, arguments = read_call(part)
        try:
            written = orjson.dumps(arguments)
        except TypeError as error:  # what JSON of another make may hold: integers of more than 64 bits
            raise UpstreamError("The model called a tool in a way that cannot be used; try again.") from error
        signature = string(part.get("thoughtSignature"))
        events = self._carried(call_signature(signature)) if signature else self._close()
        at, self._index = self._index, self._index + 1
        self._called = True
        self._count(len(written))
        start = ToolCallStart(index=at, id=ids.next(part), name=name)
        return [*events, start, ToolCallDelta(index=at, json=written.decode()), BlockStop(index=at)]

    def _carried(self, redacted: str) -> list[Event]:
        """A signature of the part that follows, as a block of its own."""
        events = self._close()
        at, self._index = self._index, self._index + 1
        return [*events, ReasoningDelta(index=at, redacted=redacted), BlockStop(index=at)]

    def _turn_to(self, kind: str) -> list[Event]:
        events = self._close() if self._open != kind else []
        self._open = kind
        return events

    def _close(self) -> list[Event]:
        if not self._open:
            return []
        at, self._index, self._open = self._index, self._index + 1, ""
        return [BlockStop(index=at)]

    def _count(self, output: int) -> None:
        self.started = True
        self.output_bytes += output

    def _stop(self, reason: StopReason) -> list[Event]:
        self.finished = True
        return [*self._close(), Stop(reason=reason)]
