"""OpenAI, Azure's v1 form and every compatible endpoint: the caller's own value goes out, the same bytes come back."""

from collections.abc import Mapping

from libs.catalog.model import Route, Wire
from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Surface
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.dialects import openai_chat, passthrough
from services.worker import domain
from services.worker.providers.base import Prepared
from services.worker.ways_out import WayOut

_DONE = b"data: [DONE]\n\n"


class OpenAIProvider:
    """services.worker.providers.base.Provider for OpenAI's wire format; `key` is the credential, empty for none."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared:
        shape = envelope.shape
        accept = "text/event-stream" if shape.stream else "application/json"
        headers = {"Content-Type": "application/json", "Accept": accept}
        if self._key and way.egress.wire is Wire.AZURE:
            headers["api-key"] = self._key
        elif self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        # The inference surface names in answers what was asked for; on /v1 the provider's own bytes go back.
        model = domain.named(shape.model, route) if envelope.surface == Surface.SURFACE_INFERENCE else None
        return Prepared(
            url=f"{way.base_url}/chat/completions",
            headers=headers,
            body=passthrough.outgoing(
                body, model=route.model, stream=shape.stream, stream_options=envelope.stream_options
            ),
            decoder=_Decoder(include_usage=shape.include_usage, model=model),
        )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
        return openai_chat.read_error(status, headers, body)


class _Decoder:
    """services.worker.providers.base.Decoder over the byte-level pass-through."""

    def __init__(self, *, include_usage: bool, model: str | None) -> None:
        self._model = model
        self._stream = passthrough.OpenAIStream(include_usage, None if model is None else model.encode())
        self._usage: Usage | None = None
        self._output_bytes = 0

    @property
    def started(self) -> bool:
        return self._stream.started

    @property
    def complete(self) -> bool:
        return self._stream.done or self._stream.finished

    @property
    def error(self) -> NorthernError | None:
        return self._stream.error

    @property
    def usage(self) -> Usage | None:
        return self._stream.usage.to_proto() if self._stream.usage else self._usage

    @property
    def output_bytes(self) -> int:
        return self._stream.output_bytes or self._output_bytes

    def feed(self, data: bytes) -> bytes:
        return self._stream.feed(data)

    def finish(self) -> bytes:
        return _DONE

    def whole(self, body: bytes) -> bytes:
        out, usage, self._output_bytes = passthrough.read_answer(body, self._model)
        self._usage = usage.to_proto() if usage else None
        return out
