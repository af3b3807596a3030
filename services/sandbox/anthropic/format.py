"""Anthropic's format on its own API and at Vertex AI's publisher endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from services.sandbox.anthropic.answer import Message, Sse
from services.sandbox.anthropic.blocks import Transport
from services.sandbox.anthropic.models import listed, one
from services.sandbox.anthropic.request import DATED, Call, Operation, read
from services.sandbox.domain import Answer, Ask
from services.sandbox.wire import Received, Refusal, Reply, Script

_VERSIONS = frozenset({"2023-06-01", DATED})
_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}
# What Google answers itself, before Anthropic's model is asked.
_GOOGLE: Mapping[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_WITHIN_STREAM: Mapping[str, tuple[str, str]] = {
    "throttling": ("rate_limit_error", "This request would exceed your organization's rate limit."),
    "modelStreamError": ("api_error", "Internal server error"),
    "internalServer": ("api_error", "Internal server error"),
    "serviceUnavailable": ("overloaded_error", "Overloaded"),
    "validation": ("invalid_request_error", "The output was not valid."),
}
_RETRIED = frozenset({408, 409, 429})
_ORGANIZATION = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, kw_only=True)
class DirectWire:
    """Anthropic's own API. `model`: the one whose entry is asked for."""

    operation: Operation
    model: str = ""

    def admit(self, received: Received) -> None:
        given = received.headers
        if not given.get("x-api-key") and not given.get("authorization", "").startswith("Bearer "):
            raise Refusal(401, "x-api-key header is required")
        version = given.get("anthropic-version")
        if not version:
            raise Refusal(400, "anthropic-version: header is required")
        if version not in _VERSIONS:
            raise Refusal(400, f'anthropic-version: "{version[:32]}" is not a valid version')

    def read(self, received: Received) -> Ask:
        call = Call(
            transport=Transport.DIRECT,
            counting=self.operation is Operation.COUNT,
            version=received.headers["anthropic-version"],
            betas=received.headers.get("anthropic-beta", ""),
        )
        return read(received.body, call)

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:  # noqa: ARG002 - Bedrock states it
        if self.operation is Operation.COUNT:
            return _json({"input_tokens": said.input_tokens})
        return Reply(status=200, body=_message(Transport.DIRECT, ask, said, reply_id).whole())

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:
        return _events(_message(Transport.DIRECT, ask, said, reply_id))

    def refuse(self, refusal: Refusal, reply_id: str) -> Reply:
        retried = refusal.status in _RETRIED or refusal.status >= 500  # noqa: PLR2004 - the server's own
        return _error(refusal, _request_id(Transport.DIRECT, reply_id), {"x-should-retry": str(retried).lower()})

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:  # noqa: ARG002 - as above
        return {
            "request-id": _request_id(Transport.DIRECT, reply_id),
            "anthropic-organization-id": _ORGANIZATION,
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
        }

    def models(self) -> Reply:
        """The list, or the one entry."""
        if not self.model:
            return listed()
        return one(self.model) or self.refuse(Refusal(404, f"model: {self.model}"), "0" * 24)


@dataclass(frozen=True, kw_only=True)
class VertexWire:
    """Vertex AI's publisher endpoint for Claude. `region` is the address's, `location` the path's."""

    region: str
    location: str
    model: str
    operation: Operation

    def admit(self, received: Received) -> None:
        if not received.headers.get("authorization", "").startswith("Bearer "):
            raise Refusal(
                401,
                "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie "
                "or other valid authentication credential.",
            )
        if self.location != self.region:
            raise Refusal(404, f"The requested location {self.location} is not served at this address.")

    def read(self, received: Received) -> Ask:
        if "missing-model" in self.model:
            raise Refusal(
                404,
                f"Publisher Model `projects/p/locations/{self.location}/publishers/anthropic/models/{self.model}` "
                "was not found or your project does not have access to it.",
            )
        call = Call(
            transport=Transport.VERTEX,
            model=self.model,
            stream=self.operation is Operation.STREAM,
            counting=self.operation is Operation.COUNT,
            betas=received.headers.get("anthropic-beta", ""),
        )
        return read(received.body, call)

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:  # noqa: ARG002 - Bedrock states it
        if self.operation is Operation.COUNT:
            return _json({"input_tokens": said.input_tokens})
        return Reply(status=200, body=_message(Transport.VERTEX, ask, said, reply_id).whole())

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:
        return _events(_message(Transport.VERTEX, ask, said, reply_id))

    def refuse(self, refusal: Refusal, reply_id: str) -> Reply:
        if (status := _GOOGLE.get(refusal.status)) is None:
            return _error(refusal, _request_id(Transport.VERTEX, reply_id), {})
        google = {"code": refusal.status, "message": refusal.message, "status": status}
        return _json({"error": google}, refusal.status)

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:  # noqa: ARG002 - as above
        return {"request-id": _request_id(Transport.VERTEX, reply_id)}


def _message(transport: Transport, ask: Ask, said: Answer, reply_id: str) -> Message:
    return Message(transport=transport, ask=ask, said=said, reply_id=reply_id)


def _events(message: Message) -> Script:
    sse = Sse()

    def error(name: str) -> bytes:
        kind, text = _WITHIN_STREAM[name]
        failed = {"details": None, "type": kind, "message": text}
        request_id = _request_id(message.transport, message.reply_id)
        return sse.event(orjson.dumps({"type": "error", "error": failed, "request_id": request_id}), "error")

    return Script(
        content_type="text/event-stream; charset=utf-8",
        opening=b"",
        head=message.head(sse),
        events=message.events(sse),
        tail=lambda latency_ms: message.tail(sse, latency_ms),
        error=error,
        garbage=b'event: content_block_delta\ndata: {"type":"content_block_\xff\xfe\xfa","delta":\n\n',
    )


def _error(refusal: Refusal, request_id: str, headers: Mapping[str, str]) -> Reply:
    kind = refusal.kind or _TYPES.get(refusal.status, "invalid_request_error")
    error = {"type": kind, "message": refusal.message}
    body = orjson.dumps({"type": "error", "error": error, "request_id": request_id})
    return Reply(status=refusal.status, body=body, headers=headers)


def _request_id(transport: Transport, reply_id: str) -> str:
    return f"req_vrtx_{reply_id}" if transport is Transport.VERTEX else f"req_{reply_id}"


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=orjson.dumps(value))
