"""What `ni` tells its user to type."""

import sys
from pathlib import Path

import pytest

from cli.status import typed


def test_whoever_came_by_make_is_told_its_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKELEVEL", "1")
    assert typed("down") == "make down"
    assert typed("down", "--now") == f"{Path(sys.executable).with_name('ni')} down --now"  # make has no options


def test_whoever_typed_ni_is_told_ni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)
    assert (typed("down"), typed("down", "--now")) == ("ni down", "ni down --now")
