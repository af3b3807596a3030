"""What stands in a prompt, however it is looked for, and what was relied on to stand nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pii.restoring.folding import WORD, fold
from services.pii.substitutes.prompt import Prompt, Relied

TEXTS = st.lists(
    st.text(alphabet=st.sampled_from("abz09 \u00e9\u2019\u03a9\u0142\n.,-\0\u738b"), max_size=40)
    | st.sampled_from(["12 March 1984", "1984 apres", "mars", "on 10.0.0.1, 192.0.2.7", "x192.0.2.8.9"]),
    max_size=5,
)


def words(texts: list[str]) -> set[str]:
    return {word for text in texts for word in WORD.findall(fold(text))}


def test_a_word_behind_an_escape_stands_there_too() -> None:
    lazy, gathered = Prompt([r"Dear\nJane"]), Prompt([r"Dear\nJane"])
    gathered.gather()
    assert lazy.has("jane")
    assert gathered.has("jane")


@given(
    texts=TEXTS,
    kept=TEXTS,
    more=st.lists(st.text(alphabet="abz09\u00e9\u2019\u0142", min_size=1, max_size=3), max_size=30),
)
def test_searched_for_or_made_out_the_same_words_stand_there(
    texts: list[str], kept: list[str], more: list[str]
) -> None:
    asked = [*sorted(words(texts) | words(kept)), *map(fold, more)]
    lazy, gathered, sliced = (Prompt(texts, kept) for _ in range(3))
    gathered.gather()
    for _ in sliced.gathering():
        pass
    for word in asked:
        here = word in words(texts) | words(kept)
        assert lazy.has(word) is gathered.has(word) is sliced.has(word) is here
    assert lazy.relied == gathered.relied == sliced.relied
    assert lazy.leans is gathered.leans is bool(words(kept) - words(texts))
    assert lazy.relied.words.isdisjoint(words(texts) | words(kept))


@pytest.mark.parametrize("many", [False, True])
def test_a_long_text_is_made_out_in_slices_that_cut_no_word(many: bool) -> None:
    text = " ".join(f"word{number}" for number in range(9_000 if many else 10))
    prompt = Prompt([text, "last"])
    assert (sum(1 for _ in prompt.gathering()) > 4) is many
    assert all(prompt.has(word) for word in (*text.split(), "last"))
    assert not prompt.has("word")


def test_a_date_stands_where_its_parts_stand_in_a_row_in_one_text() -> None:
    prompt = Prompt(["on 12 March 1984 at noon", "12 march", "1985"])
    assert prompt.has_date(("12", "march", "1984"))
    assert prompt.has_date(("1984", "at", "noon"))
    assert not prompt.has_date(("12", "march", "1985"))
    assert prompt.relied == Relied(dates=frozenset({("12", "march", "1985")}))


def test_what_is_relied_on_is_upset_by_where_it_comes_to_stand() -> None:
    prompt = Prompt(["See 192.0.2.7."])
    assert prompt.has_address("192.0.2.7")
    assert not prompt.has_address("192.0.2.8")
    assert not prompt.has("brandvold")
    assert not prompt.has_date(("1", "mai", "1990"))
    for text in ("192.0.2.8", "Brandvold's", "1 mai 1990", *["brandvold " * 100] * 2):
        assert Prompt([text]).upsets(prompt.relied)
        assert Prompt(["-"], [text]).upsets(prompt.relied)
    assert not Prompt(["192.0.2.7 Brandvoldt 1 mai 1991"], ["mai 1990"]).upsets(prompt.relied)


def test_what_is_found_beside_the_texts_alone_is_told() -> None:
    prompt = Prompt(["one two"], ["two three"])
    assert prompt.has("two")
    assert not prompt.leans
    assert prompt.has("three")
    assert prompt.leans
