"""Answers of a provider whose dialect is the caller's: the same bytes, with usage read from them."""

from collections.abc import Callable
from typing import Protocol

from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.dialects import form


class PassedStream(Protocol):
    """A dialect's byte-level stream: whole events in, the same bytes out, what is held back aside."""

    started: bool
    done: bool
    usage: form.Usage | None
    error: NorthernError | None

    @property
    def finished(self) -> bool: ...

    @property
    def output_bytes(self) -> int: ...

    def feed(self, data: bytes) -> bytes: ...


ReadAnswer = Callable[[bytes, str | None], tuple[bytes, form.Usage | None, int]]


class Passed:
    """services.worker.providers.base.Decoder over bytes that stay as they are. `last` gives a stream's end."""

    def __init__(
        self, stream: PassedStream, *, last: Callable[[], bytes], read_answer: ReadAnswer, model: str | None
    ) -> None:
        self._stream, self._last, self._read_answer, self._model = stream, last, read_answer, model
        self._usage: Usage | None = None  # of an answer that came whole
        self._output_bytes = 0

    @property
    def started(self) -> bool:
        return self._stream.started

    @property
    def complete(self) -> bool:
        return self._stream.done or self._stream.finished

    @property
    def error(self) -> NorthernError | None:
        return self._stream.error

    @property
    def usage(self) -> Usage | None:
        streamed = self._stream.usage
        return streamed.to_proto() if streamed else self._usage

    @property
    def output_bytes(self) -> int:
        return self._stream.output_bytes or self._output_bytes

    def feed(self, data: bytes) -> bytes:
        return self._stream.feed(data)

    def finish(self) -> bytes:
        return self._last()

    def whole(self, body: bytes) -> bytes:
        out, usage, self._output_bytes = self._read_answer(body, self._model)
        self._usage = usage.to_proto() if usage else None
        return out
