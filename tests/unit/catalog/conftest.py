"""The shipped catalogue, and a small one of its own that a test may spoil."""

from collections.abc import Callable
from pathlib import Path

import pytest

from libs.catalog.load import load
from libs.catalog.model import Catalog
from tests.unit.catalog.small import FILES

SHIPPED = Path(__file__).resolve().parents[3] / "infra" / "config"

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    return load(SHIPPED)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a whole small catalogue, single files replaced (None: left out), and returns its folder."""

    def _write(**replaced: str | None) -> Path:
        for name, text in {**FILES, **replaced}.items():
            if text is not None:
                (tmp_path / f"{name}.toml").write_text(text)
        return tmp_path

    return _write
