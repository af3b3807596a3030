"""The last user turn as it rides along: whole where it is short, both ends where it is long, valid UTF-8 always."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.turns import MOST, both_ends


@pytest.mark.parametrize("text", ["", "hi", "x" * MOST, "é" * (MOST // 2), "語" * (MOST // 3)])
def test_what_fits_is_whole(text: str) -> None:
    assert both_ends(text) == text


def test_of_a_long_turn_both_ends_are_kept() -> None:
    shown = both_ends("a" * 1_400 + "m" * 1_000_000 + "z" * 600)
    assert shown == "a" * 1_400 + "\n" + "z" * 600


def test_a_question_at_the_end_of_a_long_paste_in_another_script_is_kept() -> None:
    shown = both_ends("文" * 5_000 + "これを要約して")
    assert shown.startswith("文")
    assert shown.endswith("これを要約して")


@given(st.text(max_size=50), st.integers(0, 3_000), st.text(max_size=50))
def test_it_is_never_longer_than_it_may_be_and_begins_and_ends_as_the_text_does(a: str, many: int, z: str) -> None:
    text = a + "é" * many + z
    shown = both_ends(text)
    assert len(shown.encode()) <= MOST
    assert text.startswith(shown[: min(len(a), 50)])
    assert text.endswith(shown[-1:])
