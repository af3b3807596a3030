"""The detector's score on a Canadian set: `dev` as often as one likes, `sealed` once, after all tuning."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.pii.entities import EntityType
from services.pii.recognizers.detector import load_detector
from tests.load.pii_scores import NAMES, Count, Span, rows, score

_FOLDER: Final = Path(__file__).parents[1] / "data"
_SETS: Final = ("pii_canada", "pii_canada_2", "pii_canada_3")
_NAMED: Final = ("PERSON", "LOCATION")


def table(counts: dict[str, Count]) -> str:
    """A line a type, then all but names and places together. `masked`: touched by a hit of any type."""
    lines = [f"{'type':<14}{'labels':>7}{'P':>7}{'R':>7}{'F1':>7}{'masked':>8}"]
    structured = Count()
    for name, count in sorted(counts.items(), key=lambda item: (item[0] not in _NAMED, item[0])):
        if name not in _NAMED:
            structured.add(count)
        lines.append(_line(name, count))
    return "\n".join([*lines, _line("structured", structured)])


def _line(name: str, count: Count) -> str:
    masked = 1 - count.leaked / count.gold if count.gold else 1.0
    return f"{name:<14}{count.gold:>7}{count.precision:>7.3f}{count.recall:>7.3f}{count.f1:>7.3f}{masked:>8.3f}"


def main() -> int:
    """Print the table of one half, both languages together and each alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("half", choices=("dev", "sealed"))
    parser.add_argument("--set", choices=_SETS, default=_SETS[0], dest="name", help="which of the sets (the first)")
    asked = parser.parse_args()
    half, name = str(asked.half), str(asked.name)
    detector = load_detector()

    def detect(text: str) -> Sequence[Span]:
        return [(one.start, one.end, one.type.value) for one in detector.detect(text)]

    types = frozenset(NAMES.get(one.value, one.value) for one in EntityType)
    labelled = rows(_FOLDER / name, half, NAMES)
    sys.stdout.write(f"{name} {half}, {len(labelled)} prompts\n{table(score(labelled, types, detect))}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
