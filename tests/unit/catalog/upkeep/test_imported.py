"""imported.toml comes back as it was written, and is refused with every problem named."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.catalog.entries import LongEntry
from libs.catalog.load import CatalogError
from libs.catalog.upkeep import imported
from libs.catalog.upkeep.imported import ImportedEntry, merged, render

DAY = date(2026, 11, 20)


def entry(model: str = "m", **fields: object) -> ImportedEntry:
    return ImportedEntry.model_validate(
        {"provider": "openai", "model": model, "source": "a list", "checked": DAY, **fields}
    )


def test_no_file_is_no_entry(tmp_path: Path) -> None:
    assert imported.read(tmp_path) == {}


def test_an_import_that_changes_nothing_changes_no_byte(tmp_path: Path) -> None:
    entries = {one.key: one for one in (entry("b", input="1", output="2"), entry("a", released=DAY))}
    (tmp_path / imported.FILE).write_text(render(entries))
    back = imported.read(tmp_path)
    assert back == entries
    assert render(back) == render(dict(reversed(entries.items())))


@given(
    words=st.from_regex(r"\A[!-~]([ -~]{0,40}[!-~])?\Z"),
    tokens=st.integers(min_value=1, max_value=10**9),
    flag=st.booleans(),
    amount=st.from_regex(r"\A[0-9]{1,6}(\.[0-9]{1,9})?\Z"),
)
def test_any_entry_comes_back_as_it_was(words: str, tokens: int, flag: bool, amount: str) -> None:
    import tempfile  # noqa: PLC0415 - hypothesis runs without fixtures

    long = LongEntry(above=tokens, input=amount, output=amount)
    one = entry(source=words, context_window=tokens, supports_vision=flag, input=amount, output=amount, long=long)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / imported.FILE).write_text(render({one.key: one}))
        assert imported.read(Path(folder)) == {one.key: one}


def test_what_was_verified_by_hand_no_import_touches() -> None:
    by_hand, stale = entry("a", input="9", output="9", verified=True), entry("b", input="1", output="1")
    gone = entry("c")
    old = {one.key: one for one in (by_hand, stale, gone)}
    new = [entry("a", input="1", output="1"), entry("b", input="2", output="2"), entry("d")]
    found = merged(old, new)
    assert [found["openai", name].input for name in "abcd"] == ["9", "2", None, None]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("imported = 1", "it holds one list, `imported`, and nothing else"),
        ("imported = []\n[[price]]", "it holds one list, `imported`, and nothing else"),
        ("imported = [", "it is not TOML"),
        ("imported = [ 1 ]", "entry number 1: the entry: "),
        ('imported = [ { provider = "x" } ]', "entry number 1: model: Field required"),
        ('imported = [ { provider = "x", colour = 1 } ]', "entry number 1: colour: "),
        (
            render({("a", "b"): entry()}).replace("]\n", "") + render({("a", "b"): entry()}).split("[\n")[1],
            "another one",
        ),
    ],
)
def test_a_spoilt_file_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / imported.FILE).write_text(text)
    with pytest.raises(CatalogError) as caught:
        imported.read(tmp_path)
    assert all(problem.startswith("imported.toml: ") for problem in caught.value.problems)
    assert sentence in str(caught.value)
