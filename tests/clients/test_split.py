"""Providers' answers cut at every byte, in the middle of characters, of events and of frames: nothing changes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.asking import AZURE, HAIKU, OPENAI
from tests.clients.matrix.cells import DIALECTS, askers
from tests.clients.matrix.scenarios import SCENARIOS, Place
from tests.clients.split_street import split_street
from tests.support.street import Street

pytestmark = pytest.mark.street

DIRECT = "anthropic/claude-sonnet-4-5-20250929-us"
CONVERSE = "bedrock/mistral.mistral-large-2402-v1:0-ca"
GEMINI = "vertex_ai/gemini-2.5-pro-ca"
ROUTES = (OPENAI, AZURE, DIRECT, HAIKU, CONVERSE, GEMINI)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crumbs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    folder: Path = tmp_path_factory.mktemp("split")
    async with split_street(folder) as started:
        yield started


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("scenario", ["plain", "parallel tools", "mid-stream error"])
async def test_an_answer_in_crumbs_is_the_same_answer(crumbs: Street, dialect: str, route: str, scenario: str) -> None:
    """`plain` has letters of two bytes and of four in it."""
    async with askers(crumbs.base_url, crumbs.api_key) as by_dialect:
        for stream in (True, False):
            await SCENARIOS[scenario](Place(asker=by_dialect[dialect], route=route, stream=stream))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("route", [DIRECT, HAIKU, GEMINI])
async def test_signatures_in_crumbs_are_taken_back(crumbs: Street, dialect: str, route: str) -> None:
    async with askers(crumbs.base_url, crumbs.api_key) as by_dialect:
        await SCENARIOS["thinking + tools"](Place(asker=by_dialect[dialect], route=route, stream=True))
