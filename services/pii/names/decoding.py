"""The best sequence of labels: Viterbi on the short stretches where a name is possible at all."""

import math
from dataclasses import dataclass
from operator import add

import numpy as np
import numpy.typing as npt

from services.pii.names.weights import LABELS, Floats

_MANY = 16  # so many stretches are worth stepping through together
_OPENS = 0.0
_MARGIN = 10.0

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """Steps between labels, in the forms the search wants.

    A name's words together must outweigh what staying with "nothing" gains, so one of them leads it by itself: the
    search begins at labels ahead by `opens`, and takes in the words next to them that trail by less than `margin`.
    """

    steps: Floats
    opens: float
    margin: float
    alone: Floats  # of a label with "nothing" on both sides
    ways: list[list[float]]  # the steps from each label
    columns: list[list[float]]  # the steps into each label

    def decode(self, scores: Floats) -> dict[int, int]:
        """Position to label, for the positions whose label is not "nothing"."""
        lead = scores[:, 1:].max(axis=1)
        lead -= scores[:, 0]
        single, longer = self._stretches(lead)
        found: dict[int, int] = {}
        if single:
            best = (scores.take(single, axis=0) + self.alone).argmax(axis=1).tolist()
            found.update((at, label) for at, label in zip(single, best, strict=True) if label)
        if len(longer) > _MANY:
            found.update(_together(scores, self.steps, longer))
            return found
        for start, end in longer:
            labels = self._one(scores[start:end].tolist(), after=start > 0, before=end < len(scores))
            found.update((start + at, label) for at, label in enumerate(labels) if label)
        return found

    def _stretches(self, lead: Floats) -> tuple[list[int], list[tuple[int, int]]]:
        """Words with "nothing" on both sides, and longer runs of words, or at the text's border; ends are excluded.

        A label leads "nothing" there, or stands beside one that does and does not trail too far.
        """
        single: list[int] = []
        longer: list[tuple[int, int]] = []
        seeds = np.flatnonzero(lead > self.opens).tolist()
        if lead[-1] > -self.margin and (not seeds or seeds[-1] != len(lead) - 1):
            seeds.append(len(lead) - 1)  # nothing follows the last word: leaving a name costs nothing there
        if not seeds:
            return single, longer
        close = (lead > -self.margin).tolist()
        size = len(close)
        first = last = -1
        for at in (*seeds, size + 1):
            start = at - 1 if at and at <= size and close[at - 1] else at
            if start > last:
                if last - first == 1 and first > 0 and last < size:
                    single.append(first)
                elif last > first:
                    longer.append((first, last))
                first = start
            last = at + 2 if at + 1 < size and close[at + 1] else at + 1
        return single, longer

    def _one(self, scores: list[list[float]], *, after: bool, before: bool) -> list[int]:
        """One stretch; `after` and `before`: "nothing" stands on that side, which is a step of its own."""
        best = list(map(add, scores[0], self.ways[0])) if after else scores[0]
        bests = [best]
        for row in scores[1:]:
            best = [score + max(map(add, best, column)) for score, column in zip(row, self.columns, strict=True)]
            bests.append(best)
        ends = list(map(add, best, self.columns[0])) if before else best
        label = ends.index(max(ends))
        labels = [label]
        for best in reversed(bests[:-1]):
            sums = list(map(add, best, self.columns[label]))
            label = sums.index(max(sums))
            labels.append(label)
        labels.reverse()
        return labels


def make_decoder(steps: Floats, *, exact: bool = False) -> Decoder:
    """`exact` searches everything: slow, to compare with."""
    return Decoder(
        steps=steps,
        opens=-math.inf if exact else _OPENS,
        margin=math.inf if exact else _MARGIN,
        alone=steps[0] + steps[:, 0],
        ways=steps.tolist(),
        columns=steps.T.tolist(),
    )


def _together(scores: Floats, steps: Floats, stretches: list[tuple[int, int]]) -> dict[int, int]:
    """All stretches at once, longest first, so that each step is one operation over those still running."""
    borders = np.array(sorted(stretches, key=lambda one: one[0] - one[1]), np.intp)
    starts, ends = borders[:, 0], borders[:, 1]
    sizes = ends - starts
    best = scores[starts] + np.where(starts[:, None] > 0, steps[0], 0)
    came = np.zeros((int(sizes[0]), len(starts), len(LABELS)), np.intp)
    for at in range(1, int(sizes[0])):
        running = int(np.searchsorted(-sizes, -at, side="left"))
        ways = best[:running, :, None] + steps
        came[at, :running] = ways.argmax(axis=1)
        best[:running] = ways.max(axis=1) + scores[starts[:running] + at]
    best += np.where((ends < len(scores))[:, None], steps[:, 0], 0)
    return _followed(best.argmax(axis=1), came, starts, sizes)


def _followed(last: Places, came: Places, starts: Places, sizes: Places) -> dict[int, int]:
    """The way back from the best last labels."""
    found: dict[int, int] = {}
    for stretch, (label, start, size) in enumerate(zip(last.tolist(), starts.tolist(), sizes.tolist(), strict=True)):
        here = label
        for at in range(size - 1, -1, -1):
            if here:
                found[start + at] = here
            if at:
                here = int(came[at, stretch, here])
    return found
