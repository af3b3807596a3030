"""The models of an OpenAI, Azure or compatible account, by the vendor's own client; everything blocks."""

from collections.abc import Mapping

import openai

from libs.contracts.errors import UpstreamError
from libs.dialects import failures
from services.worker.upstream.ways_out import WayOut

_TIMEOUT_S = 30.0


def list_models(way: WayOut, environ: Mapping[str, str]) -> list[str]:
    """Azure lists the models of the region here, and not the names that its operator gave to deployments."""
    try:
        with _client(way, environ) as client:
            return sorted({model.id for model in client.models.list()})
    except openai.OpenAIError as error:
        raise _meaning(error) from None


def probe(way: WayOut, environ: Mapping[str, str], model: str) -> None:
    try:
        with _client(way, environ) as client:
            client.models.retrieve(model)
    except openai.OpenAIError as error:
        raise _meaning(error) from None


def _client(way: WayOut, environ: Mapping[str, str]) -> openai.OpenAI:
    key = "sandbox" if way.sandbox else environ.get(way.egress.api_key_env, "")
    # A server of the operator's own may want no key, and this client insists on one.
    return openai.OpenAI(api_key=key or "none", base_url=way.base_url, timeout=_TIMEOUT_S, max_retries=1)


def _meaning(error: openai.OpenAIError) -> Exception:
    if isinstance(error, openai.APIStatusError):
        return failures.from_status(error.status_code, error.message)
    return UpstreamError("The provider could not be reached, or its list could not be read.")
