"""The door: the answers of one request restored, whole or as a stream, in either caller's dialect; sans-IO."""

from dataclasses import dataclass

from libs.contracts.northern.v1.envelope_pb2 import Dialect
from libs.dialects.sse import WholeEvents
from services.pii.replies import anthropic_messages, openai_chat
from services.pii.replies.events import dumped, each_of, parsed
from services.pii.replies.restoring import Restoring, Whole


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Of one request. `json`: it asked for an answer in JSON, into which originals are written escaped."""

    dialect: Dialect
    restoring: Restoring
    json: bool = False

    def stream(self) -> "StreamedAnswer":
        return StreamedAnswer(self)

    def whole(self) -> "WholeAnswer":
        return WholeAnswer(self)

    def sentence(self, text: str) -> str:
        """Of what is said beside an answer, such as why there is none."""
        return self.restoring.restorer(json=False).restore(text) if self.restoring.entries else text

    def restored(self, answer: bytes) -> bytes:
        """A whole answer; the same bytes where nothing in it was substituted. UpstreamError where it is no JSON."""
        if not self.restoring.entries:
            return answer
        value, whole = parsed(answer), Whole(self.restoring)
        restore = anthropic_messages.restore_answer if self._anthropic else openai_chat.restore_answer
        restore(value, whole, json=self.json)
        return dumped(value) if whole.changed else answer

    @property
    def _anthropic(self) -> bool:
        return self.dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES

    def events(self) -> "openai_chat.Events | anthropic_messages.Events | None":
        """None where every byte passes as it came."""
        if not self.restoring.entries:
            return None
        kind = anthropic_messages.Events if self._anthropic else openai_chat.Events
        return kind(self.restoring, json=self.json)


class StreamedAnswer:
    """Server-sent events in pieces of any size in, whole events out."""

    def __init__(self, answers: Answers) -> None:
        self._events = answers.events()
        self._whole = WholeEvents()

    def feed(self, data: bytes) -> bytes:
        """What can be passed on by now. UpstreamError over an event that is no JSON or beyond 4 MiB."""
        if self._events is None:
            return data
        block = self._whole.feed(data)
        return b"".join(map(self._events.event, each_of(block))) if block else b""

    def close(self) -> bytes:
        """What is still held, as events; of an event that was cut, nothing. An error may follow, nothing else."""
        return self._events.close() if self._events is not None else b""


class WholeAnswer:
    """One JSON document in pieces in, all of it out at its end."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        self._parts.append(data)
        return b""

    def close(self) -> bytes:
        """UpstreamError where it is no JSON."""
        parts, self._parts = self._parts, []
        return self._answers.restored(b"".join(parts)) if parts else b""
