"""Answers of a provider whose dialect is not the caller's: unframed, read into the form, written anew."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Protocol

from libs.contracts.errors import NorthernError, UpstreamError
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.dialects import form
from libs.dialects.fields import read_json
from libs.dialects.sse import EventSplitter
from services.worker.callers import Encoder, Reply
from services.worker.providers.told import Told

_DONE = b"[DONE]"  # how OpenAI and its kin end a stream


class Unframer(Protocol):
    """Bytes in pieces of any size in, whole events out: their kind ("" where they have none) and their JSON."""

    @property
    def torn(self) -> bool:
        """Whether an event has begun that the stream may not end in."""

    def feed(self, data: bytes) -> Iterable[tuple[str, dict[str, Any]]]:
        """Raises UpstreamError for garbage."""


class ProviderEvents(Protocol):
    """A provider's decoder, as every dialect has one."""

    started: bool
    finished: bool
    usage: form.Usage | None
    output_bytes: int
    error: NorthernError | None

    def feed(self, kind: str, payload: dict[str, Any]) -> list[form.Event]: ...


class JsonEvents:
    """Unframer of server-sent events whose data is JSON."""

    torn = False  # what follows the event that ends an answer does not matter

    def __init__(self) -> None:
        self._splitter = EventSplitter()

    def feed(self, data: bytes) -> Iterable[tuple[str, dict[str, Any]]]:
        for event in self._splitter.feed(data):
            if event.data and event.data.strip() != _DONE:
                yield event.event, read_object(event.data)


def read_object(data: bytes) -> dict[str, Any]:
    """One JSON object of a provider. Google wraps some of its errors in a list."""
    try:
        value = read_json(data)
    except ValueError:  # orjson's error repeats the document
        raise UpstreamError("The provider sent something that is not JSON; try again.") from None
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0]
    raise UpstreamError("The provider sent something that is not an answer; try again.")


class Translated:
    """services.worker.providers.base.Decoder between two dialects. `told`: how the caller is told of calls."""

    def __init__(
        self,
        reply: Reply,
        *,
        unframer: Callable[[], Unframer],
        events: Callable[[], ProviderEvents],
        read_answer: Callable[[dict[str, Any]], form.Answer],
        told: Told | None = None,
    ) -> None:
        self._reply, self._read_answer = reply, read_answer
        self._make_unframer, self._make_events = unframer, events
        self._told = told
        self._error: NorthernError | None = None
        self._usage: form.Usage | None = None
        self._output_bytes = 0

    # An answer that comes whole needs none of these.

    @cached_property
    def _unframer(self) -> Unframer:
        return self._make_unframer()

    @cached_property
    def _events(self) -> ProviderEvents:
        return self._make_events()

    @cached_property
    def _encoder(self) -> Encoder:
        return self._reply.encoder()

    @property
    def started(self) -> bool:
        return self._events.started

    @property
    def complete(self) -> bool:
        return self._events.finished and not self._unframer.torn

    @property
    def error(self) -> NorthernError | None:
        return self._events.error or self._error

    @property
    def usage(self) -> Usage | None:
        usage = self._usage or self._events.usage
        return usage.to_proto() if usage else None

    @property
    def output_bytes(self) -> int:
        return self._output_bytes or self._events.output_bytes

    def feed(self, data: bytes) -> bytes:
        """What came whole before garbage is still given on; the garbage is in `error`."""
        if self.error is not None:
            return b""
        events: list[form.Event] = []
        try:
            for kind, payload in self._unframer.feed(data):
                events += self._events.feed(kind, payload)
        except NorthernError as error:
            self._error = error
        if not events:
            return b""
        return self._encoder.encode(self._told.events(events) if self._told else events)

    def finish(self) -> bytes:
        return self._encoder.done()

    def whole(self, body: bytes) -> bytes:
        answer = self._read_answer(read_object(body))
        self._usage, self._output_bytes = answer.usage, answer.output_bytes
        return self._reply.whole(self._told.answer(answer) if self._told else answer)
