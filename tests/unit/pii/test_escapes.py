"""Escapes in a text: what they mean, where each character stands, and what is none."""

from hypothesis import given
from hypothesis import strategies as st

from services.pii.escapes import is_behind, meant, unescaped


@given(st.text(alphabet='\\nrtu0e9a"C: ', max_size=60))
def test_every_character_stands_where_it_is_said_to(text: str) -> None:
    found = unescaped(text)
    if found is None:
        return
    assert len(found.text) == len(found.starts) == len(found.ends)
    assert [0, *found.ends] == [*found.starts, len(text)]
    for character, start, end in zip(found.text, found.starts, found.ends, strict=True):
        assert text[start:end] == character or text[start] == "\\"


def test_escapes_mean_what_json_says_however_often_they_are_escaped_themselves() -> None:
    found = unescaped(r"Ren\u00e9\\n\\\"a\tb")
    assert found is not None
    assert found.text == 'Ren\u00e9\n"a\tb'
    assert meant(r"Ren\u00e9\n") == "Ren\u00e9\\n"


def test_a_folder_of_a_drive_is_no_escape() -> None:
    assert unescaped(r"C:\Users\nathan\reports\temp") is None
    assert unescaped(r"a regular expression: \d+\s") is None
    assert unescaped(r"Contact:\njane") is not None


def test_an_escape_ends_before_the_word_behind_it() -> None:
    assert is_behind(r"\njane", 2)
    assert is_behind(r"\u003cjane", 6)
    assert not is_behind("njane", 1)
