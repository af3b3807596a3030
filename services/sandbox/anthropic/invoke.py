"""Anthropic's format on Bedrock: InvokeModel, InvokeModelWithResponseStream and CountTokens for Claude."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from services.sandbox.anthropic.answer import Frames, Message
from services.sandbox.anthropic.blocks import Transport
from services.sandbox.anthropic.request import Call, Operation, counted, read
from services.sandbox.bedrock import service
from services.sandbox.bedrock.request import read as read_converse
from services.sandbox.domain import Answer, Ask
from services.sandbox.eventstream import CONTENT_TYPE, GARBAGE, exception_frame
from services.sandbox.wire import Received, Refusal, Reply, Script, json_object


@dataclass(frozen=True, kw_only=True)
class InvokeWire:
    """Bedrock's InvokeModel, InvokeModelWithResponseStream and CountTokens for Claude, at one region's address."""

    region: str
    model: str
    operation: Operation
    secret: str
    unix: Callable[[], float]

    def admit(self, received: Received) -> None:
        service.admit(received, self.region, self.secret, self.unix)

    def read(self, received: Received) -> Ask:
        if "anthropic." not in self.model and not self.model.startswith("arn:"):
            raise Refusal(400, "The provided model identifier is invalid.")
        if "missing-model" in self.model:
            raise Refusal(404, f"Could not resolve the foundation model from the model identifier: {self.model}")
        if self.operation is Operation.COUNT:
            return self._counted(received.body)
        return read(received.body, self._call())

    def whole(self, ask: Ask, said: Answer, reply_id: str, latency_ms: int) -> Reply:
        if self.operation is Operation.COUNT:
            return Reply(status=200, body=orjson.dumps({"inputTokens": said.input_tokens}))
        tokens = {
            "x-amzn-bedrock-invocation-latency": str(latency_ms),
            "x-amzn-bedrock-input-token-count": str(said.input_tokens - said.cached.read - said.cached.written),
            "x-amzn-bedrock-output-token-count": str(said.output_tokens),
            "x-amzn-bedrock-cache-read-input-token-count": str(said.cached.read),
            "x-amzn-bedrock-cache-write-input-token-count": str(said.cached.written),
        }
        return Reply(status=200, body=self._message(ask, said, reply_id).whole(), headers=tokens)

    def script(self, ask: Ask, said: Answer, reply_id: str) -> Script:
        message, frames = self._message(ask, said, reply_id), Frames()
        return Script(
            content_type=CONTENT_TYPE,
            opening=b"",
            head=message.head(frames),
            events=message.events(frames),
            tail=lambda latency_ms: message.tail(frames, latency_ms),
            error=exception_frame,
            garbage=GARBAGE,
        )

    def refuse(self, refusal: Refusal, reply_id: str) -> Reply:  # noqa: ARG002 - a header says it
        return service.error(refusal)

    def headers(self, reply_id: str, latency_ms: int) -> Mapping[str, str]:  # noqa: ARG002 - OpenAI's carry it
        more = {"x-amzn-bedrock-content-type": "application/json"} if self.operation is Operation.STREAM else {}
        return {**service.identified(reply_id), **more}

    def _message(self, ask: Ask, said: Answer, reply_id: str) -> Message:
        return Message(transport=Transport.BEDROCK, ask=ask, said=said, reply_id=reply_id)

    def _call(self) -> Call:
        return Call(
            transport=Transport.BEDROCK,
            model=self.model,
            stream=self.operation is Operation.STREAM,
            counting=self.operation is Operation.COUNT,
        )

    def _counted(self, raw: bytes) -> Ask:
        """CountTokens: a request of InvokeModel as base64, or one of Converse, is counted and not answered."""
        body = json_object(raw)
        given = body.get("input") if body is not None and set(body) == {"input"} else None
        match given:
            case {"invokeModel": {"body": str(encoded)}, **rest} if not rest:
                inner = json_object(_decoded(encoded))
                if inner is None:
                    raise Refusal(400, "The body of input.invokeModel is not a JSON object.")
                return counted(inner, self._call())
            case {"converse": dict(asked), **rest} if not rest:
                return read_converse(orjson.dumps(asked), self.model, stream=False)
            case _:
                raise Refusal(400, "The value at input must hold exactly one of: converse, invokeModel.")


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "The body of input.invokeModel is not valid base64.") from None
