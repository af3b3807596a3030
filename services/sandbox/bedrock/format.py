"""Bedrock's Converse and ConverseStream at one region's address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from services.sandbox.bedrock.answer import converse, script
from services.sandbox.bedrock.request import read
from services.sandbox.bedrock.signature import present, verify
from services.sandbox.domain import Answer, Ask
from services.sandbox.wire import Received, Refusal, Reply, Script

_KINDS: Mapping[int, str] = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    413: "RequestEntityTooLargeException",
    422: "ValidationException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
    529: "ServiceUnavailableException",
}


@dataclass(frozen=True, kw_only=True)
class BedrockWire:
    """One region, one model, one of the two operations. An empty `secret` checks that a signature is there, no more."""

    region: str
    model: str
    stream: bool
    secret: str
    unix: Callable[[], float]

    def admit(self, received: Received) -> None:
        present(received)
        if self.secret and not received.headers.get("authorization", "").startswith("Bearer "):
            verify(received, self.region, self.secret, self.unix)

    def read(self, received: Received) -> Ask:
        return read(received.body, self.model, stream=self.stream)

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:  # noqa: ARG002 - Converse does not echo the request
        return Reply(status=200, body=converse(said, reply_id, latency_ms))

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:  # noqa: ARG002 - as above
        return script(said, reply_id)

    def refuse(self, refusal: Refusal) -> Reply:
        kind = refusal.kind or _KINDS.get(refusal.status, "ValidationException")
        return Reply(
            status=refusal.status,
            body=orjson.dumps({"message": refusal.message}),
            headers={"x-amzn-ErrorType": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"},
        )

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:  # noqa: ARG002 - OpenAI's carry it
        return {"x-amzn-requestid": f"{reply_id[:8]}-{reply_id[8:12]}-4000-8000-{reply_id[-12:]}"}
