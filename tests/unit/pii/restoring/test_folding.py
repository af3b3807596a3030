"""The view of a text that matching works on: as long as the text, and every word of it."""

from hypothesis import given
from hypothesis import strategies as st

from services.pii.restoring.folding import WORD, fold, words_of

LETTERS = st.text(
    alphabet=st.characters(max_codepoint=0x250)
    | st.sampled_from("\u2019\u2018\u201c\u2014\u0153\u2009\u4e2d\u0130\u1e9e\u1ef2\uff17\ud800"),
    max_size=60,
)


@given(LETTERS)
def test_a_text_folds_as_its_characters_do_one_by_one(text: str) -> None:
    assert fold(text) == "".join(map(fold, text))
    assert len(fold(text)) == len(text)


@given(LETTERS)
def test_all_words_of_a_text_are_found(text: str) -> None:
    plain = text.replace("\\", "/")
    assert words_of(fold(plain)) == WORD.findall(fold(plain))
    assert set(WORD.findall(fold(text))) <= set(words_of(fold(text)))


def test_a_word_behind_an_escape_is_one_too() -> None:
    assert words_of(fold(r"x\nJane\u003cDoe\u003e")) == ["x", "njane", "u003cdoe", "u003e", "jane", "doe"]


def test_case_accents_quotes_dashes_and_blanks_are_one_to_matching() -> None:
    assert fold("L\u2019ÉTÉ—à\u00a0Trois\u2009Rivières “ici”") == "l'ete-a trois rivieres “ici”"
