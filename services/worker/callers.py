"""The callers' dialects as values: how each one asks, and how an answer is written for it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from libs.catalog.billing.charging import tokens_of
from libs.catalog.model import Route
from libs.contracts.errors import InvalidRequest
from libs.contracts.ids import issued_at_ms
from libs.contracts.northern.v1.envelope_pb2 import (
    DIALECT_ANTHROPIC_MESSAGES,
    OPERATION_COUNT_TOKENS,
    SURFACE_INFERENCE,
    Envelope,
)
from libs.dialects.anthropic_messages import answer as anthropic_answer
from libs.dialects.anthropic_messages import request as anthropic_request
from libs.dialects.anthropic_messages import stream as anthropic_stream
from libs.dialects.form import Answer, Event, Request, Usage, UsageEvent
from libs.dialects.openai_chat import answer as openai_answer
from libs.dialects.openai_chat import request as openai_request
from libs.dialects.openai_chat import stream as openai_stream
from services.worker import domain

_CLAUDE_CODE = "claude-code-"  # how the beta begins by which it says who it is


class Encoder(Protocol):
    """A streamed answer in a caller's dialect."""

    def encode(self, events: Iterable[Event]) -> bytes:
        """Whole events of the caller's stream; b"" where there is nothing to say yet."""

    def done(self) -> bytes:
        """What is sent last, once the end is on record."""


class WriteAnswer(Protocol):
    """A whole answer in a caller's dialect."""

    def __call__(self, answer: Answer, *, id: str, created: int, model: str) -> bytes:  # noqa: A002 - the wire's name
        """`id` is complete, `created` in Unix seconds."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One dialect. `prefix` begins the ids of its answers; `encoder` takes id, created, model, include_usage."""

    prefix: str
    read_request: Callable[[dict[str, Any]], Request]
    write_answer: WriteAnswer
    encoder: Callable[[str, int, str, bool], Encoder]


OPENAI = Caller(
    prefix="chatcmpl-",
    read_request=openai_request.read_request,
    write_answer=openai_answer.write_answer,
    encoder=openai_stream.StreamEncoder,
)
ANTHROPIC = Caller(
    prefix="msg_",
    read_request=anthropic_request.read_request,
    write_answer=anthropic_answer.write_answer,
    encoder=anthropic_stream.StreamEncoder,
)


def caller_of(envelope: Envelope) -> Caller:
    """An envelope that names no dialect is of the first one there was."""
    return ANTHROPIC if is_anthropic(envelope) else OPENAI


def is_anthropic(envelope: Envelope) -> bool:
    return envelope.dialect == DIALECT_ANTHROPIC_MESSAGES


def as_called(envelope: Envelope, dropped: Iterable[str]) -> list[str]:
    """Members that are not honoured, under the caller's own names."""
    if not is_anthropic(envelope):
        return list(dropped)
    return ["metadata.user_id" if name == "user" else name for name in dropped]


def counts(envelope: Envelope) -> bool:
    """Whether only a number of tokens is asked for."""
    return envelope.operation == OPERATION_COUNT_TOKENS


def read(envelope: Envelope, body: bytes) -> Request:
    """What was asked, in the intermediate form. InvalidRequest names the member at fault."""
    try:
        value = orjson.loads(body)
    except ValueError:  # the edge made these bytes: only a fault of ours comes here
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if counts(envelope):  # nobody has to name a limit to have his tokens counted
        return anthropic_request.read_request(value, counting=True)
    return caller_of(envelope).read_request(value)


class Reply:
    """One answer in its caller's dialect, under the model's name that this caller is shown."""

    def __init__(self, envelope: Envelope, route: Route) -> None:
        self._caller = caller_of(envelope)
        self._id = f"{self._caller.prefix}{envelope.request_id}"
        self._created = issued_at_ms(envelope.request_id) // 1000
        self._model = renamed(envelope, route) or route.route_id
        self._include_usage = envelope.shape.include_usage
        self._prompt = tokens_of(envelope.shape.text_bytes)

    def encoder(self) -> Encoder:
        """Anthropic's clients read the prompt's tokens at a stream's beginning, LangChain nowhere else.

        Others' providers tell them at its end, so our own measure stands there until the count replaces it.
        """
        encoder = self._caller.encoder(self._id, self._created, self._model, self._include_usage)
        if self._caller is ANTHROPIC:
            encoder.encode((UsageEvent(usage=Usage(input=self._prompt, estimated=True)),))
        return encoder

    def whole(self, answer: Answer) -> bytes:
        return self._caller.write_answer(answer, id=self._id, created=self._created, model=self._model)


def renamed(envelope: Envelope, route: Route) -> str | None:
    """The inference surface names in answers what was asked for; on /v1 the provider's own name stands (None).

    But for Claude Code: it takes an answer of another name for another model's, and leaves its signed thoughts out of
    the next turn, which a model that thinks by a budget then refuses.
    """
    as_asked = envelope.surface == SURFACE_INFERENCE or _CLAUDE_CODE in envelope.anthropic_beta
    return domain.named(envelope.shape.model, route) if as_asked else None
