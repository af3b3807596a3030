"""Vertex AI: Gemini by generateContent, Claude by rawPredict in Anthropic's own format; the location always named."""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from libs.catalog.model import Route
from libs.contracts.errors import NorthernError, RouteUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.dialects.anthropic_messages import errors as anthropic_errors
from libs.dialects.form import Written
from libs.dialects.gemini import answer, count, decoder, errors, outgoing
from services.worker import callers, domain
from services.worker.images.fetcher import Limits
from services.worker.providers import claude, counting
from services.worker.providers.base import Decoder, Estimated, Prepared
from services.worker.providers.betas import VERTEX, betas
from services.worker.providers.told import Told
from services.worker.providers.translated import JsonEvents, Translated
from services.worker.providers.vertex.credentials import Token
from services.worker.upstream.ways_out import WayOut

VERSION = "vertex-2023-10-16"


class TokenSource(Protocol):
    async def current(self) -> Token:
        """A token that is valid now. Raises RouteUnavailable."""


class VertexProvider:
    """services.worker.providers.base.Provider; `project` is the operator's, else that of the credentials."""

    def __init__(self, tokens: TokenSource, project: str = "") -> None:
        self._tokens, self._project = tokens, project

    async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared | Estimated:
        """Whatever is wrong with the request is said before a token is asked for."""
        verb, payload, decoding, dropped = (
            _claude(envelope, body, route) if domain.is_claude(route) else _gemini(envelope, body, route)
        )
        token = await self._tokens.current()
        stream = envelope.shape.stream and not callers.counts(envelope)
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if stream else "application/json",
            "Authorization": f"Bearer {token.value}",
        }
        if domain.is_claude(route):
            asked, unknown = betas(envelope, VERTEX)
            dropped = (*dropped, *unknown)
            if asked:
                headers["anthropic-beta"] = ",".join(asked)
        estimated = None
        if callers.counts(envelope):
            ours = counting.estimate(envelope, body)
            estimated = Estimated(body=ours.body, replaces=counting.cannot_count)
        return Prepared(
            url=f"{self._place(way, token)}/publishers/{verb}",
            headers=headers,
            body=payload,
            decoder=decoding,
            dropped=dropped,
            estimated=estimated,
        )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
        """Claude speaks for itself where it is reached; before that it is Google that refuses."""
        read = anthropic_errors.read_error if b'"type":"error"' in b"".join(body.split()) else errors.read_error
        return read(status, headers, body)

    def image_limit(self, route: Route, *, counting: bool) -> int:  # noqa: ARG002 - the seam's: always the same
        return Limits().each

    def _place(self, way: WayOut, token: Token) -> str:
        """Never a default: a location that is left out is `global`, and then the prompt may go anywhere."""
        project, location = self._project or token.project, way.egress.region
        if not project:
            raise RouteUnavailable(
                "This route has no Google Cloud project: the operator has to set GOOGLE_CLOUD_PROJECT."
            )
        base = way.base_url.removesuffix("/v1")
        return f"{base}/v1/projects/{quote(project, safe=':')}/locations/{quote(location, safe='')}"


Parts = tuple[str, bytes, Decoder, tuple[str, ...]]  # publisher and verb, body, decoder, dropped members


def _claude(envelope: Envelope, body: bytes, route: Route) -> Parts:
    front: dict[str, Any] = {"anthropic_version": claude.cloud_version(envelope, route, VERSION)}
    if callers.counts(envelope):
        payload, dropped, _ = claude.body_of(envelope, body, route, {**front, "model": route.model}, cloud=True)
        read = counting.Counted(counting.member("input_tokens"))
        return "anthropic/models/count-tokens:rawPredict", payload, read, dropped
    verb = "rawPredict"
    if envelope.shape.stream:
        front["stream"], verb = True, "streamRawPredict"
    payload, dropped, told = claude.body_of(envelope, body, route, front, cloud=True)
    return f"anthropic/models/{_segment(route)}:{verb}", payload, claude.decoder_of(envelope, route, told), dropped


def _gemini(envelope: Envelope, body: bytes, route: Route) -> Parts:
    request, flags = callers.read(envelope, body), domain.flags_of(route)
    path = f"google/models/{_segment(route)}"
    if callers.counts(envelope):
        payload = Written(body=count.write_count(request, flags)).serialised()
        return f"{path}:countTokens", payload, counting.Counted(count.read_count), ()
    written = outgoing.write_request(request, flags)
    translated = Translated(
        callers.Reply(envelope, route),
        unframer=JsonEvents,
        events=decoder.StreamDecoder,
        read_answer=answer.read_answer,
        told=Told(request, written.names, envelope.request_id),
    )
    verb = "streamGenerateContent?alt=sse" if envelope.shape.stream else "generateContent"
    return f"{path}:{verb}", written.serialised(), translated, written.dropped


def _segment(route: Route) -> str:
    if not route.model.strip("."):
        raise RouteUnavailable("A model id that is a path segment of dots cannot be addressed.")
    return quote(route.model, safe="@")
