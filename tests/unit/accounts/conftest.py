"""A rig for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.accounts.rig import Rig, rig


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made
