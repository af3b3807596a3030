"""Bedrock's Converse and ConverseStream at one region's address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.sandbox.bedrock import service
from services.sandbox.bedrock.answer import converse, script
from services.sandbox.bedrock.request import ConverseAsk, read
from services.sandbox.domain import Answer, Ask
from services.sandbox.wire import Received, Refusal, Reply, Script


@dataclass(frozen=True, kw_only=True)
class BedrockWire:
    """One region, one model, one of the two operations. An empty `secret` checks that a signature is there, no more."""

    region: str
    model: str
    stream: bool
    secret: str
    unix: Callable[[], float]

    def admit(self, received: Received) -> None:
        service.admit(received, self.region, self.secret, self.unix)

    def read(self, received: Received) -> Ask:
        return read(received.body, self.model, stream=self.stream)

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:
        assert isinstance(ask, ConverseAsk)
        return Reply(status=200, body=converse(ask, said, reply_id, latency_ms))

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:
        assert isinstance(ask, ConverseAsk)
        return script(ask, said, reply_id)

    def refuse(self, refusal: Refusal, reply_id: str) -> Reply:  # noqa: ARG002 - Anthropic's names the request
        return service.error(refusal)

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:  # noqa: ARG002 - OpenAI's carry it
        return service.identified(reply_id)
