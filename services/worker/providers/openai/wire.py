"""OpenAI, Azure and every compatible endpoint: callers of the dialect pass through, others are translated."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from libs.catalog.model import Route, Tier, Wire
from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.dialects.openai_chat import answer, decoder, errors, outgoing, passthrough
from services.worker import callers, domain
from services.worker.images.fetcher import Limits
from services.worker.providers import counting
from services.worker.providers.base import Decoder, Estimated, Prepared
from services.worker.providers.passed import Passed
from services.worker.providers.told import Told
from services.worker.providers.translated import JsonEvents, Translated
from services.worker.upstream.ways_out import WayOut

_DONE = b"data: [DONE]\n\n"
_AZURE_V1 = "/openai/v1"


class OpenAIProvider:
    """services.worker.providers.base.Provider for OpenAI's wire format; `key` is the credential, empty for none.

    With an `api_version` Azure is called in its older form, whose path names the deployment.
    """

    def __init__(self, key: str, *, api_version: str = "") -> None:
        self._key, self._api_version = key, api_version

    async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared | Estimated:
        if callers.counts(envelope):
            return counting.estimate(envelope, body)
        payload, decoder, dropped = (
            _translated(envelope, body, route, way)
            if callers.is_anthropic(envelope)
            else _passed(envelope, body, route, way)
        )
        return Prepared(
            url=self._url(way, route),
            headers=self._headers(way, stream=envelope.shape.stream),
            body=payload,
            decoder=decoder,
            dropped=dropped,
        )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
        return errors.read_error(status, headers, body)

    def image_limit(self, route: Route, *, counting: bool) -> int | None:
        """The operator's own servers fetch nothing: their network is not the caller's to look around in."""
        if counting:
            return None
        return Limits().each if route.tier is Tier.SELF_HOSTED else 0

    def _url(self, way: WayOut, route: Route) -> str:
        if way.egress.wire is not Wire.AZURE or not self._api_version:
            return f"{way.base_url}/chat/completions"
        endpoint, deployment = way.base_url.removesuffix(_AZURE_V1), quote(route.model, safe="")
        version = quote(self._api_version, safe="")
        return f"{endpoint}/openai/deployments/{deployment}/chat/completions?api-version={version}"

    def _headers(self, way: WayOut, *, stream: bool) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if stream else "application/json",
        }
        if self._key and way.egress.wire is Wire.AZURE:
            headers["api-key"] = self._key
        elif self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers


def _passed(envelope: Envelope, body: bytes, route: Route, way: WayOut) -> tuple[bytes, Decoder, tuple[str, ...]]:
    shape, model = envelope.shape, callers.renamed(envelope, route)
    if domain.flags_of(route).thinking == "effort" and not _compatible(way):
        body = passthrough.for_thinkers(body)
    payload = passthrough.outgoing(body, model=route.model, stream=shape.stream, stream_options=envelope.stream_options)
    stream = passthrough.OpenAIStream(
        shape.include_usage, None if model is None else model.encode(), choices=_choices(body) if shape.stream else 1
    )
    return payload, Passed(stream, last=lambda: _DONE, read_answer=passthrough.read_answer, model=model), ()


def _translated(envelope: Envelope, body: bytes, route: Route, way: WayOut) -> tuple[bytes, Decoder, tuple[str, ...]]:
    flags = domain.flags_of(route, legacy_max_tokens=_compatible(way))
    request = callers.read(envelope, body)
    written = outgoing.write_request(request, flags)
    front: dict[str, Any] = {"model": route.model}
    if envelope.shape.stream:
        front |= {"stream": True, "stream_options": {"include_usage": True}}
    translated = Translated(
        callers.Reply(envelope, route),
        unframer=JsonEvents,
        events=decoder.StreamDecoder,
        read_answer=answer.read_answer,
        told=Told(request, written.names, envelope.request_id),
    )
    return written.serialised(front), translated, written.dropped


def _compatible(way: WayOut) -> bool:
    """Whether it is somebody else's server for OpenAI's format, which may know the older names alone."""
    return way.egress.wire is Wire.OPENAI and way.egress.provider != "OpenAI"


def _choices(body: bytes) -> int:
    """How many answers a stream holds: each ends by itself. Read only where the body may ask for several."""
    if b'"n":' not in body:
        return 1
    asked = orjson.loads(body).get("n")
    return asked if isinstance(asked, int) and not isinstance(asked, bool) and 1 < asked <= 128 else 1  # noqa: PLR2004 - OpenAI's own limit
