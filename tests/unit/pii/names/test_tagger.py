"""The tagger with the weights of the repository."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.pii.entities import EntityType
from services.pii.names.gazetteer import read_gazetteer
from services.pii.names.table import Table
from services.pii.names.tagger import DATA, Tagger, load_tagger
from services.pii.names.weights import read_weights

PERSON, LOCATION = EntityType.PERSON, EntityType.LOCATION


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return load_tagger()


def _found(tagger: Tagger, text: str) -> list[tuple[str, EntityType]]:
    return [(text[one.start : one.end], one.type) for one in tagger.tag(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My name is Jane Doe and I live in Toronto.", [("Jane Doe", PERSON), ("Toronto", LOCATION)]),
        ("Dear Ms. Sandhu,\n\nThank you.", [("Sandhu", PERSON)]),
        (
            "Je m'appelle Marie-Ève Tremblay et j'habite à Gatineau.",
            [("Marie-Ève Tremblay", PERSON), ("Gatineau", LOCATION)],
        ),
        ("L'appartement d'Amélie est libre.", [("Amélie", PERSON)]),
        ("hi my name is gurpreet sidhu and i live in brampton", [("gurpreet sidhu", PERSON), ("brampton", LOCATION)]),
        ("NAME: OLENA SHEVCHENKO\nCITY: WINNIPEG", [("OLENA SHEVCHENKO", PERSON), ("WINNIPEG", LOCATION)]),
        ("Le patient TREMBLAY Marc a été vu.", [("TREMBLAY Marc", PERSON)]),
    ],
)
def test_names_and_places_are_found(tagger: Tagger, text: str, expected: list[tuple[str, EntityType]]) -> None:
    assert _found(tagger, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "for key, value in items.items():\n    print(key, value)",
        '{"status": "ok", "message": "Internal Server Error", "items": []}',
        "SELECT Status, COUNT(*) FROM Orders GROUP BY Status;",
        "How do I write a haiku about the sea?",
        "",
        "\n\n \n",
    ],
)
def test_text_without_names_gives_nothing(tagger: Tagger, text: str) -> None:
    assert _found(tagger, text) == []


def test_only_the_slice_is_read_and_offsets_are_of_the_whole(tagger: Tagger) -> None:
    text = "Jane Doe called.\nJohn Smith wrote back from Ottawa."
    start = text.index("John")
    found = tagger.tag(text, start, len(text))
    assert [(text[one.start : one.end], one.type) for one in found] == [("John Smith", PERSON), ("Ottawa", LOCATION)]


_ALPHABET = st.one_of(st.sampled_from("JaneDoe Marc éÉ\n.,'\u2019-_@/1\u0663½\u0308\u200b"), st.characters())


@given(text=st.text(alphabet=_ALPHABET))
@settings(max_examples=150)
def test_entities_lie_in_order_apart_and_on_borders(tagger: Tagger, text: str) -> None:
    last = 0
    for one in tagger.tag(text, 0, len(text)):
        assert last <= one.start < one.end <= len(text)
        assert 0 <= one.score <= 1
        assert one.start == 0 or not (text[one.start - 1].isalnum() and text[one.start].isalnum())
        assert one.end == len(text) or not (text[one.end - 1].isalnum() and text[one.end].isalnum())
        last = one.end


def test_a_full_table_starts_anew_and_finds_the_same(tagger: Tagger) -> None:
    weights = read_weights(DATA / "weights.npz")
    small = Tagger(table=Table(weights, read_gazetteer(DATA / "gazetteer.bin"), rows=4_096), decoder=tagger.decoder)
    text = "\n".join(
        f"Ticket {at}: Jane Doe of Toronto wrote {chr(97 + at % 26)}{chr(97 + at // 26 % 26)}x." for at in range(900)
    )
    assert small.tag(text, 0, len(text)) == tagger.tag(text, 0, len(text))
    assert small.tag(text, 0, len(text)) == tagger.tag(text, 0, len(text))
