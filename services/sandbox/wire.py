"""What every provider's wire format has to say: read a request, answer it whole or streamed, refuse it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from services.sandbox.domain import Answer, Ask


class Refusal(Exception):
    """An answer that is an error. `kind` is the provider's own type where the status alone does not tell it.

    `retry_after`: seconds, for those who say it in the body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "",
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.kind, self.code, self.param = kind, code, param
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it arrived. `path` is raw, with its percent-encoding and query; header names in any case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def json_object(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object; None where it is anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Script:
    """A streamed answer. `opening` goes first, `head` with the first content; `tail` takes the latency in ms."""

    content_type: str
    opening: bytes
    head: bytes
    events: Iterator[bytes]
    tail: Callable[[int], bytes]
    error: Callable[[str], bytes]
    garbage: bytes


class Wire(Protocol):
    """One provider's format at one address."""

    def admit(self, received: Received) -> None:
        """Look at the credential; raises Refusal."""

    def read(self, received: Received) -> Ask:
        """Validate as the provider does; raises Refusal."""

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:
        """The answer to a call that did not ask for a stream."""

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:
        """The answer as a stream."""

    def refuse(self, refusal: Refusal, reply_id: str) -> Reply:
        """The provider's error body."""

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:
        """What the provider's responses carry."""
