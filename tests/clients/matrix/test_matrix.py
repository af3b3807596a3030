"""Every dialect on every provider's wire format: each cell a conversation through the running street."""

import pytest

from tests.clients.matrix.cells import CELLS, Cell, askers, run
from tests.support.street import Street

pytestmark = pytest.mark.street


@pytest.fixture
def street(failing_street: Street) -> Street:
    return failing_street


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_the_conversation_means_the_same_on_every_route(street: Street, cell: Cell) -> None:
    async with askers(street.base_url, street.api_key) as by_dialect:
        await run(cell, by_dialect[cell.dialect])
