"""Bedrock: Claude by InvokeModel in Anthropic's own format, every other model by Converse; signed by us."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from libs.catalog.model import Route
from libs.catalog.profiles import PROFILE
from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.dialects.bedrock_converse import answer, decoder, errors, request
from libs.dialects.form import Written
from libs.dialects.models import ModelFlags
from services.worker import callers, domain
from services.worker.images.fetcher import Limits
from services.worker.providers import claude, counting
from services.worker.providers.base import Decoder, Estimated, Prepared
from services.worker.providers.bedrock.events import ClaudeFrames, ConverseFrames, PassedFrames
from services.worker.providers.bedrock.signing import (
    Bearer,
    CredentialChain,
    GivenCredentials,
    Signer,
    SigV4,
    endpoint_url,
)
from services.worker.providers.betas import BEDROCK, betas
from services.worker.providers.told import Told
from services.worker.providers.translated import Translated
from services.worker.upstream.ways_out import WayOut

VERSION = "bedrock-2023-05-31"
_CONVERSE_IMAGE = 3_750_000  # Converse's own limit on one image
# What Converse's models do each their own way, by their makers. AWS, ToolChoice: a tool by its name is "only supported
# by Anthropic Claude 3 and Amazon Nova models". The rest others met and wrote down: langchain-aws who can be made to
# call, pydantic-ai who refuses what stands beside a result, or its status.
_OWN_WAYS: Mapping[str, Mapping[str, Any]] = {
    "deepseek": {"forced": "any"},
    "meta": {"forced": "none", "results_alone": True},
    "mistral": {"forced": "any", "results_alone": True},
    "writer": {"error_results": False},
}
_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")


class BedrockProvider:
    """services.worker.providers.base.Provider; calls with the bearer token, or where it is empty the chain's."""

    def __init__(self, way: WayOut, bearer: str, chain: CredentialChain | GivenCredentials) -> None:
        sigv4 = SigV4(way.egress.region, lambda: datetime.now(UTC))
        self._signer = Signer(sigv4, chain, Bearer(token=bearer) if bearer else None)
        self._uncounted: set[str] = set()  # models for which Bedrock said that it has no counter

    async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared | Estimated:
        if callers.counts(envelope):
            return await self._count(envelope, body, route, way)
        if domain.is_claude(route):
            verb, (payload, dropped, told) = "invoke", _claude(envelope, body, route)
            decoding = _claude_decoder(envelope, route, told)
        else:
            verb, (payload, dropped, decoding) = "converse", _converse(envelope, body, route)
        if envelope.shape.stream:
            verb = f"{verb}-with-response-stream" if verb == "invoke" else f"{verb}-stream"
        url = endpoint_url(way.base_url, route.model, verb)
        return Prepared(
            url=url,
            headers=await self._signer.headers(url, payload),
            body=payload,
            decoder=decoding,
            dropped=dropped,
        )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
        return errors.read_error(status, headers, body)

    def image_limit(self, route: Route, *, counting: bool) -> int:  # noqa: ARG002 - the seam's: counted as they are
        return Limits().each if domain.is_claude(route) else _CONVERSE_IMAGE

    async def _count(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared | Estimated:
        """CountTokens knows models by their own ids, not by the profiles that they are called through."""
        model = PROFILE.sub("", route.model, count=1)
        estimated = counting.estimate(envelope, body)
        if model in self._uncounted:
            return estimated
        url = endpoint_url(way.base_url, model, "count-tokens")
        payload = Written(body={"input": _to_count(envelope, body, route)}).serialised()
        return Prepared(
            url=url,
            headers=await self._signer.headers(url, payload),
            body=payload,
            decoder=counting.Counted(counting.member("inputTokens")),
            estimated=Estimated(
                body=estimated.body, replaces=counting.cannot_count, noted=lambda: self._uncounted.add(model)
            ),
        )


def _claude(envelope: Envelope, body: bytes, route: Route) -> claude.Outgoing:
    front: dict[str, Any] = {"anthropic_version": claude.cloud_version(envelope, route, VERSION)}
    asked, unknown = betas(envelope, BEDROCK)
    if asked:
        front["anthropic_beta"] = asked
    made = claude.body_of(envelope, body, route, front, cloud=True)
    return made._replace(dropped=(*made.dropped, *unknown))


def _claude_decoder(envelope: Envelope, route: Route, told: Told | None) -> Decoder:
    if callers.is_anthropic(envelope):
        return PassedFrames(callers.renamed(envelope, route))
    return claude.decoder_of(envelope, route, told, ClaudeFrames)


def _converse(envelope: Envelope, body: bytes, route: Route) -> tuple[bytes, tuple[str, ...], Decoder]:
    asked = callers.read(envelope, body)
    written = request.write_request(asked, _flags(route))
    translated = Translated(
        callers.Reply(envelope, route),
        unframer=ConverseFrames,
        events=decoder.StreamDecoder,
        read_answer=answer.read_answer,
        told=Told(asked, written.names, envelope.request_id, written.answer_tool),
    )
    return written.serialised(), written.dropped, translated


def _flags(route: Route) -> ModelFlags:
    flags = domain.flags_of(route)
    own = _OWN_WAYS.get(PROFILE.sub("", route.model, count=1).partition(".")[0])
    return replace(flags, **own) if own else flags


def _to_count(envelope: Envelope, body: bytes, route: Route) -> dict[str, Any]:
    if domain.is_claude(route):
        whole = {"max_tokens": 1, **orjson.loads(_claude(envelope, body, route)[0])}  # InvokeModel insists on a limit
        return {"invokeModel": {"body": base64.b64encode(orjson.dumps(whole)).decode()}}
    written = request.write_request(callers.read(envelope, body), _flags(route)).body
    return {"converse": {name: written[name] for name in _COUNTED if name in written}}
