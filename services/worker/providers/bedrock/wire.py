"""Bedrock's Converse and ConverseStream for callers of OpenAI's dialect: translated, signed, unframed."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from libs.catalog.model import Route
from libs.contracts.errors import NorthernError, UpstreamError
from libs.contracts.ids import issued_at_ms
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Surface
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.dialects import bedrock_converse, openai_chat
from libs.dialects.converse_models import flags_of
from services.worker import domain
from services.worker.providers.base import Prepared
from services.worker.providers.bedrock.framing import FrameDecoder
from services.worker.providers.bedrock.signing import (
    Bearer,
    CredentialChain,
    GivenCredentials,
    Signer,
    SigV4,
    endpoint_url,
)
from services.worker.ways_out import WayOut


class BedrockProvider:
    """services.worker.providers.base.Provider for Converse; credentials come from botocore's own chain."""

    def __init__(self, way: WayOut, bearer: str) -> None:
        chain = GivenCredentials("AKIDSANDBOX", "sandbox") if way.sandbox else CredentialChain()
        sigv4 = SigV4(way.egress.region, lambda: datetime.now(UTC))
        self._signer = Signer(sigv4, chain, Bearer(token=bearer) if bearer and not way.sandbox else None)

    async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared:
        request = openai_chat.read_request(orjson.loads(body))
        converse, dropped = bedrock_converse.write_request(request, flags_of(route.model))
        url = endpoint_url(way.base_url, route.model, "converse-stream" if envelope.shape.stream else "converse")
        payload = orjson.dumps(converse)
        return Prepared(
            url=url,
            headers=await self._signer.headers(url, payload),
            body=payload,
            decoder=_Decoder(envelope, _model(envelope, route)),
            dropped=tuple(dropped),
        )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
        return bedrock_converse.read_error(status, headers, body)


def _model(envelope: Envelope, route: Route) -> str:
    inference = envelope.surface == Surface.SURFACE_INFERENCE
    return domain.named(envelope.shape.model, route) if inference else route.route_id


class _Decoder:
    """services.worker.providers.base.Decoder: frames, then Converse's events, then OpenAI's chunks."""

    def __init__(self, envelope: Envelope, model: str) -> None:
        self._id = f"chatcmpl-{envelope.request_id}"
        self._created = issued_at_ms(envelope.request_id) // 1000
        self._model = model
        self._frames = FrameDecoder()
        self._events = bedrock_converse.StreamDecoder()
        self._chunks = openai_chat.StreamEncoder(self._id, self._created, model, envelope.shape.include_usage)
        self._usage: Usage | None = None
        self._output_bytes = 0

    @property
    def started(self) -> bool:
        return self._events.started

    @property
    def complete(self) -> bool:
        return self._events.finished and not self._frames.pending

    @property
    def error(self) -> NorthernError | None:
        return self._events.error

    @property
    def usage(self) -> Usage | None:
        return self._events.usage.to_proto() if self._events.usage else self._usage

    @property
    def output_bytes(self) -> int:
        return self._events.output_bytes or self._output_bytes

    def feed(self, data: bytes) -> bytes:
        return b"".join(
            self._chunks.encode(self._events.feed(frame.kind, frame.members())) for frame in self._frames.feed(data)
        )

    def finish(self) -> bytes:
        return self._chunks.done()

    def whole(self, body: bytes) -> bytes:
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise UpstreamError("The provider answered something that is not JSON; try again.") from None
        if not isinstance(told, dict):
            raise UpstreamError("The provider answered something that is not an answer; try again.")
        answer = bedrock_converse.read_answer(told)
        self._usage = answer.usage.to_proto() if answer.usage else None
        self._output_bytes = answer.output_bytes
        return openai_chat.write_answer(answer, id=self._id, created=self._created, model=self._model)
