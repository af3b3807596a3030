"""What the gateway says itself, as an answer in the caller's dialect: whole or streamed, no tokens used."""

from dataclasses import dataclass
from typing import Self

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Shape
from libs.dialects.anthropic_messages import answer as anthropic
from libs.dialects.anthropic_messages import stream as anthropic_stream
from libs.dialects.form import Answer, Stop, StopReason, Text, TextDelta, Usage, UsageEvent
from libs.dialects.openai_chat import answer as openai
from libs.dialects.openai_chat import stream as openai_stream


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """How a request wants to be answered; `model` is the name it gave."""

    dialect: Dialect
    model: str
    stream: bool
    include_usage: bool

    @classmethod
    def of(cls, dialect: Dialect, shape: Shape) -> Self:
        return cls(dialect=dialect, model=shape.model, stream=shape.stream, include_usage=shape.include_usage)


def speak(text: str, voice: Voice, request_id: str, created: int) -> bytes:
    """The body; events where the request asks for a stream. `created` is Unix seconds."""
    anthropics = voice.dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES
    answer_id = f"msg_{request_id}" if anthropics else f"chatcmpl-{request_id}"
    if not voice.stream:
        answer = Answer(parts=(Text(text=text),), stop=StopReason.END, usage=Usage())
        write = anthropic.write_answer if anthropics else openai.write_answer
        return write(answer, id=answer_id, created=created, model=voice.model)
    encode = anthropic_stream.StreamEncoder if anthropics else openai_stream.StreamEncoder
    encoder = encode(answer_id, created, voice.model, voice.include_usage)
    events = (TextDelta(index=0, text=text), UsageEvent(usage=Usage()), Stop(reason=StopReason.END))
    return encoder.encode(events) + encoder.done()
