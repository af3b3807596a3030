"""Cursors: what was given out comes back as it was; anything else is refused, and nothing falls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from services.billing.books.cursors import cursor, place

KINDS = st.sampled_from("undmkt")


@given(kind=KINDS, where=st.text(max_size=100))
def test_a_cursor_names_its_place(kind: str, where: str) -> None:
    assert place(kind, cursor(kind, where)) == where


@given(kind=KINDS, text=st.text(min_size=1, max_size=60))
def test_what_is_no_cursor_is_refused(kind: str, text: str) -> None:
    try:
        found = place(kind, text)
    except InvalidRequest:
        return
    assert cursor(kind, found) == text


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        place("u", cursor("n", "17"))
    assert refused.value.param == "cursor"


def test_without_a_cursor_a_list_begins_at_its_beginning() -> None:
    assert place("u", "") == ""


@pytest.mark.parametrize("text", ["A" * 5000, "====", "dQ\n", "é", "dQ=="])
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        place("u", text)
