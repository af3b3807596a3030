"""Lines cut into tokens."""

from hypothesis import given
from hypothesis import strategies as st

from services.pii.names.tokens import Case, case_of, cut


@given(st.text())
def test_lengths_add_up_to_offsets(text: str) -> None:
    line = text.replace("\n", " ")
    lead, tokens = cut(line)
    assert lead + sum(map(len, tokens)) == len(line) or not tokens
    at = lead
    for token in tokens:
        assert line[at : at + len(token)] == token
        at += len(token)


def test_words_numbers_and_marks_stand_alone() -> None:
    assert cut("  L'ami d'Amélie42, né_e") == (
        2,
        ["L", "'", "ami ", "d", "'", "Amélie", "42", ", ", "né", "_", "e"],
    )


def test_a_very_long_word_is_cut() -> None:
    _, tokens = cut("a" * 100_000)
    assert max(map(len, tokens)) == 40


def test_a_line_says_how_it_is_written() -> None:
    assert case_of("JANE DOE, TORONTO") is Case.UPPER
    assert case_of("jane doe, toronto") is Case.LOWER
    assert case_of("Jane Doe") is Case.MIXED
    assert case_of("ON") is Case.MIXED
