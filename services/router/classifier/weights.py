"""The model's file: one row of weights for each term, one column for each thing that is said of a text."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.router.classifier.build import NUMBERS
from services.router.classifier.tasks import COMPLEXITIES, TASKS

Floats = npt.NDArray[np.float32]
Steps = npt.NDArray[np.int8]

FORMAT = 1
# Columns: tasks, complexities, then how sure a cheap and a strong model are to do it well.
COLUMNS = len(TASKS) + len(COMPLEXITIES) + 2
AT_COMPLEXITY = len(TASKS)
AT_CHEAP = AT_COMPLEXITY + len(COMPLEXITIES)
AT_STRONG = AT_CHEAP + 1
_STEPS = 127


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Constants fitted on text that the weights have not seen."""

    task_temperature: float
    complexity_temperature: float
    gain_mean: float
    gain_spread: float
    length_mean: float
    length_spread: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """`rows` gives the row of a term in `terms` (row, column), in whole steps: sums of them are exact in any order.

    `steps` (column) is the size of one; `measures` (number, column) are for centred numbers.
    """

    version: str
    rows: dict[str, int]
    terms: Steps
    steps: Floats
    measures: Floats
    bias: Floats
    centre: Floats
    scale: Floats
    calibration: Calibration


def read_weights(path: Path) -> Weights:
    """Raises ValueError for a file of another format; OSError where there is none."""
    with np.load(path, allow_pickle=False) as kept:
        about = json.loads(str(kept["about"]))
        if about.get("format") != FORMAT:
            raise ValueError(f"{path.name} is of format {about.get('format')}, this program reads {FORMAT}")
        names = kept["names"].tobytes().decode().split("\n")
        weights = Weights(
            version=about["version"],
            rows={name: row for row, name in enumerate(names)},
            terms=kept["terms"],
            steps=kept["steps"],
            measures=kept["measures"],
            bias=kept["bias"],
            centre=kept["centre"],
            scale=kept["scale"],
            calibration=Calibration(**{one.name: float(about[one.name]) for one in fields(Calibration)}),
        )
    if weights.terms.shape != (len(weights.rows), COLUMNS) or weights.measures.shape != (NUMBERS, COLUMNS):
        raise ValueError(f"{path.name} does not fit this program: train it anew with `make router-model`")
    return weights


def in_steps(values: Floats) -> tuple[Steps, Floats]:
    """Each column in 127 steps either way, and their sizes."""
    sizes = (np.maximum(np.abs(values).max(axis=0), 1e-9) / _STEPS).astype(np.float32)
    return np.round(values / sizes).astype(np.int8), sizes


def write_weights(path: Path, weights: Weights) -> None:
    about: dict[str, Any] = {"format": FORMAT, "version": weights.version, **asdict(weights.calibration)}
    np.savez_compressed(
        path,
        about=np.array(json.dumps(about, sort_keys=True)),
        names=np.frombuffer("\n".join(weights.rows).encode(), np.uint8),
        terms=weights.terms,
        steps=weights.steps,
        measures=weights.measures.astype(np.float32),
        bias=weights.bias.astype(np.float32),
        centre=weights.centre.astype(np.float32),
        scale=weights.scale.astype(np.float32),
    )
