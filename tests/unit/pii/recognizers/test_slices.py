"""Slices cover a text once and are cut where sentences end; fences tell code from prose."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.pii.recognizers.slices import fences, slices


@given(st.text(alphabet="ab. \n", max_size=200).map(lambda text: text * 100))
def test_slices_cover_the_text_once_and_are_short(text: str) -> None:
    borders = list(slices(text))
    assert borders[0][0] == 0
    assert borders[-1][1] == len(text)
    assert all(first[1] == second[0] for first, second in pairwise(borders))
    assert all(end - start <= 6_144 for start, end in borders)


def test_a_text_is_cut_at_blank_lines_before_lines_before_sentences() -> None:
    paragraph = "One sentence here. Another one there.\nA line.\n"
    text = (paragraph * 50 + "\n") * 4
    assert all(text[end - 2 : end] == "\n\n" for _, end in slices(text))
    lines = paragraph * 200
    assert all(lines[end - 1] == "\n" for _, end in slices(lines))
    sentences = "One sentence here. " * 500
    assert all(sentences[end - 2 : end] == ". " for _, end in list(slices(sentences))[:-1])


def test_a_fence_opens_at_the_head_of_a_line_and_closes_with_its_own_kind() -> None:
    text = "a ``` b\n```py\n~~~\nx\n```\nprose\n~~~\ny"
    assert [text[start:end] for start, end in fences(text)] == ["```py\n~~~\nx\n```", "~~~\ny"]
