"""Labelled text as training sees it, and its way to tokens with labels."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from services.pii.names.tokens import NEWLINE, Case, case_of, cut


class Label(StrEnum):
    """What the model tells apart; companies only so that they are not taken for people or places."""

    PERSON = "PER"
    LOCATION = "LOC"
    ORG = "ORG"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A labelled part of a text, in characters."""

    start: int
    end: int
    label: Label


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """A text and its spans, in order, apart from each other."""

    text: str
    spans: tuple[Span, ...]

    def followed_by(self, other: "Labelled", gap: str) -> "Labelled":
        shift = len(self.text) + len(gap)
        moved = tuple(replace(span, start=span.start + shift, end=span.end + shift) for span in other.spans)
        return Labelled(text=self.text + gap + other.text, spans=self.spans + moved)

    def recased(self, change: Callable[[str], str]) -> "Labelled":
        changed = change(self.text)
        return Labelled(text=changed, spans=self.spans) if len(changed) == len(self.text) else self


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequence:
    """Tokens with the case of their line, and one label each."""

    tokens: tuple[tuple[str, Case], ...]
    labels: tuple[str, ...]


def joined(labelled: Labelled) -> Labelled:
    """Given name and surname in slots of their own, side by side, are one person."""
    spans: list[Span] = []
    for span in labelled.spans:
        last = spans[-1] if spans else None
        between = labelled.text[last.end : span.start] if last else ""
        if last and last.label is span.label is Label.PERSON and re.fullmatch(r" |/|, (?=\\w\\.)", between):
            spans[-1] = replace(last, end=span.end)
        else:
            spans.append(span)
    return replace(labelled, spans=tuple(spans))


def sequence(labelled: Labelled) -> Sequence:
    tokens: list[tuple[str, Case]] = []
    labels: list[str] = []
    spans = iter(labelled.spans)
    span = next(spans, None)
    begun = False
    at = 0
    for line in labelled.text.split("\n"):
        if at:
            tokens.append((NEWLINE, Case.MIXED))
            labels.append("O")
            begun = False  # what goes on behind the end of a line begins anew
        lead, cuts = cut(line)
        here = at + lead
        case = case_of(line)
        for token in cuts:
            while span and span.end <= here:
                span, begun = next(spans, None), False
            inside = span is not None and span.start < here + len(token.rstrip()) and here < span.end
            tokens.append((token, case))
            labels.append(f"{'I' if begun else 'B'}-{span.label}" if inside and span else "O")
            begun = begun or inside
            here += len(token)
        at += len(line) + 1
    return Sequence(tokens=tuple(tokens), labels=tuple(labels))
