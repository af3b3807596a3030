"""The labelled sets that training reads from NI_DATA, and what is done to them first."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.pii.training.examples import Label, Labelled, Span
from services.pii.training.lists import NEUTRAL
from services.pii.training.values import Values

ENGLISH = (
    "wnut17_train",
    "wnut17_dev",
    "btc_a",
    "btc_b",
    "btc_e",
    "btc_f",
    "btc_h",
    "sec_fin5_train",
    "nannigalaxy_nano",
)
FRENCH = "europeana_fr"
_LABELS = {
    "PERSON": Label.PERSON,
    "LOCATION": Label.LOCATION,
    "ORG": Label.ORG,
    "corporation": Label.ORG,
    "group": Label.ORG,
    "ORGANIZATION": Label.ORG,
}
_ROLES = {word.lower() for word in NEUTRAL["role"]} | {"bank", "officer", "executive", "parent", "lessor", "lessee"}


def data_folder() -> Path:
    return Path(os.environ.get("NI_DATA", "../shared/data")) / "pii"


def read(name: str) -> list[Labelled]:
    with (data_folder() / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [_labelled(json.loads(line)) for line in lines]


def _labelled(row: dict[str, Any]) -> Labelled:
    text = row["text"]
    spans: list[Span] = []
    for one in sorted(row["spans"], key=lambda one: (one["s"], -one["e"])):
        label = _LABELS.get(one["t"] or "") or _LABELS.get(one["o"] or "")
        # Contracts' parties ("Borrower") are labelled as persons in the filings; a role is nobody's name.
        if label is None or (label is Label.PERSON and text[one["s"] : one["e"]].lower() in _ROLES):
            continue
        if not spans or one["s"] >= spans[-1].end:
            spans.append(Span(start=one["s"], end=one["e"], label=label))
    return Labelled(text=text, spans=tuple(spans))


def swapped(rows: Iterable[Labelled], values: Values, share: float, *, french: bool = False) -> Iterator[Labelled]:
    """The same sentences about other people and places, so that context is learnt and not who was in the news."""
    for row in rows:
        made = Labelled(text="", spans=())
        at = 0
        for span in row.spans:
            old = row.text[span.start : span.end]
            new = _other(old, span.label, values, french=french) if values.odds(share) else old
            plain = Labelled(text=row.text[at : span.start], spans=())
            made = made.followed_by(plain, "")
            made = made.followed_by(Labelled(text=new, spans=(replace(span, start=0, end=len(new)),)), "")
            at = span.end
        yield made.followed_by(Labelled(text=row.text[at:], spans=()), "")


def _other(old: str, label: Label, values: Values, *, french: bool) -> str:
    match label:
        case Label.PERSON:
            short = values.first if values.odds(0.5) else values.last
            new = values.person() if " " in old else short()
        case Label.LOCATION:
            new = values.city(french=french) if values.odds(0.7) else values.region()
        case Label.ORG:
            new = values.company() if values.odds(0.4) else old
    if old.isupper() and len(old) > 3:  # noqa: PLR2004
        return new.upper()
    return new.lower() if old.islower() else new


def pasted(rows: list[Labelled], values: Values, count: int) -> Iterator[Labelled]:
    """Paragraphs of several sentences, wrapped as mail programs wrap them: lines then begin anywhere."""
    for _ in range(count):
        start = values.chance.randrange(len(rows))
        made = rows[start]
        for row in rows[start + 1 : start + values.chance.randint(2, 6)]:
            made = made.followed_by(row, " ")
        yield replace(made, text=_wrapped(made.text, values.chance.randint(36, 90)))


def _wrapped(text: str, width: int) -> str:
    """Blanks become ends of lines; the length stays."""
    out, column = [], 0
    for piece in re.findall(r"\S+|\s", text):
        column += len(piece)
        if piece == " " and column > width:
            out.append("\n")
            column = 0
        else:
            out.append(piece)
    return "".join(out)
