"""Anthropic's count_tokens on every route: the provider's own count where it has one, else an estimate."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson

from libs.contracts.errors import CredentialRefused, NorthernError, ProviderRefused, UpstreamError
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.dialects.anthropic_messages.estimate import estimated_tokens
from services.worker import callers
from services.worker.providers.base import Estimated
from services.worker.providers.translated import read_object


def answer(tokens: int) -> bytes:
    return orjson.dumps({"input_tokens": tokens})


def estimate(envelope: Envelope, body: bytes) -> Estimated:
    """Our own count. InvalidRequest where the request could not be sent either."""
    return Estimated(body=answer(estimated_tokens(callers.read(envelope, body))))


def cannot_count(error: NorthernError) -> bool:
    """Whether a refusal speaks of this model or account, and not of the request: then an estimate may stand for it.

    Vertex's counter learns of betas later than its models do, and no count depends on one.
    """
    if isinstance(error, ProviderRefused):
        said = error.message.lower()
        return "model" in said or "anthropic-beta" in said or error.provider_status == HTTPStatus.NOT_FOUND
    return isinstance(error, CredentialRefused)  # an account may call a model and yet not have it count


class Counted:
    """services.worker.providers.base.Decoder of a number: no model ran, so nothing was used."""

    started = complete = False
    error: NorthernError | None = None
    output_bytes = 0

    def __init__(self, read: Callable[[dict[str, Any]], int]) -> None:
        self._read = read

    @property
    def usage(self) -> Usage | None:
        return Usage()

    def feed(self, data: bytes) -> bytes:  # noqa: ARG002 - the seam's; a number is never streamed
        return b""

    def finish(self) -> bytes:
        return b""

    def whole(self, body: bytes) -> bytes:
        return answer(self._read(read_object(body)))


def member(name: str) -> Callable[[dict[str, Any]], int]:
    """Reads a count that is one member of an answer."""

    def read(value: dict[str, Any]) -> int:
        number = value.get(name)
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise UpstreamError("The provider answered something that is not a number of tokens; try again.")
        return number

    return read
