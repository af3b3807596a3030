"""Marks on signatures: each family gets its own back, byte for byte, and no other's."""

from hypothesis import given
from hypothesis import strategies as st

from libs.dialects.signatures import marked, unmarked

FAMILIES = ("g", "b", "o")


@given(st.sampled_from(FAMILIES), st.text(min_size=1))
def test_a_family_gets_its_own_back_and_no_other_does(family: str, value: str) -> None:
    there = marked(family, value)
    assert unmarked(family, there) == value
    assert [unmarked(other, there) for other in ("", *FAMILIES) if other != family] == [""] * 3


@given(st.from_regex(r"[A-Za-z0-9+/=]{1,80}", fullmatch=True))
def test_claudes_stand_as_they_come_and_go_to_claude_alone(value: str) -> None:
    assert marked("", value) == value
    assert unmarked("", value) == value
    assert [unmarked(family, value) for family in FAMILIES] == [""] * 3


def test_no_signature_stays_none() -> None:
    assert [marked(family, "") for family in ("", *FAMILIES)] == [""] * 4
