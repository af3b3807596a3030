"""Gemini on Vertex AI at one location's address: generateContent, streamGenerateContent and countTokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import parse_qs

import orjson

from services.sandbox.domain import Answer, Ask
from services.sandbox.gemini.answer import counted, generated
from services.sandbox.gemini.refusals import error_of
from services.sandbox.gemini.request import GeminiAsk, read, read_count
from services.sandbox.gemini.stream import script
from services.sandbox.wire import Received, Refusal, Reply, Script

_ARRAY = "array"  # a refusal's kind: it stands in a list, where a list was asked for


class Operation(StrEnum):
    """The methods of the model's address."""

    GENERATE = "generateContent"
    STREAM = "streamGenerateContent"
    COUNT = "countTokens"


@dataclass(frozen=True, kw_only=True)
class GeminiWire:
    """One model and operation. `region` is whose address was called, `location` the one that the path names."""

    region: str
    location: str
    model: str
    operation: Operation
    unix: Callable[[], float]

    def admit(self, received: Received) -> None:
        if not received.headers.get("authorization", "").startswith("Bearer "):
            raise self._framed(
                Refusal(
                    401,
                    "Request is missing required authentication credential. Expected OAuth 2 access token, login "
                    "cookie or other valid authentication credential. See "
                    "https://developers.google.com/identity/sign-in/web/devconsole-project.",
                ),
                received,
            )
        if self.region != self.location:
            raise self._framed(
                Refusal(404, f"The location {self.location} is not served at the address of {self.region}."), received
            )

    def read(self, received: Received) -> Ask:
        try:
            if self.operation is Operation.COUNT:
                return read_count(received.body, self.model)
            return read(received.body, self.model, stream=self.operation is Operation.STREAM, sse=_sse(received))
        except Refusal as refusal:
            raise self._framed(refusal, received) from None

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:  # noqa: ARG002 - Converse states it in the body
        assert isinstance(ask, GeminiAsk)
        if self.operation is Operation.COUNT:
            return Reply(status=200, body=counted(ask, said), content_type="application/json; charset=UTF-8")
        return Reply(
            status=200,
            body=generated(ask, said, reply_id, self._now()),
            content_type="application/json; charset=UTF-8",
        )

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:
        assert isinstance(ask, GeminiAsk)
        return script(ask, said, reply_id, self._now())

    def refuse(self, refusal: Refusal, reply_id: str) -> Reply:  # noqa: ARG002 - Anthropic's names the request
        body = error_of(refusal.status, refusal.message, field=refusal.param, retry_after=refusal.retry_after)
        status = 503 if refusal.status == 529 else refusal.status  # noqa: PLR2004 - a status that Google does not have
        return Reply(
            status=status,
            body=orjson.dumps([body] if refusal.kind == _ARRAY else body),
            content_type="application/json; charset=UTF-8",
        )

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:
        return {
            "server": "scaffolding on HTTPServer2",
            "server-timing": f"gfet4t7; dur={latency_ms}",
            "x-vertex-ai-request-id": reply_id,
        }

    def _framed(self, refusal: Refusal, received: Received) -> Refusal:
        """A stream that is no event stream is a list, in its refusal too."""
        if self.operation is Operation.STREAM and not _sse(received):
            refusal.kind = _ARRAY
        return refusal

    def _now(self) -> str:
        return datetime.fromtimestamp(self.unix(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _sse(received: Received) -> bool:
    asked = parse_qs(received.path.partition("?")[2])
    return "sse" in (*asked.get("alt", ()), *asked.get("$alt", ()))
