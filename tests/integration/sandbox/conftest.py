"""Sandboxes on free ports, in this process."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from services.sandbox.app import listening
from services.sandbox.settings import SandboxSettings
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
