"""What tests of every room share: one running street per session."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.street import Street


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """The whole street with the sandbox, shared: a test that kills or fills something starts its own."""
    async with Street(tmp_path_factory.mktemp("street") / "state") as started:
        yield started
