"""Anthropic's own API: callers of its dialect pass through with their version and betas, others are translated."""

from collections.abc import Mapping
from typing import Any

from libs.catalog.model import Route
from libs.contracts.errors import NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.dialects.anthropic_messages import errors
from services.worker import callers
from services.worker.providers import claude, counting
from services.worker.providers.base import Prepared
from services.worker.providers.betas import betas, header
from services.worker.upstream.ways_out import WayOut

VERSION = "2023-06-01"  # what a translated request is written for, and what stands where a client names none


class AnthropicProvider:
    """services.worker.providers.base.Provider; one of `key` and `token` is the credential, the key where both are."""

    def __init__(self, key: str, token: str = "") -> None:
        self._credential = credential(key, token)

    async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared:
        counts = callers.counts(envelope)
        front: dict[str, Any] = {"model": route.model}
        if envelope.shape.stream and not counts:
            front["stream"] = True
        payload, dropped, told = claude.body_of(envelope, body, route, front)
        return Prepared(
            url=f"{root(way.base_url)}/v1/messages{'/count_tokens' if counts else ''}",
            headers=self._headers(envelope),
            body=payload,
            decoder=counting.Counted(counting.member("input_tokens"))
            if counts
            else claude.decoder_of(envelope, route, told),
            dropped=dropped,
        )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
        return errors.read_error(status, headers, body)

    def image_limit(self, route: Route, *, counting: bool) -> int:  # noqa: ARG002 - the seam's: always the same
        return 0

    def _headers(self, envelope: Envelope) -> dict[str, str]:
        accept = "text/event-stream" if envelope.shape.stream else "application/json"
        headers = {"Content-Type": "application/json", "Accept": accept, **self._credential}
        passes = callers.is_anthropic(envelope)
        headers["anthropic-version"] = (header(envelope.anthropic_version) if passes else "") or VERSION
        if asked := betas(envelope)[0]:
            headers["anthropic-beta"] = ",".join(asked)
        return headers


def credential(key: str, token: str) -> dict[str, str]:
    return {"x-api-key": key} if key else {"Authorization": f"Bearer {token}"}


def root(base_url: str) -> str:
    """The address before `/v1`, which the vendor's own variable may or may not hold."""
    return base_url.rstrip("/").removesuffix("/v1")
