"""Scores of a detector on labelled text: matches one to one by overlap, and what leaks.

A hit counts when its type is right and intersection over union reaches .5. Only the types that a set labels throughout
are scored in it; a hit on another label of the set is neutral, unless a name was seen in an organisation. A leak is a
labelled value that no hit of any type touches. Neighbouring parts of one place count as one.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Span = tuple[int, int, str]
Detect = Callable[[str], Sequence[Span]]

# Our types, and Presidio's, in the words of the sets.
NAMES = {
    "IBAN": "BANK", "BANK_ACCOUNT": "BANK", "ADDRESS": "LOCATION", "POSTAL_CODE": "LOCATION", "DATE_OF_BIRTH": "DOB",
    "HEALTH_NUMBER": "HEALTH_ID", "DRIVER_LICENCE": "DRIVER", "ACCOUNT_URL": "URL", "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE", "US_SSN": "SSN", "IP_ADDRESS": "IP", "IBAN_CODE": "BANK", "US_BANK_NUMBER": "BANK",
    "US_PASSPORT": "PASSPORT", "US_DRIVER_LICENSE": "DRIVER",
}  # fmt: skip
SETS = {
    "presidio_synth_v2": "PERSON LOCATION EMAIL PHONE SSN CREDIT_CARD IP BANK",
    "ambientmeta_standard": "PERSON LOCATION EMAIL PHONE SSN CREDIT_CARD",
    "ambientmeta_adversarial": "PERSON LOCATION EMAIL PHONE SSN",
    "kiji_e2e": "PERSON LOCATION EMAIL PHONE SSN CREDIT_CARD BANK DOB SECRET PASSPORT DRIVER",
    "eds_pseudo_fr_dev": "PERSON LOCATION EMAIL PHONE DOB",
    "wnut17_dev": "PERSON LOCATION",
}
_ORGANISATIONS = frozenset("ORG ORGANIZATION COMPANYNAME group corporation product creative-work MISC HOPITAL".split())
_NAMES = frozenset({"PERSON", "LOCATION"})
_OVERLAP = 0.5
_NEIGHBOURS = re.compile(r"[\s,\-]{0,6}")


@dataclass(frozen=True, kw_only=True)
class Label:
    start: int
    end: int
    type: str
    own: str  # the set's word for it


@dataclass(frozen=True, kw_only=True)
class Row:
    text: str
    labels: tuple[Label, ...]


@dataclass(kw_only=True)
class Count:
    """Of one type: labels, hits that count, matches, labels that nothing touched."""

    gold: int = 0
    hits: int = 0
    matched: int = 0
    leaked: int = 0

    def add(self, other: "Count") -> None:
        self.gold += other.gold
        self.hits += other.hits
        self.matched += other.matched
        self.leaked += other.leaked

    @property
    def precision(self) -> float:
        return self.matched / self.hits if self.hits else 0.0

    @property
    def recall(self) -> float:
        return self.matched / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def rows(folder: Path, name: str, types: Mapping[str, str] | None = None) -> list[Row]:
    """A set's rows; `types` turns its types into those that are scored."""
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [_row(json.loads(line), types or {}) for line in lines]


def score(labelled: Iterable[Row], types: frozenset[str], detect: Detect) -> dict[str, Count]:
    """Counts by type."""
    counts: dict[str, Count] = defaultdict(Count)
    for row in labelled:
        _score_row(row, types, detect(row.text), counts)
    return counts


def _row(read: dict[str, object], types: Mapping[str, str]) -> Row:
    text, spans = str(read["text"]), read["spans"]
    assert isinstance(spans, list)
    labels = [
        Label(start=one["s"], end=one["e"], type=types.get(one["t"], one["t"] or ""), own=one["o"]) for one in spans
    ]
    return Row(text=text, labels=tuple(_merged(text, labels)))


def _merged(text: str, labels: Iterable[Label]) -> list[Label]:
    whole: list[Label] = []
    for one in sorted(labels, key=lambda label: (label.start, label.end)):
        last = whole[-1] if whole else None
        if last and last.type == one.type == "LOCATION" and _NEIGHBOURS.fullmatch(text[last.end : one.start]):
            whole[-1] = Label(start=last.start, end=one.end, type="LOCATION", own="LOC")
        else:
            whole.append(one)
    return whole


def _score_row(row: Row, types: frozenset[str], spans: Sequence[Span], counts: dict[str, Count]) -> None:
    named = [Label(start=s, end=e, type=NAMES.get(kind, kind), own="") for s, e, kind in spans if e > s]
    gold = [one for one in row.labels if one.type in types]
    neutral = [one for one in row.labels if one.type not in types]
    hits = [one for one in _merged(row.text, named) if one.type in types and not _is_neutral(one, gold, neutral)]
    for label in gold:
        counts[label.type].gold += 1
        counts[label.type].leaked += not any(_is_touched(row.text, label, hit) for hit in named)
    for hit in hits:
        counts[hit.type].hits += 1
    pairs = sorted(
        (
            (_overlap(hit, label), i, j)
            for i, hit in enumerate(hits)
            for j, label in enumerate(gold)
            if hit.type == label.type
        ),
        reverse=True,
    )
    used: tuple[set[int], set[int]] = (set(), set())
    for overlap, i, j in pairs:
        if overlap >= _OVERLAP and i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            counts[gold[j].type].matched += 1


def _is_neutral(hit: Label, gold: Sequence[Label], neutral: Sequence[Label]) -> bool:
    on = [one for one in neutral if _common(hit, one) > 0]
    if not on or any(_common(hit, one) > 0 for one in gold):
        return False
    return not (hit.type in _NAMES and any(one.own in _ORGANISATIONS for one in on))


def _is_touched(text: str, label: Label, hit: Label) -> bool:
    start, end = max(label.start, hit.start), min(label.end, hit.end)
    return any(character.isalnum() for character in text[start:end])


def _common(one: Label, other: Label) -> int:
    return min(one.end, other.end) - max(one.start, other.start)


def _overlap(one: Label, other: Label) -> float:
    return max(0, _common(one, other)) / (max(one.end, other.end) - min(one.start, other.start))
