"""What an account may call is asked of the providers' list APIs by their own clients; here they meet a small server."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from libs.catalog.load import load
from libs.catalog.model import Wire
from libs.contracts.errors import CredentialRefused, NorthernError, ProviderRefused, RouteUnavailable, UpstreamError
from services.worker.providers.anthropic import discovery as anthropic
from services.worker.providers.bedrock import discovery as bedrock
from services.worker.providers.openai import discovery as openai
from services.worker.providers.vertex import discovery as vertex
from services.worker.upstream.ways_out import WayOut, find

KEY = "canary-credential-7f3a9"
CATALOG = load(Path("infra/config"))
EGRESSES = {
    Wire.OPENAI: "openai",
    Wire.AZURE: "azure-ca",
    Wire.ANTHROPIC: "anthropic",
    Wire.BEDROCK: "bedrock-ca",
    Wire.VERTEX: "vertex-ca",
}
DISCOVERY: dict[Wire, Any] = {
    Wire.OPENAI: openai,
    Wire.AZURE: openai,
    Wire.ANTHROPIC: anthropic,
    Wire.BEDROCK: bedrock,
    Wire.VERTEX: vertex,
}
PAGES: dict[str, Any] = {
    "/openai/v1/models": {"object": "list", "data": [{"id": "gpt-b", "object": "model"}, {"id": "gpt-a"}]},
    "/openai/v1/models/gpt-a": {"id": "gpt-a", "object": "model", "created": 1, "owned_by": "o"},
    "/v1/models": {"data": [{"type": "model", "id": "claude-b"}], "has_more": True, "last_id": "claude-b"},
    "/v1/models?after_id": {"data": [{"id": "claude-a"}], "has_more": False, "last_id": "claude-a"},
    "/v1/models/claude-a": {"type": "model", "id": "claude-a"},
    "/foundation-models": {"modelSummaries": [{"modelId": "mistral.m-v1:0", "modelArn": "arn:x"}]},
    "/inference-profiles": {
        "inferenceProfileSummaries": [
            {"inferenceProfileId": "global.anthropic.c", "status": "ACTIVE", "type": "SYSTEM_DEFINED"},
            {"inferenceProfileId": "us.gone", "status": "INACTIVE", "type": "SYSTEM_DEFINED"},
        ],
        "nextToken": "2",
    },
    "/inference-profiles?nextToken": {
        "inferenceProfileSummaries": [{"inferenceProfileId": "us.anthropic.c", "status": "ACTIVE"}]
    },
    "/foundation-models/mistral.m-v1:0": {"modelDetails": {"modelArn": "arn:x", "modelId": "mistral.m-v1:0"}},
    "/inference-profiles/global.anthropic.c": {"inferenceProfileId": "global.anthropic.c", "status": "ACTIVE"},
    "/v1beta1/publishers/google/models": {
        "publisherModels": [{"name": "publishers/google/models/gemini-x", "versionId": "default"}],
        "nextPageToken": "2",
    },
    "/v1beta1/publishers/google/models?pageToken": {
        "publisherModels": [{"name": "publishers/google/models/gemini-y", "versionId": "001"}]
    },
    "/v1beta1/publishers/anthropic/models": {
        "publisherModels": [{"name": "publishers/anthropic/models/claude-x", "versionId": "20250929"}]
    },
    "/v1/projects/sandbox/locations/northamerica-northeast1/publishers/google/models/gemini-x:countTokens": {
        "totalTokens": 1
    },
    "/v1/projects/sandbox/locations/northamerica-northeast1/publishers/anthropic/models/count-tokens:rawPredict": {
        "input_tokens": 1
    },
}


@dataclass
class Lists:
    """Answers `PAGES`; with a status, refuses everything."""

    url: str = ""
    status: int = 200
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        self.asked.append((request.path_qs, request.headers.copy()))
        if self.status != 200:
            error = {"message": f"no, {KEY}", "Message": "no", "code": self.status}
            return web.json_response({"error": error, "message": "no"}, status=self.status)
        further = next((f"?{name}" for name in ("after_id", "nextToken", "pageToken") if name in request.query), "")
        page = PAGES.get(request.path + further)
        return web.json_response(page if page is not None else {"message": "none"}, status=200 if page else 404)


@asynccontextmanager
async def lists(status: int = 200) -> AsyncIterator[Lists]:
    found = Lists(status=status)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", found.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


def way_of(wire: Wire, url: str) -> tuple[WayOut, dict[str, str]]:
    """As the environment of an operator leads there; Google's credentials alone are the sandbox's."""
    environ = {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{url}/openai/v1",
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_ENDPOINT": url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIDX",
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_ENDPOINT_URL_BEDROCK": url,
        "GOOGLE_VERTEX_BASE_URL": url,
        "GOOGLE_APPLICATION_CREDENTIALS": "x",
    }
    way = find(CATALOG.egresses[EGRESSES[wire]], environ, None)
    return (replace(way, sandbox=True) if wire is Wire.VERTEX else way), environ


@pytest.mark.parametrize(
    ("wire", "models"),
    [
        (Wire.OPENAI, ["gpt-a", "gpt-b"]),
        (Wire.AZURE, ["gpt-a", "gpt-b"]),
        (Wire.ANTHROPIC, ["claude-a", "claude-b"]),
        (Wire.BEDROCK, ["global.anthropic.c", "mistral.m-v1:0", "us.anthropic.c"]),
        (Wire.VERTEX, ["claude-x@20250929", "gemini-x", "gemini-y"]),
    ],
)
async def test_every_page_of_a_providers_list_is_read(wire: Wire, models: list[str]) -> None:
    async with lists() as server:
        way, environ = way_of(wire, server.url)
        assert await asyncio.to_thread(DISCOVERY[wire].list_models, way, environ) == models
    said = server.asked[0][1]
    begins = {Wire.BEDROCK: "AWS4-HMAC-SHA256 Credential=AKIDX/", Wire.VERTEX: "Bearer sandbox"}
    credential = said["x-api-key" if wire is Wire.ANTHROPIC else "Authorization"]
    assert credential.removeprefix("Bearer ") == KEY or credential.startswith(begins[wire])


@pytest.mark.parametrize(
    ("wire", "model"),
    [
        (Wire.OPENAI, "gpt-a"),
        (Wire.ANTHROPIC, "claude-a"),
        (Wire.BEDROCK, "mistral.m-v1:0"),
        (Wire.BEDROCK, "global.anthropic.c"),
        (Wire.VERTEX, "gemini-x"),
        (Wire.VERTEX, "claude-x@20250929"),
    ],
)
async def test_a_model_that_can_be_called_is_told_from_one_that_cannot(wire: Wire, model: str) -> None:
    async with lists() as server:
        way, environ = way_of(wire, server.url)
        await asyncio.to_thread(DISCOVERY[wire].probe, way, environ, model)
        if not model.startswith("claude-x"):  # that one is named in the body
            with pytest.raises(ProviderRefused):
                await asyncio.to_thread(DISCOVERY[wire].probe, way, environ, "none-such")


@pytest.mark.parametrize("wire", list(EGRESSES))
@pytest.mark.parametrize(("status", "kind"), [(401, CredentialRefused), (403, CredentialRefused), (500, UpstreamError)])
async def test_a_refusal_is_one_of_our_errors_and_holds_no_credential(
    wire: Wire, status: int, kind: type[NorthernError]
) -> None:
    kinds = (kind, RouteUnavailable) if wire is Wire.VERTEX else kind  # Google's client renews a refused token first
    async with lists(status) as server:
        way, environ = way_of(wire, server.url)
        for ask in (
            lambda: DISCOVERY[wire].list_models(way, environ),
            lambda: DISCOVERY[wire].probe(way, environ, "x"),
        ):
            with pytest.raises(kinds) as error:
                await asyncio.to_thread(ask)
            assert KEY not in error.value.message


@pytest.mark.parametrize("wire", list(EGRESSES))
async def test_a_provider_that_is_not_there_is_an_upstream_error(wire: Wire) -> None:
    way, environ = way_of(wire, "http://127.0.0.1:1")
    with pytest.raises(UpstreamError):
        await asyncio.to_thread(DISCOVERY[wire].list_models, way, environ)
