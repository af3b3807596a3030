"""What `ni credits`, `ni usage` and `ni reconcile` print."""

from typing import Any

from cli.gateway import table
from cli.reconcile import shown

SUM = {"entries": 2, "amount": "1.50"}


def report(*first: dict[str, Any], behind: tuple[str, ...] = ()) -> dict[str, Any]:
    pair = {"pair": "ledger=usage", "left": SUM, "right": SUM, "differences": len(first), "first": list(first)}
    up_to = {"journal": 7, "events": 9}
    return {"pairs": [pair], "up_to": up_to, "behind": list(behind), "differences": len(first)}


def test_a_table_has_numbers_to_the_right_and_words_to_the_left() -> None:
    assert table(("model", "cost"), [("m", "-1.5"), ("longer", "10.25")]).split("\n") == [
        "model    cost",
        "m        -1.5",
        "longer  10.25",
    ]
    assert table(("model", "cost"), []) == "model  cost"


def test_books_that_agree_say_so() -> None:
    lines = shown(report()).split("\n")
    assert lines[1].split() == ["ledger=usage", "2", "1.50", "2", "1.50", "0"]
    assert lines[-2:] == ["compared up to message 7 of LEDGER and 9 of EVENTS", "no differences"]


def test_each_difference_names_its_account_and_what_either_book_says() -> None:
    text = shown(report({"tenant": "t_one", "kind": "", "left": SUM, "right": {"entries": 1, "amount": "1.00"}}))
    assert "t_one" in text
    assert "2 (1.50) against 1 (1.00)" in text
    assert text.endswith("\n1 difference")


def test_a_copy_that_is_behind_is_named() -> None:
    assert "facts, usage" in shown(report(behind=("facts", "usage")))
