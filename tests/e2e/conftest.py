"""The public port of the shared street."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.edge import Edge, edge_of
from tests.support.street import Street


@pytest.fixture
async def edge(street: Street) -> AsyncIterator[Edge]:
    async with edge_of(street) as opened:
        yield opened
