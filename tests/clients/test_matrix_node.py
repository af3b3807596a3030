"""Both Node SDKs through the rows of the matrix: each cell is named here, and must be said to have passed."""

import asyncio
import base64
import json
from collections import Counter
from typing import Any

import pytest

from tests.clients.asking import png
from tests.clients.matrix.cells import CELLS, OTHER_ROUTES, REFUSED, ROUTES, Cell
from tests.clients.node_suite import needs_node, run_suite
from tests.support.street import Street

pytestmark = pytest.mark.street


@pytest.fixture
def street(failing_street: Street) -> Street:
    return failing_street


LEFT_OUT = {"tool loop"}  # the loop that thinks is the same and more
SHOW_THOUGHTS = {"Anthropic", "Bedrock-Claude", "Gemini", "Vertex-Claude"}


def told(cell: Cell) -> dict[str, Any]:
    """The cell as the suite reads it."""
    return {
        "title": str(cell),
        "dialect": cell.dialect,
        "route": OTHER_ROUTES.get((cell.provider, cell.scenario), ROUTES[cell.provider]),
        "scenario": cell.scenario,
        "stream": cell.stream,
        "refused": (cell.dialect, cell.provider, cell.scenario) in REFUSED,
        "thoughtsShown": cell.provider in SHOW_THOUGHTS,
    }


@needs_node
async def test_every_cell_means_the_same_to_the_node_sdks(street: Street) -> None:
    cells = [cell for cell in CELLS if cell.scenario not in LEFT_OUT]
    env = {"NI_CELLS": json.dumps([told(cell) for cell in cells]), "NI_PNG": base64.b64encode(png()).decode()}
    passed = await asyncio.to_thread(run_suite, street, "matrix.test.mjs", 120, **env)
    assert passed == Counter(["at once", "one by one", *map(str, cells)])
