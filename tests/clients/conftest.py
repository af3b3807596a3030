"""OpenAI's own Python SDK, pointed at the running street."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI

from tests.support.street import Street


@pytest.fixture
async def client(street: Street) -> AsyncIterator[AsyncOpenAI]:
    """No retries: what the street answers is what the test sees."""
    async with AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key=street.api_key, max_retries=0) as made:
        yield made
