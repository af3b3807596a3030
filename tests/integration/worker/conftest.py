"""Time in tests: the worker's clock ticks fast, so that its deadlines can be short."""

import pytest


@pytest.fixture(autouse=True)
def _fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.handlers._TICK_S", 0.02)
