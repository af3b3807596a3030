from hypothesis import given
from hypothesis import strategies as st

from services.router.classifier.words import HEAD, TAIL, known, pieces, read, sample, terms


def test_a_short_text_is_read_whole() -> None:
    assert sample("a" * (HEAD + TAIL)) == ("a" * (HEAD + TAIL), "")


def test_of_a_megabyte_only_the_beginning_and_the_end_are_read() -> None:
    head, tail = sample("b" * 500_000 + "e" * 500_000)
    assert (head, tail) == ("b" * HEAD, "e" * TAIL)


@given(st.text(max_size=4_000))
def test_terms_of_any_text_are_bounded(text: str) -> None:
    assert len(terms(read(*sample(text)))) < 1_000


def test_words_are_small_letters_numbers_and_single_signs() -> None:
    assert read("Écris-moi 3 LIGNES_ici", "").head == ["écris", "-", "moi", "3", "lignes", "ici"]


def test_a_script_without_blanks_is_read_sign_by_sign() -> None:
    assert read("翻译这句话", "").head == list("翻译这句话")


def test_an_unknown_word_is_read_by_its_pieces() -> None:
    rows = {name: at for at, name in enumerate([*pieces("summarize"), "this"])}
    here, weight = known(read("sumarize this", ""), rows)
    assert rows["this"] in here
    assert rows["~rize"] in here
    assert weight == 4.0 / len(here) ** 0.5


def test_a_known_word_is_not_taken_to_pieces() -> None:
    rows = {name: at for at, name in enumerate([*pieces("summarize"), "summarize"])}
    assert known(read("summarize", ""), rows)[0] == {rows["summarize"]}


def test_a_text_of_which_nothing_is_known_weighs_nothing() -> None:
    assert known(read("xyzzy", ""), {}) == (set(), 0.0)
