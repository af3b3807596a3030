"""Sandboxes on free ports, in this process, and Anthropic's own clients of them."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from anthropic import AsyncAnthropic

from services.sandbox.app import listening
from services.sandbox.settings import SandboxSettings
from tests.integration.sandbox.claude import MODELS, Client, client_of
from tests.integration.sandbox.running import SECRET, Running


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with listening(SandboxSettings()) as port, aiohttp.ClientSession() as http:
        yield Running(url=f"http://127.0.0.1:{port}", http=http)


@pytest.fixture
async def signed() -> AsyncIterator[Running]:
    """One that verifies signatures."""
    settings = SandboxSettings.model_validate({"sandbox_aws_secret": SECRET})
    async with listening(settings) as port, aiohttp.ClientSession() as http:
        yield Running(url=f"http://127.0.0.1:{port}", http=http)


@pytest.fixture(params=list(MODELS))
async def caller(signed: Running, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Client, str]]:
    """A client of each transport, and a model's name there."""
    async with client_of(signed.url, request.param) as made:
        yield made, MODELS[request.param]


@pytest.fixture
async def direct(sandbox: Running) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=f"{sandbox.url}/anthropic", api_key="k", max_retries=0) as made:
        yield made
