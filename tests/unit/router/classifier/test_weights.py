from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.router.classifier import weights as file
from services.router.classifier.classify import WEIGHTS
from services.router.classifier.weights import in_steps, read_weights, write_weights


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    kept = read_weights(WEIGHTS)
    write_weights(tmp_path / "again.npz", kept)
    again = read_weights(tmp_path / "again.npz")
    assert again.version == kept.version
    assert again.rows == kept.rows
    assert again.calibration == kept.calibration
    assert (again.terms == kept.terms).all()


def test_a_file_of_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = read_weights(WEIGHTS)
    monkeypatch.setattr(file, "FORMAT", 2)
    write_weights(tmp_path / "newer.npz", kept)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="format 2"):
        read_weights(tmp_path / "newer.npz")


def test_a_file_with_a_column_too_few_is_refused(tmp_path: Path) -> None:
    kept = read_weights(WEIGHTS)
    write_weights(tmp_path / "narrow.npz", replace(kept, terms=kept.terms[:, 1:]))
    with pytest.raises(ValueError, match="does not fit"):
        read_weights(tmp_path / "narrow.npz")


def test_steps_are_within_half_a_step_of_the_value() -> None:
    values = np.random.RandomState(0).randn(50, 4).astype(np.float32)
    steps, sizes = in_steps(values)
    assert np.abs(steps * sizes - values).max() <= sizes.max() / 2 + 1e-6


def test_the_committed_file_is_small_and_says_where_it_comes_from() -> None:
    assert WEIGHTS.stat().st_size < 3_000_000
    assert (WEIGHTS.parent / "ATTRIBUTION.md").is_file()
