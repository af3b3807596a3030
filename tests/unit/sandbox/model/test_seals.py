"""Seals hold for the text, the family and the bytes they were made for."""

from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.model import seals


@given(st.text(), st.text())
def test_a_seal_holds_for_its_own_text_alone(text: str, other: str) -> None:
    sealed = seals.seal(text, family="claude")
    assert seals.is_seal(sealed)
    assert seals.holds(sealed, text, family="claude")
    assert seals.holds(sealed, other, family="claude") is (other == text)
    assert not seals.holds(sealed, text, family="gemini")


def test_a_seal_of_what_is_not_shown_differs_by_what_it_stands_for() -> None:
    one, two = (seals.seal("", family="claude", full=full) for full in ("a", "b"))
    assert one != two
    assert seals.holds(one, "", family="claude")


@given(st.text(), st.binary(max_size=60))
def test_anything_else_is_no_seal(text: str, data: bytes) -> None:
    assert not seals.holds(text, "", family="claude")
    assert not seals.holds(data.hex(), "", family="claude")
