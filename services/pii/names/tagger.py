"""Names of people and places in a text, by the small sequence model that `make pii-model` trains."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from services.pii.entities import Entity, EntityType
from services.pii.names.decoding import Decoder, make_decoder
from services.pii.names.gazetteer import Gazetteer, read_gazetteer
from services.pii.names.table import Table
from services.pii.names.tokens import NEWLINE, Case, case_of, cut
from services.pii.names.weights import LABELS, Floats, Weights, chain, read_weights

DATA = Path(__file__).parent / "data"
RECOGNIZER = "names"

_BATCH = 8_192  # tokens scored at once: bounds the memory of a call
_PORTION = 2_048
_LETTER = re.compile(r"[^\W\d_]")
_TYPES = {"PER": EntityType.PERSON, "LOC": EntityType.LOCATION}
_TYPE_OF = [_TYPES.get(label[2:]) for label in LABELS]
_OPENS = [label.startswith("B") for label in LABELS]


@dataclass(frozen=True, kw_only=True)
class Tagger:
    """Tags slices of texts. One thread at a time: the table of words seen so far is shared between calls."""

    table: Table
    decoder: Decoder

    def tag(self, text: str, start: int, end: int) -> list[Entity]:
        """People and places between `start` and `end`, in order, never overlapping; offsets are of the whole text.

        Context is read up to the borders of the slice and no farther: cut where a line or a sentence ends.
        """
        found: list[Entity] = []
        batch = _Batch()
        for at, tokens, case in _portions(text, start, end):
            if len(batch.rows) + len(tokens) > _BATCH or not self.table.has_room(len(tokens)):
                self._settle(text, batch, found)
                batch = _Batch()
            if not self.table.has_room(len(tokens)):
                self.table.clear()
            batch.add(at, tokens, self.table.rows(tokens, case))
        self._settle(text, batch, found)
        return found

    def _settle(self, text: str, batch: "_Batch", found: list[Entity]) -> None:
        if not batch.rows:
            return
        scores = self.table.score(batch.rows)
        labels = self.decoder.decode(scores)
        if labels:
            _join(text, _named(labels, scores, batch), found)


@dataclass
class _Batch:
    """Tokens that are scored together: where each starts, how long it is, its row."""

    rows: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def add(self, at: int, tokens: list[str], rows: list[int]) -> None:
        self.rows += rows
        self.tokens += tokens
        self.offsets += accumulate(map(len, tokens[:-1]), initial=at)


def _portions(text: str, start: int, end: int) -> Iterator[tuple[int, list[str], Case]]:
    """Lines, long ones in parts, and the ends of lines between them: offset, tokens, case."""
    at = start
    for line in text[start:end].split("\n"):
        if at > start:
            yield at - 1, [NEWLINE], Case.MIXED
        lead, tokens = cut(line)
        case = case_of(line)
        here = at + lead
        for part in range(0, len(tokens), _PORTION):
            portion = tokens[part : part + _PORTION]
            yield here, portion, case
            here += sum(map(len, portion))
        at += len(line) + 1


@dataclass(frozen=True, slots=True)
class _Named:
    """A stretch of words with one label."""

    start: int
    end: int
    type: EntityType
    margin: float


def _named(labels: dict[int, int], scores: Floats, batch: _Batch) -> Iterator[_Named]:
    runs: list[list[int]] = []
    before = None
    for at in sorted(labels):
        label = labels[at]
        kind = _TYPE_OF[label]
        if kind is not None:
            if at - 1 == before and not _OPENS[label] and kind is _TYPE_OF[labels[before]]:
                runs[-1].append(at)
            else:
                runs.append([at])
        before = at
    for run in runs:
        last = run[-1]
        margin = sum(scores.item(at, labels[at]) - scores.item(at, 0) for at in run) / len(run)
        kind = _TYPE_OF[labels[last]]
        assert kind is not None
        yield _Named(batch.offsets[run[0]], batch.offsets[last] + len(batch.tokens[last].rstrip()), kind, margin)


def _join(text: str, named: Iterable[_Named], found: list[Entity]) -> None:
    """Entities of the stretches, widened to the borders of the letters and digits they stand in."""
    for one in named:
        start, end = one.start, one.end
        while start and text[start - 1].isalnum() and text[start].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
            end += 1
        if found and start < found[-1].end:
            continue
        if one.type is EntityType.PERSON and not _LETTER.search(text, start, end):
            continue  # a bare number names a house or a district, never somebody
        score = round(1 / (1 + math.exp(-one.margin / 2)), 3)
        found.append(Entity(start=start, end=end, type=one.type, score=score, recognizer=RECOGNIZER))


def load_tagger(folder: Path = DATA) -> Tagger:
    """The tagger with the weights of the repository."""
    weights = read_weights(folder / "weights.npz")
    return make_tagger(weights, read_gazetteer(folder / "gazetteer.bin"))


def make_tagger(weights: Weights, gazetteer: Gazetteer) -> Tagger:
    return Tagger(table=Table(weights, gazetteer), decoder=make_decoder(chain(weights.steps).steps))
