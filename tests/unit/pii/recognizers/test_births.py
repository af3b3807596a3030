"""Dates of birth without a word that says so: beside a name, as lists of people have them."""

import pytest

from services.pii.entities import Entity, EntityType
from services.pii.recognizers.detector import Detector

NAME = "Thunderchild"


class OneName:
    """Sees one name wherever it stands."""

    def tag(self, text: str, start: int, end: int) -> list[Entity]:
        at = text.find(NAME, start, end)
        if at < 0:
            return []
        return [Entity(start=at, end=at + len(NAME), type=EntityType.PERSON, score=0.9, recognizer="names")]


def births(text: str) -> list[str]:
    found = Detector(tagger=OneName()).detect(text)
    return [text[one.start : one.end] for one in found if one.type is EntityType.DATE_OF_BIRTH]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("I'm Verna Thunderchild, Feb 28, 1970, verify me", "Feb 28, 1970"),
        ("enfants : Thunderchild (19 nov. 2014) et Luc", "19 nov. 2014"),
        ('"Thunderchild","1987-03-30","4471829"', "1987-03-30"),
        ("Thunderchild / 1999.01.17 / toux", "1999.01.17"),
        ("1939-08-08 F Thunderchild Gudrun", "1939-08-08"),
        ("enfants : Thunderchild 2015-03-02, Tom", "2015-03-02"),
        ("vue le matin, 1971-05-04 (55F), toux", "1971-05-04"),
    ],
)
def test_a_date_in_the_field_beside_a_name_is_a_birth(text: str, date: str) -> None:
    assert births(text) == [date]


@pytest.mark.parametrize(
    "text",
    [
        "signed by Thunderchild, March 3, 2024",
        "Thunderchild came on 1999-01-17",
        "Thunderchild, 12/03/84",
        "Minutes approved by Thunderchild, 12 May 2014.",
        "Thunderchild 2009-04-01 to 2012-05-01 Analyst",
        "Dr Thunderchild, 2019-08-08: normal",
        "2019-08-08 from Thunderchild",
    ],
)
def test_another_date_near_a_name_is_not(text: str) -> None:
    assert births(text) == []
