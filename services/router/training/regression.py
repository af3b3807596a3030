"""Logistic regression on sparse rows, in numpy alone: sums by segment, and L-BFGS."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

_REMEMBERED = 8
_ENOUGH = 1e-4  # of the loss, over five steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Sparse:
    """Rows of a matrix: row i has `values` at `columns` from starts[i] to starts[i + 1]; and a dense part beside."""

    columns: Places
    values: Floats
    starts: Places
    width: int
    dense: Floats

    @property
    def height(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: Places) -> "Sparse":
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        at = np.repeat(self.starts[rows] - starts[:-1], sizes) + np.arange(starts[-1])
        return Sparse(
            columns=self.columns[at],
            values=self.values[at],
            starts=starts,
            width=self.width,
            dense=self.dense[rows],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    terms: Floats
    measures: Floats
    bias: Floats

    def say(self, rows: Sparse) -> Floats:
        said: Floats = _times(rows, self.terms) + rows.dense @ self.measures + self.bias
        return said


def fit(rows: Sparse, wanted: Floats, weight: Floats, *, strength: float, steps: int, dense: bool) -> Fitted:
    """Softmax regression on shares `wanted` (row, class); `strength` is the inverse of the ridge.

    Without `dense` the dense part stays silent.
    """
    classes = wanted.shape[1]
    across = _turned(rows)
    measures = rows.dense.shape[1]
    sizes = (rows.width * classes, measures * classes)
    start = np.zeros(sum(sizes) + classes, np.float32)
    start[-classes:] = np.log(np.maximum((wanted * weight[:, None]).sum(axis=0), 1e-3) / weight.sum())

    def parts(flat: Floats) -> Fitted:
        return Fitted(
            terms=flat[: sizes[0]].reshape(rows.width, classes),
            measures=flat[sizes[0] : sum(sizes)].reshape(measures, classes),
            bias=flat[-classes:],
        )

    def loss(flat: Floats) -> tuple[float, Floats]:
        now = parts(flat)
        said = now.say(rows)
        said -= said.max(axis=1, keepdims=True)
        raised = np.exp(said)
        total = raised.sum(axis=1, keepdims=True)
        lost = -float((wanted * (said - np.log(total)) * weight[:, None]).sum())
        off = (raised / total - wanted) * weight[:, None]
        slope = np.empty_like(flat)
        slope[: sizes[0]] = _times(across, off).reshape(-1)
        slope[sizes[0] : sum(sizes)] = (rows.dense.T @ off).reshape(-1) if dense else 0
        slope[-classes:] = off.sum(axis=0)
        body = flat[:-classes]
        slope[:-classes] += body / strength
        return lost + float(body @ body) / strength / 2, slope

    return parts(_least(loss, start, steps))


def _turned(rows: Sparse) -> Sparse:
    """The matrix turned, without its dense part."""
    order = np.argsort(rows.columns, kind="stable")
    at = np.repeat(np.arange(rows.height), np.diff(rows.starts))[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows.columns, minlength=rows.width))])
    return Sparse(
        columns=at, values=rows.values[order], starts=starts, width=rows.height, dense=np.zeros((rows.width, 0), "f4")
    )


def _times(rows: Sparse, by: Floats, at_once: int = 200_000) -> Floats:
    out = np.zeros((rows.height, by.shape[1]), np.float32)
    first = 0
    while first < rows.height:
        last = int(np.searchsorted(rows.starts, rows.starts[first] + at_once, side="right")) - 1
        last = min(max(last, first + 1), rows.height)
        low, high = rows.starts[first], rows.starts[last]
        full = np.flatnonzero(np.diff(rows.starts[first : last + 1]))  # segments without entries confuse reduceat
        if len(full):
            part = by.take(rows.columns[low:high], axis=0)
            part *= rows.values[low:high, None]
            out[first + full] = np.add.reduceat(part, rows.starts[first + full] - low, axis=0)
        first = last
    return out


def _least(loss: Callable[[Floats], tuple[float, Floats]], at: Floats, steps: int) -> Floats:
    """L-BFGS with backtracking (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 3.1)."""
    value, slope = loss(at)
    moves: deque[tuple[Floats, Floats, float]] = deque(maxlen=_REMEMBERED)
    seen = deque([value], maxlen=6)
    for _ in range(steps):
        way = _direction(slope, moves)
        downhill = float(way @ slope)
        length = 1.0 if moves else 1.0 / max(1.0, float(np.abs(slope).max()))
        while True:
            new = at + np.float32(length) * way
            new_value, new_slope = loss(new)
            if new_value <= value + 1e-4 * length * downhill or length < 1e-6:  # noqa: PLR2004
                break
            length /= 2
        moved, bent = new - at, new_slope - slope
        curve = float(moved @ bent)
        if curve > 1e-10:  # noqa: PLR2004
            moves.append((moved, bent, 1 / curve))
        at, value, slope = new, new_value, new_slope
        seen.append(value)
        if len(seen) == seen.maxlen and (seen[0] - seen[-1]) < _ENOUGH * abs(seen[-1]):
            break
    return at


def _direction(slope: Floats, moves: deque[tuple[Floats, Floats, float]]) -> Floats:
    way = -slope
    shares = []
    for moved, bent, inverse in reversed(moves):
        share = np.float32(inverse * float(moved @ way))
        shares.append(share)
        way -= share * bent
    if moves:
        moved, bent, inverse = moves[-1]
        way *= np.float32(1 / (inverse * float(bent @ bent)))
    for (moved, bent, inverse), share in zip(moves, reversed(shares), strict=True):
        way += (share - np.float32(inverse * float(bent @ way))) * moved
    return way
