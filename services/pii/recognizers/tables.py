"""Tables in text: the heading of a column is the cue of every cell below it, however far up it stands."""

from typing import NamedTuple

from services.pii.recognizers.cues import CueMap
from services.pii.recognizers.phrases import Cue

_DELIMITERS = (",", ";", "\t", "|", " / ")
_LONGEST_HEADING = 40
_RULE = frozenset("|-: \t+=")  # the line between a heading and its rows
_FEWEST = 2  # delimiters in a line of a table
_PLAIN_MARKS = frozenset(";\t|")  # one is enough of those that sentences have not


class Columns(NamedTuple):
    """A table that goes on: what parts its cells, and the cues of each column."""

    delimiter: str
    cues: tuple[tuple[Cue, ...], ...]


def with_columns(low: str, cues: CueMap, going_on: Columns | None) -> tuple[CueMap, Columns | None]:
    """The cues with those of columns added, and the table that is still open at the end of this slice."""
    if "\n" not in low or (going_on is None and not cues.starts):
        return cues, None
    cells: list[tuple[int, tuple[Cue, ...]]] = []
    table, at, next_cue, length = going_on, 0, 0, len(low)
    while at < length:
        if table is None:  # no line without a cue can head a table
            if next_cue >= len(cues.starts):
                break
            at = low.rfind("\n", 0, cues.starts[next_cue]) + 1
        end = low.find("\n", at)
        end = length if end < 0 else end
        first = next_cue
        while next_cue < len(cues.starts) and cues.starts[next_cue] <= end:
            next_cue += 1
        line = low[at:end]
        if line.startswith("("):  # a row of values in SQL
            line = line.rstrip(",; ")
        if table and (starts := _cells(line, table.delimiter)) and len(starts) == len(table.cues):
            cells += [(at + start, kinds) for start, kinds in zip(starts, table.cues, strict=True)]
        elif line and not (table and set(line) <= _RULE):
            table = _heading(line, at, cues, first, next_cue) if next_cue > first else None
        at = end + 1
    return (cues.with_cells(cells) if cells else cues), table


def _heading(line: str, at: int, cues: CueMap, first: int, last: int) -> Columns | None:
    delimiter = max(_DELIMITERS, key=line.count)
    if line.count(delimiter) < (1 if delimiter in _PLAIN_MARKS else _FEWEST) or sum(map(str.isdigit, line)) > _FEWEST:
        return None
    starts = _cells(line, delimiter)
    ends = [*(start - len(delimiter) for start in starts[1:]), len(line)]
    if any(end - start > _LONGEST_HEADING for start, end in zip(starts, ends, strict=True)):
        return None
    columns = tuple(
        tuple(cue for index in range(first, last) if start <= cues.starts[index] - at < end for cue in cues.cues[index])
        for start, end in zip(starts, ends, strict=True)
    )
    return Columns(delimiter, columns)


def _cells(line: str, delimiter: str) -> list[int]:
    """Where the cells of a line begin; a delimiter between quotes parts nothing."""
    if delimiter not in line:
        return []
    starts = [0]
    quote = '"' if '"' in line else "'" if line.startswith("(") else ""
    if not quote:
        at = line.find(delimiter)
        while at >= 0:
            starts.append(at + len(delimiter))
            at = line.find(delimiter, at + len(delimiter))
        return starts
    quoted = False
    for index, character in enumerate(line):
        if character == quote:
            quoted = not quoted
        elif not quoted and character == delimiter[0] and line.startswith(delimiter, index):
            starts.append(index + len(delimiter))
    return starts
