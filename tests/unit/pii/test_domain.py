"""Keys that tell nothing of one another, and long texts cut where nothing is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pii.domain import key_of, read_key, slices
from services.pii.entities import Entity, EntityType


@pytest.mark.parametrize("raw", [b"", b"x" * 31, b"x" * 33])
def test_a_master_key_of_another_length_is_none(raw: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        read_key(raw)


def test_every_account_and_every_purpose_has_a_key_of_its_own() -> None:
    keys = {key_of(master, tenant, use) for master in (b"a" * 32, b"b" * 32) for tenant in "xy" for use in ("s", "t")}
    assert len(keys) == 8


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, list[Entity]]:
    text = draw(st.text(alphabet="ab \n", max_size=200))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12, unique=True)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    return text, [Entity(start=a, end=b, type=EntityType.PERSON, score=1, recognizer="") for a, b in spans]


@given(texts(), st.integers(1, 40))
def test_slices_are_the_text_and_cut_no_entity(made: tuple[str, list[Entity]], size: int) -> None:
    text, entities = made
    found = list(slices(text, entities, size))
    assert "".join(text[start:end] for start, end, _ in found) == text
    assert [one for _, _, inside in found for one in inside] == entities
    assert all(start <= one.start and one.end <= end for start, end, inside in found for one in inside)


def test_a_word_is_cut_only_where_there_is_no_blank_near() -> None:
    assert [end for _, end, _ in slices("four five six", (), 7)] == [5, 10, 13]
    assert [end for _, end, _ in slices("x" * 20, (), 8)] == [8, 16, 20]
